"""`python -m loadtest.overhead`: what the graph itself costs a request, with an engine that answers at once.

One request at a time, so that nothing queues; kinds interleaved, so that a slow moment of the machine meets all alike.
With Serve's default flags and as in production (`lift serve --production`), in turn.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from loadtest.service import served
from schemas.api import LiftResponse
from schemas.figure import Figure, circumstances, index, write_result

COMMAND = "make bench"
CONFIG = Path("cluster/serve.scripted.yaml")
URL = "http://127.0.0.1:8100"
LIFT = {"prompt": "Double a number: double(2) == 4"}
FLAGS = ("default", "production")
_WARM_UP = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100, help="of each kind and service (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="in which each service is started (default: %(default)s)")
    asked = parser.parse_args()
    rows = [row for _ in range(asked.rounds) for name in FLAGS for row in _round(name, asked.requests)]
    summary = {name: _summary([row for row in rows if row["flags"] == name]) for name in FLAGS}
    write_result("overhead", summary, rows, COMMAND)
    where = {"unit": "ms", "goal": "< 15", "command": COMMAND, "data": "overhead.json", **circumstances()}
    ids = {"default": "graph.scripted_ms_p50", "production": "graph.scripted_production_ms_p50"}
    index([Figure(id=ids[name], value=summary[name]["graph_ms"]["p50"], **where) for name in FLAGS])


def _round(name: str, requests: int) -> Iterator[dict[str, Any]]:
    """One service, started and stopped again. `cpu_ms` of all its processes, the validator's and idle ones' too."""
    with served(CONFIG, URL, production=name == "production") as service:
        for _ in range(_WARM_UP):
            _measure(service.client)
        begun = service.cpu_s()
        rows = [_measure(service.client) for _ in range(requests)]
        cpu_ms = (service.cpu_s() - begun) / requests * 1_000
    yield from ({"flags": name, **row, "cpu_ms": round(cpu_ms, 3)} for row in rows)


def _summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {name: _quantiles([row[name] for row in rows]) for name in rows[0] if name != "flags"}


def _measure(client: httpx.Client) -> dict[str, float]:
    """Milliseconds of one bare answer of the ingress, and of one lift with its parts.

    `graph_ms` is what is left of a lift without the validator's own work: HTTP, the pipeline, two model stages with an
    engine call each, and the hop to the validator.
    """
    begun = time.perf_counter()
    client.get("/healthz").raise_for_status()
    bare = time.perf_counter()
    answer = client.post("/v1/lift", json=LIFT).raise_for_status()
    lift_ms = (time.perf_counter() - bare) * 1_000
    stages = {
        report.stage: report.seconds * 1_000 for report in LiftResponse.model_validate_json(answer.content).stages
    }
    return {
        "healthz_ms": round((bare - begun) * 1_000, 3),
        "lift_ms": round(lift_ms, 3),
        "ir_ms": stages["ir"],
        "code_ms": stages["code"],
        "validate_ms": stages["validate"],
        "graph_ms": round(lift_ms - stages["validate"], 3),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 3), "p95": round(cuts[94], 3), "p99": round(cuts[98], 3)}


if __name__ == "__main__":
    main()
