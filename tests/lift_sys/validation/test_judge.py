"""Candidates in, one of them with a verdict out: real programs, then anything that a sandbox might report."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lift_sys.examples import parse
from lift_sys.jail.values import encode
from lift_sys.sandbox import Holding, Holdings, Inspection, Outcome, ProcessSandbox, Report, Trouble
from lift_sys.validation.judge import judge
from lift_sys.validation.levels import grounds
from lift_sys.validation.spec import Spec
from schemas import Assertion, Example, Parameter, Verdict

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

X = Parameter(name="x", type="int", kind="positional", default=None)
RIGHT = "def f(x): return x * 2"
RIGHT_TOO = "def f(x):\n    return x + x"
WRONG = "def f(x): return x ** 2"
OTHERWISE = "def f(x): return 7"
BROKEN = "def f(x: return"


def examples(origin: str, *texts: str) -> tuple[Example, ...]:
    return tuple(parse(text).example.model_copy(update={"origin": origin}) for text in texts)


def spec(
    *stated: str,
    inferred: tuple[str, ...] = (),
    ensures: tuple[str, ...] = (),
    parameters: tuple[Parameter, ...] = (X,),
) -> Spec:
    clauses = tuple(Assertion(kind="ensures", expr=expr, origin="implied") for expr in ensures)
    return Spec(
        "f", parameters, False, examples("user", *stated), examples("inferred", *inferred), clauses, may_mutate=False
    )


STATED = spec("f(3) == 6")
ADVISED = spec(inferred=("f(3) == 6", "f(2) == 4"))
MISLED = spec("f(3) == 6", inferred=("f(3) == 9", "f(4) == 16"))

CHOICES: dict[str, tuple[Spec, list[str], int, str]] = {
    "agreed and stated": (STATED, [RIGHT, RIGHT_TOO, RIGHT], 0, "verified"),
    "the user's example against the many": (STATED, [WRONG, WRONG, RIGHT], 2, "likely"),
    "the user's example against the model's": (MISLED, [WRONG, WRONG, RIGHT], 2, "likely"),
    "nobody meets the user's example": (STATED, [WRONG, OTHERWISE], 0, "rejected"),
    "one alone is likely at most": (STATED, [RIGHT], 0, "likely"),
    "one alone with advice": (ADVISED, [RIGHT], 0, "unverified"),
    "agreed, and only the model's examples": (ADVISED, [RIGHT, RIGHT_TOO, RIGHT], 0, "likely"),
    "the model's examples decide between equals": (ADVISED, [WRONG, RIGHT], 1, "unverified"),
    "agreed, and nothing else": (spec(inferred=("f(3) == 7",)), [RIGHT, RIGHT_TOO], 0, "unverified"),
    "no example at all": (spec(), [RIGHT, RIGHT_TOO], 0, "unverified"),
    "broken ones are left aside": (STATED, [BROKEN, RIGHT, RIGHT_TOO], 1, "likely"),
    "all broken": (STATED, [BROKEN, BROKEN], 0, "rejected"),
    "an assertion is in the way": (spec("f(3) == 6", ensures=("result < 8",)), [RIGHT], 0, "unverified"),
    "an assertion that nobody meets": (spec("f(3) == 6", ensures=("result < 0",)), [RIGHT, RIGHT_TOO], 0, "verified"),
    "an assertion that holds": (spec("f(3) == 6", ensures=("result == x + x",)), [RIGHT, RIGHT_TOO], 0, "verified"),
    "examples that cannot be read": (
        spec(inferred=("f(3) == 6",)), ["def f(x): return {x}", "def f(x): return {x}"], 0, "unverified",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("held_to", "sources", "chosen", "level"), CHOICES.values(), ids=CHOICES)
async def test_the_best_candidate_is_chosen_with_its_level(
    held_to: Spec, sources: list[str], chosen: int, level: str, sandbox: ProcessSandbox
) -> None:
    judgement = await judge(held_to, sources, sandbox, sampled=True)
    assert (judgement.chosen, judgement.verdict.level) == (chosen, level), judgement.verdict.reason
    assert judgement.verdict.evidence
    assert judgement.verdict.sandbox == await sandbox.tier()


PRIMES = "def f(n):\n    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))"
PROGRAMS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "right": (PRIMES, ("f(7) == True", "f(8) == False"), "verified"),
    "wrong": ("def f(n): return n % 2 == 1", ("f(7) == True", "f(9) == False"), "rejected"),
    "no example": (PRIMES, (), "unverified"),
    "recursion": ("def f(n): return 1 if n < 2 else n * f(n - 1)", ("f(5) == 120",), "verified"),
    "helpers": ("def g(n): return n\ndef f(n): return g(n)", ("f(1) == 1",), "verified"),
    "a class": (
        "class A:\n    def __init__(self, n): self.n = n\ndef f(n): return A(n).n",
        ("f(1) == 1",),
        "verified",
    ),
    "a decorator": ("import functools\n@functools.cache\ndef f(n): return n", ("f(1) == 1",), "verified"),
    "a generator within": ("def f(n): return list(i for i in range(n))", ("f(2) == [0, 1]",), "verified"),
    "a generator for a list": ("def f(n): yield from range(n)", ("f(2) == [0, 1]",), "rejected"),
    "the standard library": (
        "import re, math\nfrom collections import Counter\ndef f(s): return dict(Counter(s))",
        ("f('aab') == {'a': 2, 'b': 1}",),
        "verified",
    ),
    "None is expected": ("def f(n): pass", ("f(1) is None",), "verified"),
    "None is not": ("def f(n): pass", ("f(1) == 1",), "rejected"),
    "a coroutine": ("async def f(n): return n", ("f(1) == 1",), "verified"),
    "an exception": ("def f(n): raise ValueError", ("f(1) raises ValueError",), "verified"),
    "a kind of that exception": (
        "import json\ndef f(s): return json.loads(s)", ("f('') raises ValueError",), "verified",
    ),
    "another exception": ("def f(n): raise KeyError", ("f(1) raises ValueError",), "rejected"),
    "True for 1": ("def f(n): return n > 0", ("f(1) == 1",), "rejected"),
    "a result that equals all": (
        "class A:\n    def __eq__(self, o): return True\ndef f(n): return A()",
        ("f(1) == 1",),
        "rejected",
    ),
    "a module that it has no use for": ("import os, sys\ndef f(n): return n", ("f(1) == 1",), "verified"),
    "another process": ("import os\ndef f(n):\n    return os.system('true') * 0 + n", ("f(1) == 1",), "rejected"),
    "a file, if it can": (
        "def f(n):\n    try: open('/etc/passwd')\n    except OSError: pass\n    return n", ("f(1) == 1",), "rejected",
    ),
    "a module from beyond": ("import numpy\ndef f(n): return n", ("f(1) == 1",), "rejected"),
    "ends its process": ("def f(n): raise SystemExit", ("f(1) == 1",), "rejected"),
    "hangs on inputs that nobody asked for": (
        "def f(n):\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n    return n",
        ("f(6) == 1", "f(1) == 1", "f(27) == 1", "f(8) == 1", "f(97) == 1", "f(15) == 1", "f(3) == 1"),
        "verified",
    ),
    "looks for the answers": (
        """
import gc, sys
def f(n):
    seen, frame = [], sys._getframe()
    while frame:
        seen += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    seen += gc.get_objects()
    return next((s for o in seen for s in (o.values() if isinstance(o, dict) else [o])
                 if isinstance(s, str) and s.startswith("answer " "4")), None)
""",
        ("f(1) == 'answer 41'",),
        "rejected",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "stated", "level"), PROGRAMS.values(), ids=PROGRAMS)
async def test_code_that_somebody_wrote_is_judged_by_the_examples_given(
    source: str, stated: tuple[str, ...], level: str, sandbox: ProcessSandbox
) -> None:
    anything = Spec("f", None, False, examples("user", *stated), (), (), may_mutate=True)
    verdict = (await judge(anything, [source], sandbox, sampled=False)).verdict
    assert verdict.level == level, verdict.reason


async def test_a_rejection_names_what_was_wrong(sandbox: ProcessSandbox) -> None:
    verdict = (await judge(STATED, [WRONG], sandbox, sampled=True)).verdict
    [finding] = verdict.findings
    assert finding.detail == verdict.reason == "f(3) should have returned 6, but returned 9"
    assert (finding.clause, finding.origin, finding.counterexample) == ("examples.stated[0]", "user", "f(3)")


async def test_agreement_is_told_where_there_is_more_than_one(sandbox: ProcessSandbox) -> None:
    alone = (await judge(STATED, [RIGHT], sandbox, sampled=True)).verdict
    among = (await judge(STATED, [RIGHT, RIGHT_TOO, RIGHT], sandbox, sampled=True)).verdict
    assert (alone.agreement, among.agreement) == (None, 1.0)
    assert among.evidence[-1].detail == "behaves as 100% of the 2 other variations do, on every input"
    assert among.reason == "all 1 examples of the user hold, and 100% of the other variations agree"


async def test_that_others_do_otherwise_refutes_nobody(sandbox: ProcessSandbox) -> None:
    verdict = (await judge(STATED, [RIGHT, "def f(x): return 6"], sandbox, sampled=True)).verdict
    assert verdict.evidence[-1].outcome == "failed"
    assert grounds(verdict.evidence) == "confirmed"


async def test_changed_arguments_raise_a_doubt(sandbox: ProcessSandbox) -> None:
    verdict = (
        await judge(spec("f([2, 1]) == [1, 2]"), ["def f(x):\n    return sorted(x)"] * 2, sandbox, sampled=True)
    ).verdict
    assert verdict.level == "verified"
    verdict = (
        await judge(spec("f([2, 1]) == [1, 2]"), ["def f(x):\n    x.sort()\n    return x"], sandbox, sampled=False)
    ).verdict
    assert (verdict.level, verdict.reason[:21]) == ("unverified", "changed its arguments")


# Whatever a sandbox may report


class AnySandbox:
    """Says of each source what it is told to say, and of predicates whatever comes next."""

    def __init__(self, reports: dict[str, Any], holdings: list[bool] | None) -> None:
        self._reports = reports
        self._holdings = holdings

    async def inspect(self, source: str, function: str) -> Inspection:
        return Inspection()

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        report = self._reports[source]
        if isinstance(report, Trouble):
            return Report(tier="landlock", trouble=report)
        outcomes = tuple(report[i % len(report)] for i in range(len(calls)))
        return Report(tier="landlock", parameters=None, outcomes=outcomes)

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        if self._holdings is None:
            return None
        held = self._holdings
        rows = tuple(
            tuple(Holding(holds=held[(i + j) % len(held)]) for i in range(len(scopes))) for j in range(len(predicates))
        )
        return Holdings(tier="landlock", outcomes=rows)


OUTCOMES = st.sampled_from([
    Outcome(returned=encode(6)), Outcome(returned=encode(None)), Outcome(returned=encode(True), mutated=True),
    Outcome(returned=["object", "A"]), Outcome(raised="ValueError", detail="ValueError: no"),
    Outcome(returned=encode(float("inf"))),
])  # fmt: skip
TROUBLES = st.builds(Trouble, clause=st.sampled_from(["parse", "import", "signature", "limits"]), detail=st.just("no"))
REPORTS = st.lists(st.lists(OUTCOMES, min_size=1, max_size=4) | TROUBLES, min_size=1, max_size=4)
TEXTS = ["f(3) == 6", "f(3) == None", "f(1) raises ValueError", "f([1, 2]) == 6", "f('a') == True", "f() == 6"]
SPECS = st.builds(
    lambda stated, inferred, ensures: spec(*stated, inferred=tuple(inferred), ensures=tuple(ensures)),
    st.lists(st.sampled_from(TEXTS), max_size=2, unique=True),
    st.lists(st.sampled_from(TEXTS), max_size=3),
    st.lists(st.sampled_from(["result == 6", "not a predicate"]), max_size=2),
)


def judged(held_to: Spec, reports: list[Any], holdings: list[bool] | None, *, sampled: bool) -> tuple[int, Verdict]:
    told = {str(i): report for i, report in enumerate(reports)}
    judgement = asyncio.run(judge(held_to, list(told), AnySandbox(told, holdings), sampled=sampled))
    return judgement.chosen, judgement.verdict


@settings(max_examples=60)
@given(SPECS, REPORTS, st.none() | st.lists(st.booleans(), min_size=1, max_size=3), st.booleans())
def test_no_verdict_is_better_than_its_evidence(
    held_to: Spec, reports: list[Any], holdings: list[bool] | None, sampled: bool
) -> None:
    sampled = sampled or len(reports) > 1
    chosen, verdict = judged(held_to, reports, holdings, sampled=sampled)
    of_user = [e.outcome for e in verdict.evidence if e.kind == "example" and e.origin == "user"]
    assert verdict.evidence
    assert len(of_user) == len(held_to.stated)
    if isinstance(reports[chosen], Trouble) or "failed" in of_user:
        assert verdict.level == "rejected"
        assert verdict.findings
    if verdict.level == "verified":
        assert of_user
        assert set(of_user) == {"passed"}
        assert not (sampled and len(reports) == 1)
        assert not [e for e in verdict.findings if e.kind != "example"]
    assert (verdict.agreement is None) is (len(reports) == 1)
