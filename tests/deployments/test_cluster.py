"""The graph on a real Ray cluster, with an engine that answers from a script."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.fit.gpus import named
from deployments.scripted_engine import IR_TEXT
from tests.documents import command_with, shell

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PROMPT = {"prompt": "Double a number: double(2) == 4"}
Serve = Callable[[dict[str, Any]], AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    jobs = {"database": str(tmp_path_factory.mktemp("jobs") / "jobs.sqlite")}
    with serve({"engine": {"kind": "scripted", "scripted_delay_s": 0.3}, "jobs": jobs}) as service:
        yield service


def test_a_request_comes_back_as_a_verified_function(service: Any) -> None:
    answer = service.lift(**PROMPT, n=5)
    assert answer.verdict.level == "verified"
    assert answer.code.function == answer.ir.signature.name == "double"
    assert answer.variations == 4, "no more than settle the verdict"
    assert [report.stage for report in answer.stages] == ["ir", "code", "validate"]


def test_wrong_code_is_a_verdict_after_a_repair(service: Any) -> None:
    answer = service.lift(prompt="Triple a number: double(2) == 6")
    assert answer.verdict.level == "rejected"
    assert answer.verdict.findings[0].counterexample == "double(2)"
    assert answer.stages[1].attempts == 3, "two waves and a repair"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"n": 1_000}, "n"), ({"prompt": ""}, "prompt"), ({"examples": ["nothing"]}, "examples.0"), ({"x": 1}, "x")],
)
def test_bad_input_is_refused_by_name(service: Any, body: dict[str, object], field: str) -> None:
    answer = service.client.post("/v1/lift", json={**PROMPT, **body})
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_a_job_is_done_by_the_graph(service: Any) -> None:
    body = {"requests": [PROMPT, {"prompt": "Triple a number: double(2) == 6"}]}
    answer = service.client.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    where = answer.headers["location"]
    until = time.monotonic() + 60
    while service.client.get(where).json()["ended_at"] is None:
        assert time.monotonic() < until
        time.sleep(0.2)
    lines = [json.loads(line) for line in service.client.get(f"{where}/results").text.splitlines()]
    assert [line["response"]["verdict"]["level"] for line in lines] == ["verified", "rejected"]


def test_a_request_with_a_key_is_lifted_once(service: Any) -> None:
    first, second = [
        service.client.post("/v1/lift", json=PROMPT, headers={"idempotency-key": "cluster"}) for _ in range(2)
    ]
    assert first.status_code == 200
    assert first.content == second.content


def test_a_deadline_ends_the_work(service: Any) -> None:
    begun = time.monotonic()
    assert service.client.post("/v1/lift", json={**PROMPT, "timeout_s": 0.2}).status_code == 504
    assert time.monotonic() - begun < 5


def test_the_ir_is_told_while_it_is_written(service: Any) -> None:
    """Over two hops: from the engine to its stage, and from there to the ingress."""
    with service.client.stream("POST", "/v1/lift", json={**PROMPT, "stream": True}) as answer:
        told = [json.loads(event.data) for event in EventSource(answer).iter_sse() if event.data]
    deltas = [event for event in told if event["event"] == "ir.delta"]
    assert [event["event"] for event in told[: len(deltas) + 2]] == ["accepted", *["ir.delta"] * len(deltas), "ir.done"]
    assert len(deltas) > 1
    assert [delta["begins"] for delta in deltas] == [True, *[False] * (len(deltas) - 1)]
    assert "".join(delta["text"] for delta in deltas) == IR_TEXT


def test_a_stream_whose_connection_was_lost_is_resumed(service: Any) -> None:
    """Serve cancels what a request has called when its client is gone; the work of a stream goes on all the same."""
    with service.client.stream("POST", "/v1/lift", json={**PROMPT, "stream": True}) as answer:
        first = next(EventSource(answer).iter_sse())
    assert first.event == "accepted"
    time.sleep(0.7)
    events = f"/v1/lift/{json.loads(first.data)['request_id']}/events"
    with service.client.stream("GET", events, headers={"last-event-id": first.id}) as answer:
        rest = [event for event in EventSource(answer).iter_sse() if event.data]
    assert rest[0].id == "2"
    assert {event.event for event in rest} >= {"ir.done", "candidate.done", "verdict"}
    assert rest[-1].event == "answer"
    assert json.loads(rest[-1].data)["response"]["verdict"]["level"] == "verified"


def test_code_that_is_brought_gets_a_verdict(service: Any) -> None:
    body = {"code": "def f(x):\n    return x + 1", "function": "f"}
    for example, level in (("f(1) == 2", "verified"), ("f(1) == 3", "rejected")):
        answer = service.client.post("/v1/validate", json={**body, "examples": [example]})
        assert answer.json()["level"] == level


def test_requests_at_once_do_not_disturb_each_other(service: Any) -> None:
    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=service.client.base_url, timeout=60) as client:
            return await asyncio.gather(*(client.post("/v1/lift", json=PROMPT) for _ in range(16)))

    answers = asyncio.run(all_at_once())
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len({answer.json()["request_id"] for answer in answers}) == 16


def test_an_evaluation_asks_a_running_service(service: Any, tmp_path: Path) -> None:
    url, kept = str(service.client.base_url).rstrip("/"), tmp_path / "rows.jsonl"
    done = CliRunner().invoke(app, ["eval", "--url", url, "--limit", "3", "--n", "1", "--out", str(kept)])
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert [(row["level"], row["plus"]) for row in found] == [("rejected", False)] * 3


def test_the_commands_of_the_readme_are_answered(service: Any) -> None:
    url = str(service.client.base_url).rstrip("/")
    generated = shell(f"{command_with('lift generate')} --url {url}")
    assert generated.returncode == 0, generated.stderr
    assert "def double" in generated.stdout
    asked = shell(command_with("curl").replace("http://127.0.0.1:8000", url))
    assert json.loads(asked.stdout)["verdict"]["level"] == "likely"


def test_the_stages_stay_small(service: Any) -> None:
    for name in ("Ingress", "IRStage", "CodeStage", "Validator"):
        assert service.replica(name).memory_info().rss < 500 * 2**20, name


def test_a_dead_engine_comes_back_and_nobody_waits_in_vain(service: Any) -> None:
    """A request meets the dead replica, or waits for the new one; it never hangs and never fails without a word."""
    service.replica("Engine").kill()
    statuses: list[int] = []
    until = time.monotonic() + 60
    while statuses[-3:] != [200] * 3 and time.monotonic() < until:
        answer = service.client.post("/v1/lift", json={**PROMPT, "timeout_s": 30})
        statuses.append(answer.status_code)
        assert answer.status_code in (200, 503), answer.text
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["content-type"] == "application/problem+json"
            time.sleep(0.5)
    assert statuses[-3:] == [200] * 3


@pytest.fixture(scope="module")
def pooled(serve: Serve) -> Iterator[Any]:
    """A quick engine for each model stage."""
    engine = {"kind": "scripted", "scripted_delay_s": 0.05}
    with serve({"pools": "per_stage", "engine": engine, "repairs": 0}) as service:
        yield service


def test_each_model_stage_can_have_a_pool_of_its_own(pooled: Any) -> None:
    assert pooled.lift(**PROMPT).verdict.level == "verified"
    assert pooled.replica("IREngine").pid != pooled.replica("CodeEngine").pid


MEASURED = """
applications:
  - name: lift
    import_path: deployments.app:build
    args: {engine: {kind: scripted, scripted_delay_s: 0.05}, repairs: 0}
"""


def test_the_graph_is_compared_with_its_stages_and_its_engine(pooled: Any, tmp_path: Path) -> None:
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text(MEASURED, encoding="utf-8")
    asked = [str(Path(sys.executable).with_name("lift")), "bench", "graph", "config.yaml"]
    asked += ["--url", str(pooled.client.base_url), "--clients", "1,4", "--repeats", "1", "--singles", "1"]
    asked += ["--gpu", "h100", "--record", "gpu/graph"]
    ran = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "docs" / "results" / "gpu" / "graph.json").read_text(encoding="utf-8"))
    at_4 = found["summary"]["4"]
    assert {"Ingress", "IRStage", "CodeStage", "Validator", "IREngine", "CodeEngine", "proxy"} <= set(at_4["cpu_ms"])
    assert at_4["graph"]["tokens_per_s"] > 0
    assert len(at_4["graph_over_process"]) == len(at_4["graph_over_engine"]) == 1
    assert sum(at_4["levels"].values()) == 16
    seconds = sum(row["seconds"] for row in found["rows"] if (row["arm"], row.get("clients")) == ("graph", 4))
    assert at_4["usd_per_request"] == pytest.approx(named("H100").usd_per_hour / 3_600 * seconds / 16, rel=1e-3)
    assert found["summary"]["singles"]["pairs"] == 18
    figures = json.loads((tmp_path / "docs" / "results" / "summary.json").read_text(encoding="utf-8"))
    assert {"graph.throughput_ratio_4", "graph.engine_ratio_1", "graph.added_ms_p50"} <= {f["id"] for f in figures}


@pytest.mark.parametrize(
    ("engine", "named"),
    [({"model": "no/such-model"}, "no/such-model"), ({"modle": "x"}, "modle"), ({"kind": "magic"}, "kind")],
)
def test_a_deploy_that_cannot_work_fails_by_name(serve: Serve, engine: dict[str, str], named: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=named), serve({"engine": engine}):
        pass
