"""Every attack, tried on the real validator: the verdict, how the call ended, good code beside it, and the machine."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from lift_sys.audit.attacks import ATTACKS
from lift_sys.audit.attacks.attack import GROUPS, Attack
from lift_sys.audit.siege import GOOD, LIMITS, Row, Siege, besiege
from lift_sys.executor.jails import environment
from lift_sys.jail.inspection import inspect_source
from lift_sys.report import Holdings, Inspection, Outcome, Report
from lift_sys.sandbox import ProcessSandbox

pytestmark = [pytest.mark.siege, pytest.mark.timeout(300)]

NO_BUBBLEWRAP = pytest.mark.skipif(
    os.uname().machine != "x86_64" and not shutil.which("bwrap"), reason="bubblewrap is not here"
)
ROOT = Path(__file__).parents[3]
BY_NAME = {attack.name: attack for attack in ATTACKS}


@pytest.fixture(scope="module", params=(pytest.param("namespaces", marks=NO_BUBBLEWRAP), "landlock"))
def siege(request: pytest.FixtureRequest) -> Siege:
    """All of them once at each tier, two at a time, since this takes a while."""
    sandbox = ProcessSandbox(LIMITS, concurrency=4, tier=request.param)
    try:
        return asyncio.run(besiege(ATTACKS, sandbox))
    finally:
        sandbox.close()


@pytest.fixture(scope="module")
def rows(siege: Siege) -> dict[str, Row]:
    return {row.attack: row for row in siege.rows}


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attack_is_held(name: str, rows: dict[str, Row]) -> None:
    assert rows[name].held, rows[name]


def test_the_machine_is_as_it_was_before(siege: Siege) -> None:
    assert siege.harm == ()


def test_every_class_of_attack_is_tried_and_none_twice() -> None:
    assert {attack.group for attack in ATTACKS} == set(GROUPS)
    assert min(Counter(attack.group for attack in ATTACKS).values()) >= 10
    assert len(BY_NAME) == len({attack.source for attack in ATTACKS}) == len(ATTACKS) >= 140


# That a siege can fail


class Unconfined:
    """A plain process, and nothing that holds it."""

    async def inspect(self, source: str, function: str) -> Inspection:
        return Inspection.model_validate(inspect_source(source, function))

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        job = {"source": source, "function": function, "calls": list(calls), "describe": describe}
        text = json.dumps({**job, "call_s": 2.0, "cpu_s": 2})
        return Report.model_validate_json(await asyncio.to_thread(self._said, text, seed))

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        return None

    def _said(self, job: str, seed: int) -> str:
        program = (
            "import json, sys; said = sys.stdout; from lift_sys.jail.child import run; "
            "said.write(json.dumps(run(json.load(sys.stdin))))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=job, capture_output=True, text=True, check=True, cwd=ROOT,
            env=environment(seed),
        )  # fmt: skip
        return done.stdout


class Believing(Unconfined):
    """What code is asked to show, it shows."""

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        if source != GOOD:
            return Report(outcomes=tuple(Outcome(returned=["str", "escaped"]) for _ in calls))
        return await super().run(source, function, calls, seed=seed, describe=describe)


class Poisoned(Unconfined):
    """A bad run harms all that come after it."""

    def __init__(self) -> None:
        self._harmed = False

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        self._harmed = self._harmed or source != GOOD
        if self._harmed:
            return Report(outcomes=tuple(Outcome(returned=["int", "0x3"]) for _ in calls))
        return await super().run(source, function, calls, seed=seed, describe=describe)


def laid(sandbox: Unconfined, *attacks: Attack) -> Siege:
    return asyncio.run(besiege(attacks, sandbox, at_once=1))


def test_code_that_writes_where_it_may_not_is_seen() -> None:
    siege = laid(Unconfined(), BY_NAME["a new file"])
    assert siege.rows[0].why == ("its call ended so: None",)
    assert siege.harm == ("proof is not as it was",)


def test_code_that_speaks_to_others_is_seen() -> None:
    siege = laid(Unconfined(), BY_NAME["a word by TCP"], BY_NAME["a word to an abstract socket"])
    assert [row.end for row in siege.rows] == ["'escaped'", "'escaped'"]
    assert siege.harm == ("a word came in by TCP", "a word came in at an abstract name")


def test_code_that_finds_the_answer_outside_is_seen() -> None:
    [row] = laid(Unconfined(), BY_NAME["the answer in a file outside"]).rows
    assert (row.held, row.end) == (False, "'answer 41'")


def test_a_process_that_is_left_behind_is_seen() -> None:
    source = """
import os, time
def f():
    if os.fork() == 0:
        os.closerange(0, 3)
        time.sleep(20)
        os._exit(0)
    return "escaped"
"""
    siege = laid(Unconfined(), Attack("a daemon", "processes", source, "raised PermissionError"))
    assert not siege.rows[0].held
    assert siege.harm
    assert all(harm.endswith("got out") for harm in siege.harm)


def test_a_verdict_that_believes_everything_is_seen() -> None:
    harmless = (BY_NAME["a huge format"], BY_NAME["keys that collide"], BY_NAME["deep recursion"])
    assert [row.why[0] for row in laid(Believing(), *harmless).rows] == ["the verdict is verified"] * 3


def test_good_code_that_suffers_is_seen() -> None:
    siege = laid(Poisoned(), BY_NAME["a huge format"])
    assert "good code after it ended so: 3" in siege.rows[0].why
    assert any(harm.startswith("good code is rejected") for harm in siege.harm)
