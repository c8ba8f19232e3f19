"""`lift report` against the real API, and against servers that are none or that fail."""

import asyncio
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from deployments.cli.main import app as lift
from deployments.report.criteria import Criteria, CriteriaInvalid, read, ticks
from deployments.report.findings import evidenced
from deployments.report.markdown import markdown
from deployments.report.run import Wanted, report
from deployments.settings import ApiSettings
from lift_sys.errors import OutputInvalid
from lift_sys.evaluation.summary import Price
from schemas import Evidence, Verdict
from tests.conftest import free_port
from tests.deployments.scripted_service import VERDICT, ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def wanted(url: str, **changes: Any) -> Wanted:
    return replace(Wanted(url, None, requests=4, at_once=2, timeout_s=5.0, cold=None, price=None), **changes)


async def report_on(url: str, **changes: Any) -> dict[str, Any]:
    """The report, once it is plain that it can be written down and read."""
    found = await report(wanted(url, **changes), lambda sample: None)
    json.dumps(found)
    assert markdown(found, ticks(Criteria(), found["findings"])).startswith(f"# {url}")
    return found


async def test_an_endpoint_that_does_all_it_must_meets_all_criteria() -> None:
    service = ScriptedService()
    async with served(service.api()) as url:
        found = await report_on(url, price=Price(1.0, 2.0))
    findings = found["findings"]
    assert all(tick.met for tick in ticks(Criteria(), findings))
    assert (findings["asked"], findings["answered"], findings["schema_valid"]) == (4, 1.0, 1.0)
    assert findings["verdicts"] == {"verified": 4}
    assert findings["tokens"] == {"prompt": 60, "cached": 0, "completion": 108}
    assert findings["usd_per_verified"] == pytest.approx((60 * 1 + 108 * 2) / 1e6 / 4)
    assert findings["latency_s"]["ir"]["p50"] == findings["latency_s"]["code"]["p99"] == 0.1
    assert 0 < findings["latency_s"]["validate request"]["max"] <= 5
    assert (findings["models"], findings["sandboxes"], found["api_version"]) == (["scripted"], ["namespaces"], "1")
    assert len(service.asked) == 8
    text = markdown(found, ticks(Criteria(), findings))
    assert "all criteria met" in text
    assert "| total_p99_s | ≤ 120 |" in text


async def test_a_service_that_refuses_says_so_in_the_report_and_misses_its_criteria() -> None:
    service = ScriptedService(failures={"code": OutputInvalid("code", "no brace was closed")})
    async with served(service.api()) as url:
        findings = (await report_on(url, at_once=1))["findings"]
    assert findings["asked"] == 3
    assert "3 requests in a row had no answer" in findings["broke_off"]
    assert "no brace was closed" in next(iter(findings["problems"]))
    missed = [tick.criterion for tick in ticks(Criteria(), findings) if not tick.met]
    assert {"answered", "schema_valid", "total_p50_s"} <= set(missed)


async def test_a_service_that_dies_in_the_midst_leaves_what_was_measured_until_then() -> None:
    service = ScriptedService()
    api = service.api()

    async def mortal(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/lift" and service.began == 5:
            raise ConnectionError("dead")  # uvicorn ends the connection
        await api(scope, receive, send)

    async with served(dying(mortal)) as url:
        findings = (await report_on(url, requests=20, at_once=1))["findings"]
    assert findings["asked"] == 8
    assert findings["answered"] == 0.625
    assert findings["latency_s"]["total"]["p50"] > 0
    assert "broken" in next(iter(findings["problems"]))


def dying(app: App) -> App:
    """Where the application raises, the connection is cut in the midst of an answer."""

    async def cutting(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ConnectionError:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            raise

    return cutting


async def test_a_service_that_stalls_costs_no_more_than_the_time_for_three_answers() -> None:
    service = ScriptedService(closed={"ir"})
    async with served(service.api()) as url:
        findings = (await report_on(url, requests=9, at_once=1, timeout_s=0.3))["findings"]
        service.closed.clear()
    assert findings["asked"] == 3
    assert findings["answered"] == 0


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(2)


async def somebody_else(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("Welcome to nginx!")(scope, receive, send)


async def other_api(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"info": {"title": "FastAPI", "version": "3"}})(scope, receive, send)


@pytest.mark.parametrize(
    ("app", "said"),
    [(silent, "no answer within 0.5 s"), (somebody_else, "no lift-sys is at"), (other_api, "called 'FastAPI'")],
)
async def test_who_is_no_lift_sys_is_asked_for_nothing(app: App, said: str) -> None:
    async with served(app) as url:
        findings = (await report_on(url, door_s=0.5))["findings"]
    assert said in findings["broke_off"]
    assert findings["asked"] == 0
    assert not any(tick.met for tick in ticks(Criteria(), findings))


async def test_where_nobody_listens_the_report_says_so() -> None:
    findings = (await report_on(f"http://127.0.0.1:{free_port()}"))["findings"]
    assert "no connection" in findings["broke_off"]


async def test_plain_http_behind_https_is_no_tls() -> None:
    async with served(ScriptedService().api()) as url:
        findings = (await report_on(url.replace("http:", "https:")))["findings"]
    assert "TLS" in findings["broke_off"]


async def test_a_missing_key_is_asked_for(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text("keys: []\n", encoding="utf-8")
    async with served(ScriptedService().api(ApiSettings(keys_file=keys))) as url:
        findings = (await report_on(url, at_once=1))["findings"]
    assert "send a valid API key" in findings["broke_off"]
    assert findings["asked"] == 1


async def test_a_cold_start_is_provoked_by_a_command_and_timed_until_the_first_answer(tmp_path: Path) -> None:
    service = ScriptedService()
    mark = tmp_path / "started"
    async with served(service.api()) as url:
        cold = (await report_on(url, cold=f"sleep 0.3; touch {mark}", requests=1))["findings"]["cold"]
        idle = (await report_on(url, cold="idle", requests=1))["findings"]["cold"]
        failed = (await report_on(url, cold="exit 3", requests=1))["findings"]
    assert mark.exists()
    assert 0.3 <= cold["ready_s"] <= cold["first_answer_s"] < 5
    assert "the first request" in idle["how"]
    assert "exit code 3" in failed["cold"]["said"]
    assert {t.criterion: t.met for t in ticks(Criteria(), failed)}["cold_start_s"] is False


PASSED, FAILED = VERDICT.evidence[0], VERDICT.evidence[0].model_copy(update={"outcome": "failed"})


@pytest.mark.parametrize(
    ("level", "evidence", "bears"),
    [
        ("verified", [PASSED], True),
        ("verified", [PASSED, FAILED], False),
        ("likely", [VERDICT.evidence[2]], False),
        ("rejected", [PASSED, FAILED], True),
        ("rejected", [PASSED], False),
        ("unverified", [VERDICT.evidence[2]], True),
    ],
)
def test_a_verdict_is_to_rest_on_what_was_tried(level: Any, evidence: list[Evidence], bears: bool) -> None:
    assert evidenced(Verdict(level=level, reason="so", evidence=tuple(evidence), sandbox=None)) is bears


def test_criteria_are_the_usual_ones_but_for_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "criteria.yaml"
    path.write_text("total_p50_s: 2\nnot_rejected: null\n", encoding="utf-8")
    assert read(path) == Criteria(total_p50_s=2, not_rejected=None)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("total_p5_s: 2", "total_p5_s"),
        ("answered: 90", "answered: Input should be less than or equal to 1, not 90"),
        ("total_p50_s: [", "not YAML"),
        ("- a", "the file"),
    ],
)
def test_criteria_that_cannot_be_are_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "criteria.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CriteriaInvalid) as refusal:
        read(path)
    assert named in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_an_amount_on_the_limit_meets_it_and_one_that_is_missing_does_not() -> None:
    measured = {"answered": 1.0, "schema_valid": None, "total_p50_s": 40.0, "total_p99_s": 120.1}
    met = {tick.criterion: tick.met for tick in ticks(Criteria(), measured)}
    assert met["answered"]
    assert met["total_p50_s"]
    assert not met["schema_valid"]
    assert not met["total_p99_s"]
    assert "cold_start_s" not in met
    assert "usd_per_verified" not in met


DOCUMENT = Path("docs/report.md").read_text(encoding="utf-8")
COMMANDS = [line.split("  #")[0] for line in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)[0].splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_commands_of_the_document_do_as_it_says(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [criteria] = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "criteria.yaml").write_text(criteria, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    async with served(ScriptedService().api()) as url:
        words = shlex.split(command.replace("http://127.0.0.1:8000", url).replace("kubectl", ": kubectl"))[1:]
        run = await asyncio.to_thread(CliRunner().invoke, lift, words, env={"LIFT_URL": url})
    assert run.exit_code == 0, run.output
    assert "all criteria met" in run.output
    if "--out" in command:
        written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        assert all(tick["met"] for tick in written["criteria"])
        assert len(written["rows"]) == 50
        assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith(f"# {url}")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--url", "lift.example.com"], 2, "is no address"),
        (["--url", "http://[::1"], 2, "is no address"),
        (["--url", "http://127.0.0.1:1"], 1, "no connection"),
        (["--criteria", "nowhere.yaml"], 2, "nowhere.yaml: No such file"),
        (["--requests", "0"], 2, "--requests"),
    ],
)
def test_the_exit_code_tells_a_bad_command_from_a_bad_endpoint(words: list[str], code: int, said: str) -> None:
    run = CliRunner().invoke(lift, ["report", *words])
    assert run.exit_code == code
    assert said in " ".join(run.output.split())
