"""What went on beside the requests: replicas and queues by Prometheus, and marks of what was done to the service."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import Field, TypeAdapter, ValidationError

from schemas.wire import Wire

QUERIES: Mapping[str, tuple[str, str]] = {
    "replicas": ("deployment", 'max by (deployment) (ray_lift_replicas{state="running"})'),
    "cold starts": ("deployment", 'max by (deployment) (ray_lift_replicas{state="starting"})'),
    "queue": ("deployment", "sum by (deployment) (ray_serve_deployment_queued_queries)"),
    "to be let in": ("", "sum(ray_lift_admission_waiting)"),
}
"""By what they tell: the label that tells their lines apart, and the query."""
_POINTS = 300

Lines = dict[str, list[tuple[float, float]]]


class Mark(Wire):
    t: Annotated[float, Field(ge=0)]
    """Unix time."""
    what: Annotated[str, Field(min_length=1)]


def watched(prometheus: str, begin: float, end: float) -> dict[str, Lines]:
    """Lines of seconds since `begin` and values, by query and by label. Raises `ValueError` that says what is wrong."""
    step = max((end - begin) / _POINTS, 1.0)
    found = {}
    with httpx.Client(base_url=prometheus.rstrip("/"), timeout=10) as client:
        for name, (label, query) in QUERIES.items():
            asked = {"query": query, "start": str(begin), "end": str(end), "step": f"{step:.3f}"}
            if lines := _lines(client, asked, label, begin):
                found[name] = lines
    return found


def _lines(client: httpx.Client, asked: dict[str, str], label: str, begin: float) -> Lines:
    try:
        answer = client.get("/api/v1/query_range", params=asked).raise_for_status()
        series: list[dict[str, Any]] = answer.json()["data"]["result"]
        return {
            one["metric"].get(label, "all"): [(round(float(t) - begin, 3), float(v)) for t, v in one["values"]]
            for one in series
        }
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Prometheus at {client.base_url} told nothing: {type(error).__name__}: {error}") from None


def marks(path: Path) -> list[Mark]:
    """Raises `ValueError` by the number of the line that is none."""
    adapter = TypeAdapter(Mark)
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                found.append(adapter.validate_python(json.loads(line)))
            except (ValidationError, ValueError) as error:
                raise ValueError(
                    f'{path}, line {number}: {{"t": UNIX_TIME, "what": "…"}} is wanted ({error})'
                ) from None
    return found
