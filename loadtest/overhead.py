"""`python -m loadtest.overhead`: what the graph itself costs a request, with a scripted engine.

One request at a time, so that nothing queues; kinds interleaved, so that a slow moment of the machine meets all alike.
In turn with Serve's default flags, with those of production (`lift serve --production`), and with the model stages
within the ingress besides, as cluster/serve.yaml has them, all with an engine that answers at once; then the last with
one that takes its time: while it writes the other processes sleep, and each wakes with cold caches, as beside a model.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from loadtest.service import served
from schemas.api import LiftResponse
from schemas.figure import Figure, circumstances, index, write_result

COMMAND = "make bench"
CONFIG = Path("cluster/serve.scripted.yaml")
URL = "http://127.0.0.1:8100"
LIFT = {"prompt": "Double a number: double(2) == 4"}
_WARM_UP = 20


@dataclass(frozen=True)
class Shape:
    """Of a service."""

    figure: str
    production: bool
    model_stages: str
    engine_s: float = 0.0
    """That the engine takes for a call."""


SERVICES = {
    "default": Shape("graph.scripted_ms_p50", production=False, model_stages="deployed"),
    "deployed": Shape("graph.scripted_deployed_ms_p50", production=True, model_stages="deployed"),
    "production": Shape("graph.scripted_production_ms_p50", production=True, model_stages="ingress"),
    "writing": Shape("graph.scripted_writing_ms_p50", production=True, model_stages="ingress", engine_s=0.3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=60, help="of each kind and service (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="in which each service is started (default: %(default)s)")
    asked = parser.parse_args()
    rows = [row for _ in range(asked.rounds) for name in SERVICES for row in _round(name, asked.requests)]
    summary = {name: _summary([row for row in rows if row["service"] == name]) for name in SERVICES}
    write_result("overhead", summary, rows, COMMAND)
    where = {"unit": "ms", "goal": "< 15", "command": COMMAND, "data": "overhead.json", **circumstances()}
    index(
        [Figure(id=shape.figure, value=summary[name]["graph_ms"]["p50"], **where) for name, shape in SERVICES.items()]
    )


def _round(name: str, requests: int) -> Iterator[dict[str, Any]]:
    """One service, started and stopped again. `cpu_ms` of all its processes, the validator's and idle ones' too."""
    shape = SERVICES[name]
    with _config(shape) as config, served(config, URL, production=shape.production) as service:
        for _ in range(_WARM_UP):
            _measure(service.client)
        begun = service.cpu_s()
        rows = [_measure(service.client) for _ in range(requests)]
        cpu_ms = (service.cpu_s() - begun) / requests * 1_000
    yield from ({"service": name, **row, "cpu_ms": round(cpu_ms, 3)} for row in rows)


@contextmanager
def _config(shape: Shape) -> Iterator[Path]:
    data = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    [application] = data["applications"]
    application["args"]["model_stages"] = shape.model_stages
    application["args"]["engine"]["scripted_delay_s"] = shape.engine_s
    if shape.model_stages == "ingress":
        deployments = application["deployments"]
        application["deployments"] = [one for one in deployments if one["name"] not in ("IRStage", "CodeStage")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, CONFIG.name)
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        yield path


def _summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {name: _quantiles([row[name] for row in rows]) for name in rows[0] if name != "service"}


def _measure(client: httpx.Client) -> dict[str, float]:
    """Milliseconds of one bare answer of the ingress, and of one lift with its parts.

    `graph_ms` is what is left of a lift without the work of validator and engine: HTTP, the pipeline, two model stages
    with an engine call each, and the hops.
    """
    begun = time.perf_counter()
    client.get("/healthz").raise_for_status()
    bare = time.perf_counter()
    answer = client.post("/v1/lift", json=LIFT).raise_for_status()
    lift_ms = (time.perf_counter() - bare) * 1_000
    reports = LiftResponse.model_validate_json(answer.content).stages
    stages = {report.stage: (report.seconds - report.engine_s) * 1_000 for report in reports}
    engine_ms = sum(report.engine_s for report in reports) * 1_000
    return {
        "healthz_ms": round((bare - begun) * 1_000, 3),
        "lift_ms": round(lift_ms, 3),
        **{f"{name}_ms": round(took_ms, 3) for name, took_ms in stages.items()},
        "graph_ms": round(lift_ms - stages["validate"] - engine_ms, 3),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 3), "p95": round(cuts[94], 3), "p99": round(cuts[98], 3)}


if __name__ == "__main__":
    main()
