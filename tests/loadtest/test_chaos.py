"""Faults under load: how what came of one is judged, what is refused, and some into a small server."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from loadtest.chaos.client import Attempts
from loadtest.chaos.clock import Clock
from loadtest.chaos.experiment import Experiment, Load
from loadtest.chaos.faults import FAULTS, STOPPED_S, Scene
from loadtest.chaos.ground import Ground, in_postgres, on_disk
from loadtest.chaos.judge import SUCCESSIVE, Injected, judged, recovery_s
from loadtest.chaos.page import figures, page
from loadtest.chaos.processes import Family, NotHere
from loadtest.chaos.questions import question, what_is_wrong
from loadtest.chaos.relay import Relay
from loadtest.chaos.rows import Asked
from loadtest.postgres import programs
from schemas import LiftResponse
from tests.conftest import free_port
from tests.deployments.scripted_service import CODE, IR_, VERDICT

pytestmark = pytest.mark.slow

AT_S = 10.0
FAULT = Injected(at_s=AT_S, over_s=AT_S)
RATE = 2.0


def asked(number: int, **changed: Any) -> Asked:
    """One of a steady stream, as it is without a fault."""
    row = Asked(number=number, kind="lift", due_s=number / RATE, latency_s=0.4, statuses=(200,), ended=True)
    return row.model_copy(update=changed)


def stream(*hurt: Asked, count: int = 80) -> list[Asked]:
    others = {row.number: row for row in hurt}
    return [others.get(number) or asked(number) for number in range(count)]


def test_a_fault_that_nobody_feels_is_recovered_from_at_once() -> None:
    told = judged(stream(), FAULT, frozenset())
    assert (told["lost"], told["wrong"], told["recovery_s"], told["held"]) == (0, 0, 0.0, True)


@pytest.mark.parametrize(
    "hurt",
    [
        asked(24, statuses=(503, 200), latency_s=1.0),
        asked(24, statuses=(0, 409, 200), latency_s=2.0),
        asked(24, latency_s=9.0),
        asked(24, wrong="the answer of another"),
    ],
    ids=["refused first", "broken first", "late", "wrong"],
)
def test_recovery_counts_from_the_fault_to_the_first_of_those_that_are_fine(hurt: Asked) -> None:
    assert recovery_s(stream(hurt), FAULT) == 2.5, "number 25 is due 12.5 s from the start"


def test_a_request_that_was_in_work_at_the_fault_is_felt() -> None:
    in_work = asked(19, statuses=(0, 200), latency_s=3.0)
    assert recovery_s(stream(in_work), FAULT) == 0.0, "the next one was fine, and due at the fault"
    assert judged(stream(in_work), FAULT, frozenset({0}))["statuses"]["during"]["0"] == 1


def test_too_few_that_are_fine_are_no_recovery() -> None:
    relapses = [asked(number, statuses=(503, 200)) for number in range(21, 80, SUCCESSIVE)]
    told = judged(stream(*relapses), FAULT, frozenset({503}))
    assert told["recovery_s"] is None
    assert not told["held"]


@pytest.mark.parametrize(
    ("hurt", "lost", "refused"),
    [
        (asked(21, statuses=(0, 0), ended=False), 1, 0),
        (asked(21, statuses=(), ended=False), 1, 0),
        (asked(21, statuses=(503, 503), ended=False), 0, 1),
        (asked(21, statuses=(0, 503), ended=False), 0, 1),
        (asked(21, kind="job", statuses=(202,), ended=False), 1, 0),
        (asked(21, kind="job", statuses=(0, 503, 202), ended=True), 0, 0),
        (asked(21, statuses=(0, 200), ended=True), 0, 0),
    ],
)
def test_lost_is_what_was_accepted_and_never_answered(hurt: Asked, lost: int, refused: int) -> None:
    told = judged(stream(hurt), FAULT, frozenset({0, 503}))
    assert (told["lost"], told["refused"]) == (lost, refused)
    assert told["held"] == (lost == refused == 0)


def test_a_status_that_the_fault_does_not_explain_is_not_borne() -> None:
    told = judged(stream(asked(21, statuses=(500, 200))), FAULT, frozenset({503}))
    assert (told["unexpected"], told["held"]) == ([500], False)


def test_a_slow_recovery_is_not_borne() -> None:
    late = [asked(number, statuses=(503, 200)) for number in range(20, 42)]
    told = judged(stream(*late), FAULT, frozenset({503}))
    assert (told["recovery_s"], told["held"]) == (11.0, False)


@pytest.mark.anyio
async def test_who_is_told_when_to_come_again_comes_then() -> None:
    at: list[float] = []

    def refuse_once(request: httpx.Request) -> httpx.Response:
        at.append(time.monotonic())
        return httpx.Response(503, headers={"Retry-After": "1"}) if len(at) == 1 else httpx.Response(422)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse_once), base_url="http://here") as client:
        attempts = Attempts(client, "/v1/lift", question(1), "key")
        answered = await attempts.answer()
    assert answered is not None
    assert attempts.statuses == [503, 422]
    assert at[1] - at[0] >= 1.0


def test_what_is_frozen_is_given_the_time_in_which_it_may_be_busy() -> None:
    late = [asked(number, statuses=(503, 200)) for number in range(20, 42)]
    told = judged(stream(*late), FAULT, frozenset({503}), silent_s=8.5)
    assert (told["recovery_s"], told["held"]) == (11.0, True)


def answer(number: int) -> LiftResponse:
    """What a service with the scripted engine says to the request of this number."""
    kind, _, example = question(number).prompt.partition(" a number: ")
    verdict = VERDICT.model_copy(update={"level": {"Double": "verified", "Triple": "rejected"}[kind]})
    return LiftResponse(
        request_id="r", verdict=verdict, code=CODE, ir=IR_, examples=(example,), model="scripted", variations=1,
        stages=(), seconds=0.1,
    )  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 2, 30, 31])
def test_an_answer_is_wrong_to_everybody_else(number: int) -> None:
    assert what_is_wrong(number, answer(number)) is None
    assert "the answer of another" in str(what_is_wrong(number + 1, answer(number)))


def test_a_verdict_and_code_that_cannot_be_are_wrong() -> None:
    right = answer(1)
    rejected = right.verdict.model_copy(update={"level": "rejected"})
    assert "verdict rejected" in str(what_is_wrong(1, right.model_copy(update={"verdict": rejected})))
    other = right.code.model_copy(update={"source": "def double(x):\n    return x + x"})
    assert "not written" in str(what_is_wrong(1, right.model_copy(update={"code": other})))


def result(fault: str, **changed: Any) -> dict[str, Any]:
    told = judged(stream(), FAULT, frozenset({503})) | {"leaks": {"jails": 0}, "fault": fault, "does": "something"}
    told["busy"] = 0.4
    return {"commit": "abc", "summary": told | changed}


def test_the_page_says_which_faults_were_borne() -> None:
    text = page([result("kill-engine"), result("kill-stage", held=False, recovery_s=None)])
    [borne, other] = [line for line in text.splitlines() if line.startswith("| `kill-")]
    assert borne.endswith("| yes |")
    assert other.endswith("| **no** |")
    assert "Not recorded: `disk-full`, `kill-validator`, " in text


def test_figures_are_of_all_faults_and_know_no_recovery_that_did_not_come() -> None:
    good, bad = result("kill-engine", recovery_s=3.5), result("kill-stage", lost=2, recovery_s=None)
    assert {one.id: one.value for one in figures([good], "lift chaos")}["chaos.recovery_s_max"] == 3.5
    found = {one.id: one.value for one in figures([good, bad], "lift chaos")}
    assert found == {"chaos.lost": 2, "chaos.wrong": 0}


def test_figures_tell_the_faults_of_frozen_processes_from_the_others() -> None:
    killed = result("kill-engine", recovery_s=3.5)
    frozen = result("freeze-engine", recovery_s=13.0, silent_s=8.5)
    found = {one.id: one.value for one in figures([killed, frozen], "lift chaos")}
    assert (found["chaos.recovery_s_max"], found["chaos.recovery_frozen_s_max"]) == (3.5, 13.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--url", "http://127.0.0.1:9"], "no service at http://127.0.0.1:9"),
        (["--url", "nowhere"], "'nowhere' is no address"),
        (["--fault", "kill-everybody"], "no fault is called 'kill-everybody'; there are disk-full, kill-engine"),
        (["missing.yaml"], "missing.yaml"),
    ],
)
def test_what_cannot_be_is_said(given: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["chaos", *given])
    assert done.exit_code == 2
    assert said in done.output


def test_the_faults_are_listed() -> None:
    done = CliRunner().invoke(app, ["chaos", "--list"])
    assert [line.partition(":")[0] for line in done.output.splitlines()] == list(FAULTS)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(100):
        writer.write(piece)
    writer.close()


@pytest.mark.anyio
async def test_a_relay_passes_on_late_or_not_at_all_or_breaks() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    relay = Relay(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, relay.listening() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"one")
        assert await reader.read(100) == b"one"
        relay.cut = True
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting := asyncio.ensure_future(reader.read(100))), 0.1)
        relay.cut = False
        assert await waiting == b"two"
        relay.broken_share = 1.0
        writer.write(b"three")
        assert await reader.read(100) == b"", "the connection has ended"
        writer.close()


@contextlib.contextmanager
def doubling(ground: Ground, *options: str) -> Iterator[Scene]:
    port = free_port()
    command = [sys.executable, "-m", "tests.loadtest.doubler", ground.jobs, str(port), *options]
    with subprocess.Popen(command) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{url}/healthz")
                    break
                time.sleep(0.1)
            yield Scene(url, Family(psutil.Process(process.pid)), Relay(url), ground)
        finally:
            process.terminate()


@pytest.mark.siege
@pytest.mark.parametrize("options", [(), ("--mixed-up",)], ids=["all is well", "one answer is another's"])
def test_requests_and_jobs_are_followed_to_their_end(options: tuple[str, ...]) -> None:
    with on_disk() as ground, doubling(ground, *options) as scene:
        experiment = Experiment(scene, FAULTS["hang-ups"], Load(rate=8, seed=1, before_s=2.0))
        told = asyncio.run(experiment.run())
    assert max(row.due_s for row in experiment.rows) < 45, "no more is asked once all is well"
    assert (told["lost"], told["refused"]) == (0, 0)
    assert told["asked"]["job"] >= 3
    assert told["wrong"] == len(options), told["what_is_wrong"]


@pytest.mark.siege
def test_a_bad_network_loses_nothing_for_who_asks_again() -> None:
    with on_disk() as ground, doubling(ground) as scene:
        experiment = Experiment(scene, FAULTS["network-loss"], Load(rate=8, seed=1, before_s=2.0))
        told = asyncio.run(experiment.run())
    assert (told["lost"], told["refused"], told["wrong"], told["unexpected"]) == (0, 0, 0, [])
    assert told["statuses"]["during"]["0"] > 0, "connections broke"
    assert told["recovery_s"] is not None


@pytest.mark.siege
@pytest.mark.skipif(programs() is None, reason="asks for Postgres (Debian's package postgresql)")
def test_a_database_that_says_nothing_for_a_while_costs_time_only() -> None:
    with in_postgres() as ground, doubling(ground) as scene:
        experiment = Experiment(scene, FAULTS["database-silent"], Load(rate=8, seed=1, before_s=2.0))
        told = asyncio.run(experiment.run())
    assert (told["lost"], told["refused"], told["wrong"], told["unexpected"]) == (0, 0, 0, [])
    assert told["slowest_s"] > STOPPED_S / 2, "somebody had to wait for it"
    assert told["recovery_s"] is not None


def test_a_clock_jumps_in_whoever_is_started_to_follow_it_and_back(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    asked = "import sys, time as t\nfor _ in sys.stdin: print(t.time(), t.time_ns() / 1e9, t.monotonic(), flush=True)"
    command, environment = [sys.executable, "-c", asked], {**os.environ, **clock.variables()}
    with subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        assert process.stdin
        assert process.stdout
        for ahead_s in (0.0, 3_600.0, -60.0, 0.0):
            clock.move(ahead_s)
            process.stdin.write("now\n")
            wall, wall_ns, monotonic = map(float, process.stdout.readline().split())
            assert wall - time.time() == pytest.approx(ahead_s, abs=1)
            assert wall_ns - wall == pytest.approx(0, abs=1)
            assert monotonic - time.monotonic() == pytest.approx(0, abs=1)
        process.stdin.close()


def test_a_service_of_another_machine_has_no_processes_to_be_hurt(own_port: int) -> None:
    with pytest.raises(NotHere, match="on this machine"):
        Family.serving(f"http://127.0.0.1:{own_port}")
    with pytest.raises(NotHere, match="no process 'engine'"):
        FAULTS["kill-engine"].require(scene := Scene("http://127.0.0.1:1", Family(psutil.Process()), Relay("")))
    with pytest.raises(NotHere, match="no disk of its own"):
        FAULTS["disk-full"].require(scene)
    for name, part in {"database-silent": "database", "clock-jump": "clock"}.items():
        with pytest.raises(NotHere, match=f"no {part} of its own"):
            FAULTS[name].require(scene)


ONE_JAIL_LATER = """
import subprocess, sys, time
time.sleep(1)
jail = subprocess.run([sys.executable, "-c", "import time; time.sleep(60)  # as lift_sys.jail.zygote"])
sys.exit(-jail.returncode)
"""


@pytest.mark.anyio
async def test_who_comes_and_goes_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", ONE_JAIL_LATER]) as process:
        fault, scene = FAULTS["kill-jail"], Scene("", Family(psutil.Process(process.pid)), Relay(""))
        fault.require(scene)
        assert scene.family.of("jail") == []
        await fault.inject(scene)
        assert process.wait(10) == signal.SIGKILL


def test_a_frozen_process_is_not_counted_among_those_that_are_there() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)  # as lift_sys.executor.daemon"]
    with subprocess.Popen(command) as process:
        family, victim = Family(psutil.Process()), psutil.Process(process.pid)
        try:
            assert victim in family.of("executor")
            victim.suspend()
            os.waitpid(process.pid, os.WUNTRACED)
            assert victim not in family.of("executor")
        finally:
            process.kill()
