"""The sandbox, really running: what code may do, what it finds there, and what it tells."""

import asyncio
import socket
import textwrap

import pytest

from lift_sys.audit.siege import GOOD, endings
from lift_sys.jail.values import decode
from lift_sys.sandbox import Limits, ProcessSandbox

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def impatient() -> ProcessSandbox:
    """For what hangs until it is killed."""
    return ProcessSandbox(Limits(call_s=0.2, cpu_s=1, wall_s=0.6), concurrency=2)


async def assert_unharmed(sandbox: ProcessSandbox) -> None:
    assert endings(await sandbox.run(GOOD, "f", ["1"])) == ["2"]


# What good programs do

GOOD_PROGRAMS = {
    "recursion": ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)", "5", "120"),
    "helpers": ("def g(x):\n    return x + 1\n\ndef f(x):\n    return g(g(x))", "1", "3"),
    "a class": ("class A:\n    def m(self, x):\n        return x\n\ndef f(x):\n    return A().m(x)", "1", "1"),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n\ndef f(x):\n    return A(x).x",
        "1",
        "1",
    ),
    "a decorator": (
        "import functools\n@functools.cache\ndef f(n):\n    return n if n < 2 else f(n-1) + f(n-2)",
        "30",
        "832040",
    ),
    "a generator within": ("def g(n):\n    yield from range(n)\n\ndef f(n):\n    return list(g(n))", "3", "[0, 1, 2]"),
    "a lambda": ("f = lambda x: x * 2", "2", "4"),
    "a callable class": ("class f:\n    def __new__(cls, x):\n        return x", "2", "2"),
    "a coroutine": ("import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x", "2", "2"),
    "imports when called": ("def f(x):\n    import statistics\n    return statistics.mean(x)", "[1, 3]", "2"),
    "many modules": (
        "import bisect, collections, datetime, decimal, fractions, functools, hashlib, heapq, itertools, json, math\n"
        "import operator, random, re, statistics, string, typing, unicodedata\n"
        "def f(s):\n    return hashlib.sha256(s.encode()).hexdigest()[:4]",
        "'x'",
        "'2d71'",
    ),
    "time zones": ("import zoneinfo\ndef f():\n    return str(zoneinfo.ZoneInfo('UTC'))", "", "'UTC'"),
    "threads": (
        "import threading\ndef f():\n    seen = []\n    t = threading.Thread(target=seen.append, args=(1,))\n"
        "    t.start()\n    t.join()\n    return seen",
        "",
        "[1]",
    ),
    "None": ("def f():\n    pass", "", "None"),
    "keyword arguments": ("def f(a, *, b=2, **more):\n    return a, b, more", "1, b=3, c=4", "(1, 3, {'c': 4})"),
    "a huge int": ("def f():\n    return 10 ** 5000 > 0, -(2 ** 9000) < 0", "", "(True, True)"),
    "half a character": ("def f():\n    return chr(0xd800)", "", "'\\ud800'"),
    "its own exception": ("class Mine(ValueError): ...\ndef f():\n    raise Mine('no')", "", "raised Mine"),
    "print": ("def f():\n    print('x' * 10)\n    return input is not None", "", "True"),
}


@pytest.mark.parametrize(("source", "call", "expected"), GOOD_PROGRAMS.values(), ids=GOOD_PROGRAMS)
async def test_a_good_program_runs(source: str, call: str, expected: str, sandbox: ProcessSandbox) -> None:
    assert endings(await sandbox.run(source, "f", [call])) == [expected]


async def test_calls_are_made_in_order_and_share_the_module(sandbox: ProcessSandbox) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert endings(await sandbox.run(source, "f", ["1", "1", "1"])) == ["1", "2", "3"]


async def test_runs_share_nothing(sandbox: ProcessSandbox) -> None:
    source = "import math\ndef f():\n    seen, math.seen = hasattr(math, 'seen'), True\n    return seen"
    reports = [await sandbox.run(source, "f", [""]) for _ in range(2)]
    assert [endings(report) for report in reports] == [["False"], ["False"]]


FACTS = [
    ("a", "POSITIONAL_OR_KEYWORD", True),
    ("b", "POSITIONAL_OR_KEYWORD", False),
    ("c", "VAR_POSITIONAL", True),
    ("d", "KEYWORD_ONLY", True),
    ("e", "VAR_KEYWORD", True),
]


async def test_a_source_tells_what_it_imports_and_what_the_function_takes(sandbox: ProcessSandbox) -> None:
    source = "import os.path, re as r\nfrom json.decoder import JSONDecoder\nasync def f(a, b=1, *c, d, **e): ..."
    inspection = await sandbox.inspect(source, "f")
    assert inspection.imports == ("json", "os", "re")
    assert inspection.is_async
    assert [(p.name, p.kind, p.required) for p in inspection.parameters or ()] == FACTS


async def test_a_run_tells_what_the_function_takes_if_it_is_asked(sandbox: ProcessSandbox) -> None:
    source = "def g(a, b=1, *c, d, **e): ...\nf = vars()['g']"
    assert (await sandbox.inspect(source, "f")).parameters is None
    assert (await sandbox.run(source, "f", [])).parameters is None
    report = await sandbox.run(source, "f", [], describe=True)
    assert [(p.name, p.kind, p.required) for p in report.parameters or ()] == FACTS


@pytest.mark.parametrize(
    ("source", "call", "mutated"),
    [
        ("def f(x):\n    x.append(1)", "[0]", True),
        ("def f(x):\n    x[0].clear()", "[{1}]", True),
        ("def f(x):\n    x.sort()\n    raise ValueError", "[2, 1]", True),
        ("def f(x):\n    x.append(x)", "[]", True),
        ("def f(x, *, y):\n    y['k'] = 1", "1, y={}", True),
        ("def f(x):\n    x = sorted(x)", "[2, 1]", False),
        ("def f(x):\n    x.append(1)\n    x.pop()", "[0]", False),
        ("def f(x):\n    return x", "[" * 80 + "]" * 80, False),
    ],
    ids=["list", "inner", "then raises", "into itself", "keyword", "a copy", "undone", "too deep to compare"],
)
async def test_a_changed_argument_is_seen(source: str, call: str, mutated: bool, sandbox: ProcessSandbox) -> None:
    [outcome] = (await sandbox.run(source, "f", [call])).outcomes
    assert outcome.mutated is mutated


async def test_calls_that_take_too_long_leave_the_others_their_answers(sandbox: ProcessSandbox) -> None:
    source = "def f(n):\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n    return n"
    report = await sandbox.run(source, "f", ["6", "1", "0", "-1", "-2", "-5", "-7", "-17"])
    assert endings(report) == ["1", "1", *["raised TimeLimit"] * 6]


async def test_a_program_that_was_slow_twice_is_asked_nothing_more(sandbox: ProcessSandbox) -> None:
    """Else each of a hundred inputs could take its whole time."""
    source = "def f(n):\n    while n < 0:\n        pass\n    return n"
    report = await sandbox.run(source, "f", ["-1", "1", "-2", *["2"] * 20])
    assert endings(report) == ["raised TimeLimit", "1", *["raised TimeLimit"] * 21]
    assert "no time left" in report.outcomes[-1].detail


# What a run finds around it


async def test_the_environment_holds_no_secret(sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFT_TEST_TOKEN", "s3cret")
    [outcome] = (await sandbox.run("import os\ndef f():\n    return dict(os.environ)", "f", [""])).outcomes
    assert set(decode(outcome.returned or [])) <= {"PYTHONHASHSEED", "LANG", "LC_CTYPE", "PWD"}


async def test_no_file_descriptor_of_ours_is_inherited(sandbox: ProcessSandbox) -> None:
    source = """
        import os
        def f():
            found = []
            for fd in range(64):
                try: found.append((fd, os.fstat(fd).st_mode >> 12))
                except OSError: pass
            return found
    """
    with socket.socket() as ours:
        ours.set_inheritable(True)
        [outcome] = (await sandbox.run(textwrap.dedent(source), "f", [""])).outcomes
    streams = [(fd, kind) for fd, kind in decode(outcome.returned or []) if fd < 3]
    others = [kind for fd, kind in decode(outcome.returned or []) if fd >= 3]
    assert [kind for _, kind in streams] == [2, 2, 2]  # /dev/null
    assert others == [8]  # the file in memory that the report goes to


# Predicates


async def test_predicates_are_evaluated_in_every_scope(sandbox: ProcessSandbox) -> None:
    scopes = [{"x": "[1, 2]", "result": "2"}, {"x": "[]", "result": "1"}]
    holdings = await sandbox.evaluate(["result == len(x)", "all(v > result - 2 for v in x)", "nothing > 1"], scopes)
    assert holdings is not None
    assert [[h.holds for h in row] for row in holdings.outcomes] == [[True, False], [True, True], [False, False]]
    assert holdings.outcomes[2][0].raised == "NameError: name 'nothing' is not defined"


@pytest.mark.parametrize(
    "predicate",
    ["[0 for _ in iter(int, 1)]", "__import__('os')._exit(0)", "10 ** 10 ** 9"],
    ids=["endless", "exit", "too big"],
)
async def test_a_predicate_beyond_the_limits_has_no_answer(
    predicate: str, sandbox: ProcessSandbox, impatient: ProcessSandbox
) -> None:
    assert await impatient.evaluate([predicate], [{}]) is None
    await assert_unharmed(sandbox)


# The machine


async def test_the_tier_of_this_machine_is_a_safe_one(sandbox: ProcessSandbox) -> None:
    assert await sandbox.tier() in ("namespaces", "landlock")


async def test_a_sandbox_tells_what_runs_and_what_waits() -> None:
    sandbox = ProcessSandbox(Limits(call_s=0.5), concurrency=2)
    await sandbox.tier()
    slow = "import time\n\ndef f():\n    time.sleep(0.3)"
    asked = asyncio.gather(*(sandbox.run(slow, "f", [""]) for _ in range(5)))
    await asyncio.sleep(0.05)
    load = sandbox.load()
    assert (load.running, load.waiting) == (2, 3)
    await asked
    load = sandbox.load()
    sandbox.close()
    assert (load.running, load.waiting) == (0, 0)
