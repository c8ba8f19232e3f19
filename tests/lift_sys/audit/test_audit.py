"""An audit of the real validator in the real sandbox, with tasks that show what it sees and what it cannot."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lift_sys.audit.audit import audit
from lift_sys.audit.dataset import Task
from lift_sys.audit.evidence import BASE, PROMPT, STRICTEST, specs
from lift_sys.audit.reference import close, spread
from lift_sys.audit.rows import Row, summarise
from lift_sys.jail.values import encode
from lift_sys.report import Outcome, Report, Trouble
from lift_sys.sandbox import ProcessSandbox, Sandbox
from lift_sys.validation.spec import Spec

LARGER = Task(
    id="t/1",
    prompt='"""The larger of two.\n>>> larger(1, 2)\n2\n"""',
    function="larger",
    solution="def larger(a, b):\n    if a > b:\n        return a\n    return b\n",
    base=("1, 2", "3, 2", "0, 0", "-1, -2"),
    plus=("5, 6", "6, 5", "-2, -1"),
    tolerance=0,
    preconditions=("isinstance(a, int)",),
)


def about(task: Task, **fields: object) -> Task:
    return replace(task, **fields)  # type: ignore[arg-type]


async def rows(sandbox: ProcessSandbox, *tasks: Task, most: int = 8) -> list[Row]:
    return await audit([("data", task) for task in tasks], sandbox, most=most, seed=0, on_row=lambda row: None)


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_right_solution_is_accepted_and_slips_in_it_are_rejected(sandbox: ProcessSandbox) -> None:
    [row] = await rows(sandbox, LARGER)
    assert (row.inputs, row.trouble) == (7, None)
    assert {tier: judged.level for tier, judged in row.solution.items()} == dict.fromkeys(
        (PROMPT, BASE, STRICTEST), "verified"
    )
    assert [judged.examples for judged in row.solution.values()] == [1, 4, 4]
    different = [mutant for mutant in row.mutants if mutant.differs]
    assert len(different) > 5
    assert {mutant.levels[BASE] for mutant in different} == {"rejected"}


@pytest.mark.siege
@pytest.mark.anyio
async def test_examples_that_show_nothing_let_slips_pass_and_the_count_says_so(sandbox: ProcessSandbox) -> None:
    """The audit can fail: `larger(0, 0)` is 0 however the numbers are compared, and the other inputs tell."""
    summary = summarise(await rows(sandbox, about(LARGER, base=("0, 0",), prompt="")))
    counts = summary["all"][STRICTEST]
    assert counts["accepted"] == counts["solutions"] == 1
    assert counts["rejected"] < counts["mutants"] / 2
    assert any(line.startswith("t/1: comparison, line 2") for line in summary["mutants_missed"])
    missed = summary["operators"]["comparison"]
    assert missed["rejected"] < missed["mutants"]


@pytest.mark.siege
@pytest.mark.anyio
async def test_what_no_input_tells_apart_is_counted_apart(sandbox: ProcessSandbox) -> None:
    [row] = await rows(sandbox, about(LARGER, base=("1, 2",), plus=("3, 4",), prompt=""), most=5)
    unseen = {(mutant.operator, mutant.line) for mutant in row.mutants if not mutant.differs}
    assert unseen == {("boundary", 2), ("deleted statement", 2)}
    counts = summarise([row])["all"][BASE]
    assert (counts["mutants"], counts["equivalents"], counts["equivalents_rejected"]) == (3, 2, 0)


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_slip_that_ours_alone_rejects_is_named(sandbox: ProcessSandbox) -> None:
    """The prompt's example is stricter than the dataset here: the dataset lets results be off by 1."""
    half = about(LARGER, solution="def larger(a, b):\n    return max(a, b) + 0.5\n", prompt="", tolerance=1)
    summary = summarise(await rows(sandbox, half, most=4))
    assert "t/1: arithmetic, line 2" in summary["equivalents_rejected"]
    assert summary["all"][STRICTEST]["equivalents_rejected"] > 0


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_solution_that_is_refused_is_listed_with_the_reason(sandbox: ProcessSandbox) -> None:
    refused = about(LARGER, solution=LARGER.solution + "    open(a)\n")
    summary = summarise(await rows(sandbox, refused, LARGER, most=0))
    assert (summary["all"][STRICTEST]["accepted"], summary["all"][STRICTEST]["solutions"]) == (1, 2)
    assert [line for line in summary["solutions_rejected"] if f"t/1 ({STRICTEST}): line 5: open" in line]


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_wrong_example_in_a_prompt_is_seen_at_that_tier_only(sandbox: ProcessSandbox) -> None:
    [row] = await rows(sandbox, about(LARGER, prompt="larger(1, 2) == 1"), most=0)
    assert [tier for tier, judged in row.solution.items() if not judged.accepted] == [PROMPT]
    assert "should have returned 1, but returned 2" in row.solution[PROMPT].reason


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_slip_that_never_ends_differs_and_is_rejected(sandbox: ProcessSandbox) -> None:
    once = about(LARGER, function="once", solution="def once():\n    while 1:\n        break\n", base=("",), plus=())
    [row] = await rows(sandbox, once)
    [endless] = [mutant for mutant in row.mutants if mutant.differs]
    assert (endless.operator, endless.levels[STRICTEST]) == ("break or continue", "rejected")


@pytest.mark.parametrize(
    ("solution", "trouble"),
    [("raise ValueError\ndef larger(a, b): pass", "ValueError"), ("def larger(a, b): return iter(a)", None)],
    ids=["cannot be imported", "returns nothing comparable"],
)
@pytest.mark.siege
@pytest.mark.anyio
async def test_a_solution_that_cannot_be_compared_is_left_out_by_name(
    solution: str, trouble: str | None, sandbox: ProcessSandbox
) -> None:
    [row] = await rows(sandbox, about(LARGER, solution=solution, prompt=""))
    assert (row.trouble, row.solution, row.mutants) == (trouble, {}, ())
    assert summarise([row])["not_held"] == [f"t/1: {trouble or 'no example'}"]


class Narrow:
    """A sandbox with room for so many calls at once."""

    def __init__(self, inner: Sandbox, most: int) -> None:
        self._inner, self._most = inner, most
        self.inspect, self.evaluate = inner.inspect, inner.evaluate

    async def run(self, source: str, function: str, calls: Sequence[str], **options: Any) -> Report:
        if len(calls) > self._most:
            return Report(trouble=Trouble(clause="limits", detail="too much"))
        return await self._inner.run(source, function, calls, **options)


@pytest.mark.parametrize(("room", "inputs"), [(7, 7), (6, 5), (4, 4), (3, 2), (1, 1), (0, 0)])
@pytest.mark.siege
@pytest.mark.anyio
async def test_a_batch_that_breaks_the_limits_is_made_smaller(room: int, inputs: int, sandbox: ProcessSandbox) -> None:
    [row] = await audit([("data", LARGER)], Narrow(sandbox, room), most=0, seed=0, on_row=lambda row: None)
    assert row.inputs == inputs


@pytest.mark.siege
@pytest.mark.anyio
async def test_rows_come_in_order_and_are_told_as_they_end(sandbox: ProcessSandbox) -> None:
    told: list[Row] = []
    tasks = [("data", about(LARGER, id=f"t/{number}", prompt="")) for number in range(4)]
    found = await audit(tasks, sandbox, most=1, seed=0, on_row=told.append)
    assert [row.task for row in found] == ["t/0", "t/1", "t/2", "t/3"]
    assert sorted(row.task for row in told) == ["t/0", "t/1", "t/2", "t/3"]
    [[slip], *_] = [row.brief()["mutants"] for row in found]
    assert slip == "boundary, line 2: equivalent so far; base verified, base+properties verified"


def properties(solution: str, **fields: object) -> Spec:
    """What is said of a solution whose only result is `one`."""
    task = about(LARGER, function="f", solution=solution, prompt="", **{"base": ("1",), "preconditions": (), **fields})
    [base, *_] = task.base
    return specs(task, {base: Outcome(returned=encode("one"))})[STRICTEST]


@pytest.mark.parametrize(
    ("solution", "returns"), [("def f(a) -> List[int]: pass", "List[int]"), ("def f(a): pass", None)]
)
def test_the_type_of_the_result_is_said_by_an_annotation_alone(solution: str, returns: str | None) -> None:
    assert properties(solution).returns == returns


def test_preconditions_are_stated() -> None:
    [assertion] = properties("def f(a): pass", preconditions=("a > 0",)).assertions
    assert (assertion.kind, assertion.expr, assertion.origin) == ("requires", "a > 0", "stated")


@pytest.mark.parametrize("changes", [True, False])
def test_only_a_solution_that_changes_its_arguments_lets_others_do_so(changes: bool) -> None:
    spec = specs(LARGER, {text: Outcome(returned=encode(1), mutated=changes) for text in LARGER.base})[STRICTEST]
    assert spec.may_mutate is changes
    assert spec.effects is not None
    assert spec.effects.pure is not changes


SIGNATURES = {
    "(a, b: float = 2)": [("a", "int", "positional", None), ("b", "float", "positional", "2")],
    "(a, /, *many, k, l=(), **rest)": [
        ("a", "int", "positional", None),
        ("k", "object", "keyword_only", None),
        ("l", "object", "keyword_only", "()"),
        ("many", "object", "var_positional", None),
        ("rest", "object", "var_keyword", None),
    ],
    "()": [],
}


@pytest.mark.parametrize(("signature", "stated"), SIGNATURES.items(), ids=SIGNATURES)
def test_parameters_are_those_of_the_solution(signature: str, stated: list[tuple[str, ...]]) -> None:
    found = properties(f"def f{signature}: pass").parameters
    assert found is not None
    assert [(p.name, p.type, p.kind, p.default) for p in found] == stated


def test_parameters_with_a_default_that_is_no_literal_are_not_stated() -> None:
    assert properties("def f(a=max): pass").parameters is None


def test_a_call_without_arguments_is_an_example_too() -> None:
    assert [example.arguments for example in properties("def f(): pass", base=("",)).stated] == [""]


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "alike"),
    [
        (1.0, 1.05, 0.1, True),
        (1.0, 1.2, 0.1, False),
        (1, 1.05, 0.1, True),
        (1.0, 1.05, 0, False),
        ([1.0, (2.0,)], [1.05, (2.05,)], 0.1, True),
        ([1.0], (1.0,), 0.1, False),
        ([1.0], [1.0, 1.0], 0.1, False),
        ({"a": 1.0}, {"a": 1.05}, 0.1, False),
        ("a", "b", 0.1, False),
        (True, 1, 0.1, False),
        (10**400, 1.0, 0.1, False),
        (float("nan"), 1.0, 0.1, False),
    ],
)
def test_a_tolerance_is_for_numbers_alone(left: object, right: object, tolerance: float, alike: bool) -> None:
    assert close(encode(left), encode(right), tolerance) is alike


@pytest.mark.parametrize(
    ("most", "chosen"), [(0, []), (1, ["0"]), (2, ["0", "5"]), (4, ["0", "2", "5", "7"]), (99, list("0123456789"))]
)
def test_inputs_are_spread_over_the_whole(most: int, chosen: list[str]) -> None:
    assert spread("0123456789", most) == chosen
    assert spread([], most) == []


def test_an_audit_of_nothing_finds_nothing() -> None:
    nobody: ProcessSandbox = ProcessSandbox()
    assert asyncio.run(audit([], nobody, most=1, seed=0, on_row=lambda row: None)) == []
