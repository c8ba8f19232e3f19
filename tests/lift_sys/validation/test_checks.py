"""What each kind of clause catches, in programs that really ran: wrong programs caught, right ones left alone."""

import dataclasses

import pytest

from lift_sys.examples import parse
from lift_sys.jail.values import encode
from lift_sys.sandbox import Inspection, Outcome, ProcessSandbox, Report, Trouble
from lift_sys.validation.checks import check_example, check_purity, check_raising, check_static, describe
from lift_sys.validation.spec import Spec
from schemas import Effects, Evidence, Example, Parameter

pytestmark = pytest.mark.anyio


def parameter(name: str, kind: str = "positional", default: str | None = None) -> Parameter:
    return Parameter.model_validate({"name": name, "type": "int", "kind": kind, "default": default})


def spec(*parameters: Parameter, is_async: bool = False, may_mutate: bool = False) -> Spec:
    return Spec("f", parameters, is_async, (), (), (), may_mutate)


async def static(source: str, held_to: Spec, sandbox: ProcessSandbox) -> list[Evidence]:
    inspection, report = await sandbox.inspect(source, "f"), await sandbox.run(source, "f", [], describe=True)
    return list(check_static(inspection, report, held_to))


A, B = parameter("a"), parameter("b")
ONE_OR_TWO = (A, parameter("b", default="1"))
KEYWORD = (A, parameter("key", "keyword_only"))
STARS = (parameter("args", "var_positional"), parameter("options", "var_keyword"))

SIGNATURES: dict[str, tuple[tuple[Parameter, ...], str, str | None]] = {
    "as asked": ((A, B), "def f(a, b): ...", None),
    "other names": ((A, B), "def f(x, y): ...", None),
    "by position only": ((A, B), "def f(a, b, /): ...", None),
    "none": ((), "def f(): ...", None),
    "fewer": ((A, B), "def f(a): ...", "takes 1 parameters, not 2"),
    "more": ((A,), "def f(a, b): ...", "asks for b too"),
    "more with a default": ((A,), "def f(a, b=1): ...", None),
    "more by keyword": ((A,), "def f(a, *, b): ...", "asks for b too"),
    "more by keyword with a default": ((A,), "def f(a, *, b=1): ...", None),
    "more by stars": ((A,), "def f(a, *b, **c): ...", None),
    "a default": (ONE_OR_TWO, "def f(a, b=1): ...", None),
    "no default": (ONE_OR_TWO, "def f(a, b): ...", "parameter b has no default"),
    "by keyword": (KEYWORD, "def f(a, *, key): ...", None),
    "by keyword or position": (KEYWORD, "def f(a, key): ...", None),
    "by another keyword": (KEYWORD, "def f(a, *, kee): ...", "the keyword key is missing"),
    "keyword for a position": ((A, B), "def f(a, *, b): ...", "parameter b is keyword_only, not positional"),
    "stars": (STARS, "def f(*args, **options): ...", None),
    "no stars": (STARS, "def f(a, b): ...", "parameter a is positional_or_keyword, not var_positional"),
    "stars for parameters": ((A, B), "def f(*a): ...", "parameter a is var_positional, not positional"),
    "a lambda": ((A,), "f = lambda a: a", None),
    "a class": ((A,), "class f:\n    def __init__(self, a): ...", None),
    "decorated": ((A,), "import functools\n@functools.cache\ndef f(a): ...", None),
    "a builtin": ((A,), "f = len", None),
    "a coroutine": ((A,), "async def f(a): ...", "is a coroutine function"),
}


@pytest.mark.parametrize(("parameters", "source", "wrong"), SIGNATURES.values(), ids=SIGNATURES)
async def test_the_signature_is_held_to(
    parameters: tuple[Parameter, ...], source: str, wrong: str | None, sandbox: ProcessSandbox
) -> None:
    evidence = (await static(source, spec(*parameters), sandbox))[-1]
    assert evidence.clause == "signature"
    assert (evidence.outcome, evidence.detail) == (("failed", wrong) if wrong else ("passed", "defines f as asked"))


@pytest.mark.parametrize(
    ("source", "outcome"), [("async def f(): ...", "passed"), ("def f(): ...", "failed")], ids=["async", "plain"]
)
async def test_a_coroutine_function_is_one_where_it_is_asked_for(
    source: str, outcome: str, sandbox: ProcessSandbox
) -> None:
    evidence = (await static(source, spec(is_async=True), sandbox))[-1]
    assert (evidence.clause, evidence.outcome) == ("signature", outcome)


async def test_without_an_ir_any_signature_will_do(sandbox: ProcessSandbox) -> None:
    anything = Spec("f", None, False, (), (), (), may_mutate=True)
    found = await static("async def f(a, *, b): ...", anything, sandbox)
    assert [e.outcome for e in found] == ["passed"] * 4


@pytest.mark.parametrize(
    ("source", "clause", "detail"),
    [
        ("def f(:", "parse", "SyntaxError: invalid syntax"),
        ("1 / 0\ndef f(): ...", "import", "ZeroDivisionError: division by zero"),
        ("import no_such_module\ndef f(): ...", "import", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def g(): ...", "signature", "defines no function f"),
    ],
    ids=["parse", "import", "module", "signature"],
)
async def test_code_that_cannot_be_called_fails_one_clause(
    source: str, clause: str, detail: str, sandbox: ProcessSandbox
) -> None:
    [evidence] = await static(source, spec(), sandbox)
    assert (evidence.clause, evidence.outcome, evidence.origin) == (clause, "failed", "rule")
    assert evidence.detail.startswith(detail)


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("import os\ndef f(): os.remove('x')", "line 2: os.remove (files)"),
        ("from socket import socket as s\ndef f(): s()", "line 2: socket.socket (network)"),
        ("import subprocess\nrun = subprocess.run\ndef f(): run([])", "line 2: subprocess.run (process)"),
    ],
    ids=["files", "network", "process"],
)
async def test_what_no_function_needs_is_refused(source: str, detail: str, sandbox: ProcessSandbox) -> None:
    [evidence] = [e for e in await static(source, spec(), sandbox) if e.outcome == "failed"]
    assert (evidence.clause, evidence.origin, evidence.detail) == ("effects", "rule", detail)


async def test_an_import_beyond_what_is_declared_is_told_and_does_no_harm(sandbox: ProcessSandbox) -> None:
    held_to = dataclasses.replace(spec(), effects=Effects(pure=True, allowed=(), raises=(), imports=("math",)))
    found = {e.clause: e for e in await static("import math, re, os\ndef f(): ...", held_to, sandbox)}
    assert found["imports"].outcome == "passed"
    assert found["imports"].detail == "imports math, os, re; os, re beyond what is declared"


def returned(value: object) -> Outcome:
    return Outcome(returned=encode(value))


VALUE_ERROR = Outcome(
    raised="Mine", kinds=("Mine", "ValueError", "Exception", "BaseException", "object"), detail="Mine: no"
)
EXAMPLES: dict[str, tuple[str, Outcome | None, str]] = {
    "right": ("f(1) == 2", returned(2), "passed"),
    "wrong": ("f(1) == 2", returned(3), "failed"),
    "None": ("f(1) == None", returned(None), "passed"),
    "None for a value": ("f(1) == 2", returned(None), "failed"),
    "a value for None": ("f(1) == None", returned(0), "failed"),
    "True for 1": ("f(1) == 1", returned(True), "failed"),
    "1 for True": ("f(1) == True", returned(1), "failed"),
    "nearly": ("f(1) == 0.3", returned(0.1 + 0.2), "passed"),
    "not nearly enough": ("f(1) == 0.3", returned(0.3001), "failed"),
    "a list for a tuple": ("f(1) == (1, 2)", returned([1, 2]), "failed"),
    "raises instead": ("f(1) == 2", VALUE_ERROR, "failed"),
    "raises": ("f(1) raises ValueError", VALUE_ERROR, "passed"),
    "raises something else": ("f(1) raises KeyError", VALUE_ERROR, "failed"),
    "returns instead of raising": ("f(1) raises ValueError", returned("ValueError"), "failed"),
    "an object": ("f(1) == 2", Outcome(returned=["object", "A"]), "failed"),
    "never called": ("f(1) == 2", None, "skipped"),
}


@pytest.mark.parametrize(("text", "outcome", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_is_compared_type_by_type(text: str, outcome: Outcome | None, expected: str) -> None:
    evidence = check_example("examples.stated[0]", "f", parse(text).example, outcome)
    assert (evidence.outcome, evidence.origin) == (expected, "user")
    assert (evidence.counterexample == "f(1)") is (expected == "failed")


@pytest.mark.parametrize(
    ("arguments", "value", "why"),
    [("open('x')", "1", "the arguments are not literals"), ("1", "f(0)", "the value is not a literal")],
    ids=["arguments", "value"],
)
def test_an_example_that_cannot_be_tried_is_skipped(arguments: str, value: str, why: str) -> None:
    fields = {"origin": "inferred", "arguments": arguments, "expect": "returns", "value": value, "covers": "typical"}
    evidence = check_example("examples.inferred[0]", "f", Example.model_validate(fields), returned(1))
    assert evidence.outcome == "skipped"
    assert evidence.detail.startswith(why)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (returned([1, "a"]), "returned [1, 'a']"),
        (returned(None), "returned None"),
        (Outcome(raised="E", detail="E: no"), "raised E: no"),
        (Outcome(returned=["object", "A"]), 'returned ["object", "A"]'),
        (returned("x" * 500), f"returned '{'x' * 199}…"),
        (returned(1 << 20_000), f'returned ["int", "0x1{"0" * 188}…'),
    ],
    ids=["list", "None", "exception", "object", "long", "huge int"],
)
def test_what_happened_is_said_in_few_words(outcome: Outcome, words: str) -> None:
    assert describe(outcome) == words


@pytest.mark.parametrize(
    ("mutated", "may_mutate", "outcomes"),
    [
        ((False, False), False, ["passed"]),
        ((False, True), False, ["failed"]),
        ((False, True), True, []),
        ((), False, []),
    ],
    ids=["pure", "not pure", "need not be", "never called"],
)
def test_a_function_that_should_be_pure_leaves_its_arguments_alone(
    mutated: tuple[bool, ...], may_mutate: bool, outcomes: list[str]
) -> None:
    calls = tuple(Outcome(returned=encode(1), mutated=m) for m in mutated)
    assert [e.outcome for e in check_purity(spec(may_mutate=may_mutate), calls)] == outcomes


def test_trouble_of_the_limits_is_a_finding_of_its_own() -> None:
    report = Report(tier="namespaces", trouble=Trouble(clause="limits", detail="no report"))
    assert [(e.clause, e.outcome, e.detail) for e in check_static(Inspection(), report, spec())] == [
        ("limits", "failed", "no report")
    ]


RAISED: dict[str, tuple[str, str]] = {
    "nothing": ("def f(a): return a", "passed"),
    "what is announced": ("def f(a):\n    if a < 0: raise ValueError\n    return a", "passed"),
    "what is not announced": ("def f(a): return 1 // a", "skipped"),
    "a name that is not there": ("def f(a): return a if a else b", "failed"),
    "a name that is not there yet": ("def f(a):\n    if a: b = 1\n    return b", "failed"),
}


@pytest.mark.parametrize(("source", "outcome"), RAISED.values(), ids=RAISED)
async def test_what_is_raised_without_announcement_is_told_and_a_missing_name_is_a_doubt(
    source: str, outcome: str, sandbox: ProcessSandbox
) -> None:
    announced = Effects.model_validate({"pure": True, "allowed": [], "raises": ["ValueError"], "imports": []})
    held_to = dataclasses.replace(spec(A), effects=announced)
    inputs = ["1", "0", "-1"]
    report = await sandbox.run(source, "f", inputs)
    [evidence] = check_raising(held_to, (), dict(zip(inputs, report.outcomes, strict=True)))
    assert evidence.outcome == outcome, evidence.detail
