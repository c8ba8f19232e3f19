"""The validator under attack: each attack gets a verdict, and good code beside it and after it the right answer."""

import asyncio
import contextlib
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lift_sys.audit.attacks.attack import Attack, Group, Level
from lift_sys.audit.attacks.target import Processes, Target
from lift_sys.jail.values import decode
from lift_sys.report import Holdings, Inspection, Limits, Outcome, Report
from lift_sys.sandbox import Sandbox
from lift_sys.validator_stage import validate_code
from schemas.api import ValidateRequest
from schemas.verdict import Verdict
from schemas.wire import Wire

LIMITS = Limits(call_s=0.3, cpu_s=1, wall_s=1.5)
"""Short, since many an attack runs until a limit ends it."""
GOOD = "def f(x):\n    return x + 1\n"
_LOOK = """
import fcntl, os, signal
def about(descriptor):
    try: return os.fstat(descriptor).st_mode, fcntl.fcntl(descriptor, fcntl.F_GETFL), os.lseek(descriptor, 0, 1)
    except OSError: return None
def f():
    opened = {descriptor: about(descriptor) for descriptor in range(64) if about(descriptor)}
    return opened, dict(os.environ), os.getcwd(), len(signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
_MOST_S, _MOST_PATIENT_S = 5.0, 10.0
_PULSE_S, _MOST_STANDSTILL_S = 0.05, 1.0
_MOST_CHARACTERS = 50_000
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's controls, formats, halves of characters, and ends of lines."""


class Row(Wire):
    """What came of one attack."""

    group: Group
    attack: str
    held: bool
    why: tuple[str, ...]
    """Why it was not held; empty if it was."""
    level: Level
    end: str
    """How the call ended in the jail, or why there was none."""
    seconds: float


@dataclass(frozen=True)
class Siege:
    rows: tuple[Row, ...]
    """In the order of the attacks."""
    harm: tuple[str, ...]
    """What of the machine is not as it was before."""

    def summary(self) -> dict[str, Any]:
        lost = [f"{row.attack}: {'; '.join(row.why)}" for row in self.rows if not row.held]
        groups = sorted({row.group for row in self.rows})
        counts = {name: [row.held for row in self.rows if row.group == name] for name in groups}
        return {
            "attacks": len(self.rows),
            "held": sum(row.held for row in self.rows),
            "groups": {name: {"attacks": len(held), "held": sum(held)} for name, held in counts.items()},
            "not_held": lost,
            "harm": list(self.harm),
        }


async def besiege(
    attacks: Sequence[Attack],
    sandbox: Sandbox,
    *,
    at_once: int = 2,
    on_row: Callable[[Row], None] = lambda row: None,
) -> Siege:
    """Each attack once, those first that take long. The sandbox needs room for twice as many runs at once."""
    free = asyncio.Semaphore(at_once)
    judged = await _judge_good(sandbox, 2 * at_once)
    found = await _look(sandbox, 2 * at_once)
    with Target() as target:
        processes = Processes()

        async def one(attack: Attack) -> Row:
            async with free:
                row = await _attack(attack, target.aimed(attack.source), sandbox)
            on_row(row)
            return row

        order = sorted(attacks, key=lambda attack: not attack.patient)
        stood = asyncio.create_task(_longest_standstill())
        rows = dict(zip(order, await asyncio.gather(*map(one, order)), strict=True))
        stood.cancel()
        judged += await _judge_good(sandbox, 2 * at_once)
        left = sorted(await _look(sandbox, 2 * at_once) - found)
        judged += [f"a run found what another had left: {what}" for what in left]
        harm = (*judged, *await stood, *target.harm(), *processes.harm())
    return Siege(tuple(rows[attack] for attack in attacks), harm)


async def _longest_standstill() -> list[str]:
    """Until it is cancelled; then, whether this loop, which serves others too, once stood still for long."""
    longest_s = 0.0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            begun = time.monotonic()
            await asyncio.sleep(_PULSE_S)
            longest_s = max(longest_s, time.monotonic() - begun - _PULSE_S)
    return [f"nobody else was served for {longest_s:.1f} s"] if longest_s > _MOST_STANDSTILL_S else []


async def _attack(attack: Attack, source: str, sandbox: Sandbox) -> Row:
    begun = time.monotonic()
    heard = _Heard(sandbox)
    verdict, beside = await asyncio.gather(_verdict(attack, source, heard), _run_good(sandbox))
    seconds = time.monotonic() - begun
    after = await _run_good(sandbox)
    level: Level = verdict.level if verdict else "refused"
    end = heard.end or await heard.without_a_verdict(source)
    why = [
        *_wrong_verdict(attack, level, end, verdict),
        *(
            f"good code {when} ended so: {good}"
            for when, good in (("beside it", beside), ("after it", after))
            if good != "2"
        ),
    ]
    if seconds > (_MOST_PATIENT_S if attack.patient else _MOST_S):
        why.append(f"it took {seconds:.1f} s")
    return Row(
        group=attack.group, attack=attack.name, held=not why, why=tuple(why), level=level, end=end[:200],
        seconds=round(seconds, 3),
    )  # fmt: skip


async def _run_good(sandbox: Sandbox) -> str:
    return "; ".join(endings(await sandbox.run(GOOD, "f", ["1"])))


async def _judge_good(sandbox: Sandbox, times: int) -> list[str]:
    """What is wrong with good code's verdicts; also starts the jails."""
    request = ValidateRequest(code=GOOD, function="f", examples=("f(1) == 2",))
    verdicts = await asyncio.gather(*(validate_code(request, sandbox=sandbox) for _ in range(times)))
    return [f"good code is {verdict.level}: {verdict.reason}" for verdict in verdicts if verdict.level != "verified"]


async def _verdict(attack: Attack, source: str, sandbox: Sandbox) -> Verdict | None:
    """None where the request is refused."""
    try:
        request = ValidateRequest(code=source, function="f", examples=attack.examples)
    except ValidationError:
        return None
    return await validate_code(request, sandbox=sandbox)


def _wrong_verdict(attack: Attack, level: Level, end: str, verdict: Verdict | None) -> Iterator[str]:
    if level not in attack.levels:
        yield f"the verdict is {level}"
    if not re.fullmatch(attack.ends, end):
        yield f"its call ended so: {end[:200]}"
    text = verdict.model_dump_json() if verdict else ""
    if len(text) > _MOST_CHARACTERS:
        yield f"the verdict has {len(text)} characters"
    said = [verdict.reason, *(evidence.detail for evidence in verdict.evidence)] if verdict else []
    if unseen := sorted({c for words in said for c in words if unicodedata.category(c) in _UNSEEN}):
        yield f"the verdict has characters in it that command a reader: {''.join(unseen)!a}"


async def _look(sandbox: Sandbox, times: int) -> set[str]:
    """What runs find around them. So many at once that each jail is looked at."""
    reports = await asyncio.gather(*(sandbox.run(_LOOK, "f", [""]) for _ in range(times)))
    return {end for report in reports for end in endings(report)}


class _Heard:
    """A sandbox that passes everything on, and keeps how the first calls of the code ended."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.end: str | None = None

    async def inspect(self, source: str, function: str) -> Inspection:
        inspection = await self._sandbox.inspect(source, function)
        if inspection.trouble:
            self.end = inspection.trouble.clause
        return inspection

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        report = await self._sandbox.run(source, function, calls, seed=seed, describe=describe)
        self.end = self.end or "; ".join(endings(report))
        return report

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        return await self._sandbox.evaluate(predicates, scopes)

    async def without_a_verdict(self, source: str) -> str:
        """What the sandbox itself makes of a source that no verdict was given on."""
        if (await self.inspect(source, "f")).trouble is None:
            await self.run(source, "f", [""])
        return self.end or ""


def endings(report: Report) -> list[str]:
    """How calls ended, in a few words each."""
    return [report.trouble.clause] if report.trouble else [_ending(outcome) for outcome in report.outcomes]


def _ending(outcome: Outcome) -> str:
    if outcome.raised:
        return f"raised {outcome.raised}"
    try:
        return repr(decode(outcome.returned or []))
    except ValueError:  # an object, or an int with more digits than Python writes
        return json.dumps(outcome.returned)[:60]
