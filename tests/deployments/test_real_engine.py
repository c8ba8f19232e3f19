"""The whole system on real input: Ray Serve, SGLang on the CPU, XGrammar, and a small real model."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import symtable
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import httpx
import jsonschema
import pytest
from httpx_sse import EventSource

from deployments.bench.watch import watching
from schemas import CODE_GENERATION_SCHEMA, IR_JSON_SCHEMA, LiftResponse

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

Serve = Callable[[dict[str, Any]], AbstractContextManager[Any]]

PROMPTS = [
    "Add two integers. For example add(2, 3) == 5.",
    "اقلب النص: reverse('日本👍') == '👍本日'",
]


@pytest.fixture(scope="module")
def service(serve: Serve) -> Iterator[Any]:
    engine = {
        "model": "Qwen/Qwen2.5-Coder-0.5B-Instruct",
        "device": "cpu",
        "max_cached_tokens": 16_384,
        "max_running_requests": 16,
    }
    code, api = {"n": 2, "max_tokens": 160}, {"stream_kept_s": 1}
    args = {"engine": engine, "code": code, "api": api, "repairs": 0}
    with quit_ignored(), serve(args) as service:
        yield service


@contextlib.contextmanager
def quit_ignored() -> Iterator[None]:
    """As a shell starts a process in the background: SGLang cannot end such a one by its SIGQUIT."""
    usual = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGQUIT, usual)


@pytest.fixture(scope="module")
def asked(service: Any) -> tuple[LiftResponse, list[dict[str, Any]]]:
    """Both prompts at once: the first one's answer, and the events of the second."""
    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        plain, streamed = pool.submit(service.lift, prompt=PROMPTS[0]), pool.submit(heard, service, PROMPTS[1])
        return plain.result(), streamed.result()


def heard(service: Any, prompt: str) -> list[dict[str, Any]]:
    with service.client.stream("POST", "/v1/lift", json={"prompt": prompt, "stream": True}) as answer:
        return [json.loads(event.data) for event in EventSource(answer).iter_sse() if event.data]


@pytest.fixture(scope="module")
def answers(asked: tuple[LiftResponse, list[dict[str, Any]]]) -> dict[str, LiftResponse]:
    plain, told = asked
    return dict(zip(PROMPTS, (plain, LiftResponse.model_validate(told[-1]["response"])), strict=True))


def test_an_operator_sees_tokens_their_times_and_grammars(answers: dict[str, LiftResponse], service: Any) -> None:
    """SGLang tells of a first token only with its metrics on; it must come before the last."""
    sequences = sum(len(report.finish_reasons) for answer in answers.values() for report in answer.stages)
    with watching(service.pid) as watch:
        url = f"http://127.0.0.1:{watch.metrics_port}/metrics"
    until = time.monotonic() + 60
    while _total(text := httpx.get(url).text, "ray_lift_tpot_seconds_count") < sequences and time.monotonic() < until:
        time.sleep(1)
    assert _total(text, "ray_lift_ttft_seconds_count") == sequences
    assert (
        0 < _total(text, "ray_lift_ttft_seconds_sum") < sum(answer.seconds for answer in answers.values()) * sequences
    )
    assert 0.001 < _total(text, "ray_lift_tpot_seconds_sum") / _total(text, "ray_lift_tpot_seconds_count") < 10
    assert "ray_lift_grammar_seconds{" in text
    assert _total(text, "ray_lift_engine_tokens") > 0


def _total(text: str, series: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{series}{{.*}} (\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_answer_is_consistent(service: Any, answers: dict[str, LiftResponse], prompt: str) -> None:
    """Whatever the model wrote: it fits its schema, and the verdict is what a second look at the code gives."""
    answer = answers[prompt]
    jsonschema.validate(json.loads(answer.ir.model_dump_json()), IR_JSON_SCHEMA)
    jsonschema.validate(json.loads(answer.code.model_dump_json()), CODE_GENERATION_SCHEMA)
    stated = [e for e in answer.verdict.evidence if e.clause.startswith("examples.stated")]
    assert stated
    example = prompt[prompt.index(answer.code.function + "(") :].rstrip(".")
    body = {"code": answer.code.source, "function": answer.code.function, "examples": [example]}
    again = service.client.post("/v1/validate", json=body).json()
    assert (again["level"] == "rejected") == (answer.verdict.level == "rejected")
    if answer.verdict.level != "rejected":
        assert binds(answer.code.source, answer.code.function)
        assert all(e.outcome == "passed" for e in stated)


def binds(source: str, name: str) -> bool:
    """Whether the module has this name: of a `def`, of an import, or of a lambda, which a model may write as well."""
    symbol = symtable.symtable(source, "answer", "exec").lookup(name)
    return symbol.is_assigned() or symbol.is_imported()


def test_an_answer_is_utf8_from_end_to_end(service: Any, answers: dict[str, LiftResponse]) -> None:
    """What the user wrote in other scripts is held to as it is: no escape, no replacement character."""
    answer = answers[PROMPTS[1]]
    assert any("'日本👍'" in example for example in answer.examples)
    assert "\ufffd" not in answer.model_dump_json()


def test_an_answer_says_what_it_cost(answers: dict[str, LiftResponse]) -> None:
    for answer in answers.values():
        ir, code, validate = answer.stages
        assert ir.completion_tokens > 50
        assert ir.cached_tokens > 200, "the prefix of the IR call is warm"
        assert code.prompt_tokens > 0
        assert code.finish_reasons == ("stop",) * answer.variations, "the grammar ends, and not the limit"
        assert validate.seconds > 0
        assert answer.model == "Qwen/Qwen2.5-Coder-0.5B-Instruct"


def test_the_ir_is_told_token_by_token(asked: tuple[LiftResponse, list[dict[str, Any]]]) -> None:
    _, told = asked
    deltas = [event for event in told if event["event"] == "ir.delta"]
    attempts = [index for index, delta in enumerate(deltas) if delta["begins"]]
    assert attempts[0] == 0
    text = "".join(delta["text"] for delta in deltas[attempts[-1] :])
    [done] = [event for event in told if event["event"] == "ir.done"]
    assert json.loads(text)["intent"] == done["ir"]["intent"], "what was heard is what was read"
    assert "\ufffd" not in text
    assert len(deltas) > 20
    assert len(attempts) == done["report"]["attempts"]


@pytest.mark.parametrize("stream", [False, True])
def test_work_that_nobody_waits_for_leaves_the_engine(service: Any, stream: bool) -> None:
    """A client that hangs up is seen at work first, and a few seconds later no more."""
    asyncio.run(ask_and_hang_up(service, stream))
    until_idle()


async def ask_and_hang_up(service: Any, stream: bool) -> None:
    async with httpx.AsyncClient(base_url=service.client.base_url, timeout=120) as client:
        asked = asyncio.create_task(client.post("/v1/lift", json={"prompt": "Parse a date", "n": 8, "stream": stream}))
        async with asyncio.timeout(60):  # else this test could not fail
            while not (await asyncio.to_thread(engine_load))["running"]:
                await asyncio.sleep(0.5)
        assert not asked.done()
        asked.cancel()


def test_work_past_its_deadline_leaves_the_engine(service: Any) -> None:
    assert service.client.post("/v1/lift", json={"prompt": "Parse a date", "timeout_s": 3}).status_code == 504
    until_idle()


def until_idle(limit_s: float = 20) -> None:
    """What is aborted counts as waiting until the scheduler's next step."""
    end = time.monotonic() + limit_s
    while (load := engine_load()) != {"running": 0, "waiting": 0}:
        assert time.monotonic() < end, load


def engine_load() -> dict[str, int]:
    """What SGLang itself says, asked through the cluster by a process that is no part of the service."""
    question = (
        "import json, ray; from ray import serve; ray.init('auto', log_to_driver=False, logging_level='error');"
        "engine = serve.get_deployment_handle('Engine', 'lift');"
        "print(json.dumps(engine.record_autoscaling_stats.remote().result(timeout_s=30)))"
    )
    asked = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 0, asked.stderr
    load: dict[str, int] = json.loads(asked.stdout.splitlines()[-1])
    assert load["used_tokens"] < load["capacity_tokens"]
    return {key: load[key] for key in ("running", "waiting")}


def test_a_prompt_longer_than_the_context_is_the_clients_mistake(service: Any) -> None:
    answer = service.client.post("/v1/lift", json={"prompt": "🜁" * 4_000})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "prompt"
    assert "tokens" in answer.json()["detail"]


def test_the_engine_replica_keeps_to_its_memory(service: Any) -> None:
    replica = service.replica("Engine")
    processes = [replica, *replica.children(recursive=True)]
    assert sum(p.memory_full_info().pss for p in processes) < 6 * 2**30


def test_a_dead_engine_is_a_503_until_its_weights_are_loaded_again(
    service: Any, answers: dict[str, LiftResponse]
) -> None:
    """SGLang's scheduler dies, as it would of a lack of memory; the replica around it has to notice."""
    children = service.replica("Engine").children(recursive=True)
    max(children, key=lambda process: process.memory_info().rss).kill()  # the one that holds the weights
    begun = time.monotonic()
    ir = answers[PROMPTS[0]].ir.model_dump(mode="json")  # so that only code is written
    refused = until(service, 503, ir, limit_s=60)
    assert time.monotonic() - begun < 60
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["content-type"] == "application/problem+json"
    assert "replica" in refused.json()["detail"]
    until(service, 200, ir, limit_s=300)


def until(service: Any, status: int, ir: dict[str, Any], limit_s: float) -> httpx.Response:
    """The first answer with this status, to one request after the other."""
    end = time.monotonic() + limit_s
    body = {"prompt": PROMPTS[0], "ir": ir, "n": 1, "timeout_s": 300}
    while time.monotonic() < end:
        answer: httpx.Response = service.client.post("/v1/lift", json=body)
        if answer.status_code == status:
            return answer
        time.sleep(0.5)
    pytest.fail(f"no {status} within {limit_s:g} s")
