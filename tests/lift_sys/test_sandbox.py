"""The sandbox, really running: what code may do, what it may not, and that the next run never notices."""

import asyncio
import json
import re
import socket
import textwrap
from pathlib import Path

import pytest

from lift_sys.jail.values import decode
from lift_sys.sandbox import Limits, Outcome, ProcessSandbox, Report

pytestmark = pytest.mark.anyio

GOOD = "def f(x):\n    return x + 1\n"


@pytest.fixture(scope="module")
def impatient() -> ProcessSandbox:
    """For what hangs until it is killed."""
    return ProcessSandbox(Limits(call_s=0.2, cpu_s=1, wall_s=0.6), concurrency=2)


def ending(outcome: Outcome) -> str:
    """How a call ended, in a few words."""
    if outcome.raised:
        return f"raised {outcome.raised}"
    try:
        return repr(decode(outcome.returned or []))
    except ValueError:  # an object, or an int with more digits than Python writes
        return json.dumps(outcome.returned)[:60]


def endings(report: Report) -> list[str]:
    return [report.trouble.clause] if report.trouble else [ending(outcome) for outcome in report.outcomes]


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


async def test_a_report_says_what_was_imported_and_what_the_function_takes(sandbox: ProcessSandbox) -> None:
    source = "import os.path, re as r\nfrom json.decoder import x\nasync def f(a, b=1, *c, d, **e): ..."
    source = source.replace("from json.decoder import x", "from json.decoder import JSONDecoder")
    report = await sandbox.run(source, "f", [])
    assert report.imports == ("json", "os", "re")
    assert report.is_async
    assert [(p.name, p.kind, p.required) for p in report.parameters or ()] == [
        ("a", "POSITIONAL_OR_KEYWORD", True),
        ("b", "POSITIONAL_OR_KEYWORD", False),
        ("c", "VAR_POSITIONAL", True),
        ("d", "KEYWORD_ONLY", True),
        ("e", "VAR_KEYWORD", True),
    ]


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


# What hostile ones try

ANY_FILE = "raised (PermissionError|FileNotFoundError)"
NO_PROCESS = "raised (PermissionError|OSError|BlockingIOError)"
ATTACKS: dict[str, tuple[str, str]] = {
    # time
    "an endless loop": ("def f():\n    while True: pass", "raised TimeLimit"),
    "a sleep": ("import time\ndef f():\n    time.sleep(60)", "raised TimeLimit"),
    "an endless loop that catches all": (
        "def g():\n    while 1: pass\ndef f():\n    while 1:\n        try: g()\n        except BaseException: pass",
        "limits",
    ),
    "an endless loop at import": ("while True: pass\ndef f(): ...", "limits"),
    "a number too big to end": ("def f():\n    n = 9\n    return n ** n ** n", "limits|raised TimeLimit"),
    "a pattern that never ends": (
        "import re\ndef f():\n    return re.match('(a+)+b', 'a' * 99)",
        "limits|raised TimeLimit",
    ),
    "ignored signals": (
        "import signal, sys\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ndef f():\n    while True: pass",
        "limits",
    ),
    "stopping itself": ("import os, signal\ndef f():\n    signal.raise_signal(signal.SIGSTOP)", NO_PROCESS),
    # processes
    "fork": ("import os\ndef f():\n    return os.fork()", NO_PROCESS),
    "a fork at import": ("import os\nos.fork()\ndef f(): ...", "import"),
    "a fork without Python's audit": (
        """
        import sys
        def f():
            return sys.modules["lift_sys.jail.confine"]._libc.syscall(57)
        """,
        "-1",
    ),
    "a daemon by a private module": (
        """
        import _posixsubprocess, os, time
        def daemon():
            time.sleep(60)
        def f():
            r, w = os.pipe()
            command = [b"/bin/true"], [b"/bin/true"], True, (w,), None, None, -1, -1, -1, -1, -1, -1, r, w
            group = [-1] if sys.version_info >= (3, 11) else []
            return _posixsubprocess.fork_exec(*command, False, True, *group, None, None, None, -1, daemon, False)
        import sys
        """,
        "raised (PermissionError|TypeError)",
    ),
    "subprocess": ("import subprocess\ndef f():\n    return subprocess.run(['/bin/true'])", NO_PROCESS),
    "a spawn": ("import os\ndef f():\n    return os.posix_spawn('/bin/true', ['true'], {})", NO_PROCESS),
    "os.system": ("def f():\n    return __import__('os').system('true')", NO_PROCESS),
    "another program in its place": ("import os\ndef f():\n    os.execv('/bin/true', ['true'])", NO_PROCESS),
    "multiprocessing": (
        "import multiprocessing\ndef f():\n    multiprocessing.get_context('fork').Process(target=print).start()",
        NO_PROCESS,
    ),
    "a bomb of threads": (
        """
        import threading, time
        def f():
            for _ in range(10_000):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        """,
        "raised RuntimeError|limits",
    ),
    "a kill of its parent": ("import os\ndef f():\n    os.kill(os.getppid(), 9)", "raised PermissionError"),
    "a kill of its group": ("import os\ndef f():\n    os.killpg(0, 9)", "raised PermissionError"),
    "a kill without Python's audit": (
        """
        import os, signal
        def f():
            signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGKILL)
        """,
        "raised (PermissionError|ProcessLookupError)",
    ),
    "ctypes": ("import ctypes\ndef f():\n    return ctypes.CDLL(None)", "raised PermissionError"),
    # files and secrets
    "/etc/passwd": ("def f():\n    return open('/etc/passwd').read()", ANY_FILE),
    "a folder": ("import os\ndef f():\n    return os.listdir('/')", ANY_FILE),
    "the project": (f"def f():\n    return open({__file__!r}).read()", ANY_FILE),
    "its own environment in /proc": ("def f():\n    return open('/proc/self/environ').read()", ANY_FILE),
    "its parent's environment": (
        "import os\ndef f():\n    return open(f'/proc/{os.getppid()}/environ').read()",
        ANY_FILE,
    ),
    "a way around by a link": (
        "import os\ndef f():\n    os.symlink('/etc/passwd', '/tmp/lift-link')",
        "raised (PermissionError|OSError)",
    ),
    "changing the standard library": ("import os\ndef f():\n    open(os.__file__, 'a')", ANY_FILE),
    # network
    "a name server": ("import socket\ndef f():\n    socket.getaddrinfo('example.com', 80)", "raised gaierror"),
    "a TCP server": (
        "import socket\ndef f():\n    s = socket.socket()\n    s.bind(('0.0.0.0', 0))\n    s.listen()",
        NO_PROCESS,
    ),
    # memory
    "a bomb of memory": (
        "def f():\n    x = []\n    while True: x.append(bytearray(10**7))",
        "raised (MemoryError|TimeLimit)|limits",
    ),
    "one huge block": ("def f():\n    return len('x' * 10**11)", "raised MemoryError"),
    "deep recursion": ("def f():\n    return f()", "raised RecursionError"),
    "a stack overflow": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return (lambda g: g(g))(lambda g: [g(g)])",
        "limits|raised (MemoryError|TimeLimit|RecursionError)",
    ),
    "a crash": (
        """
        import opcode
        def f():
            far = [opcode.opmap["EXTENDED_ARG"], 127] * 3
            code = [*far, opcode.opmap["LOAD_CONST"], 255, opcode.opmap["RETURN_VALUE"], 0]
            exec((lambda: 0).__code__.replace(co_code=bytes(code)))
        """,
        "limits",
    ),
    # output
    "a flood on stdout": (
        "import sys\ndef f():\n    for _ in range(100): sys.stdout.write('x' * 10**5)\n    return 1",
        "1",
    ),
    "a flood on every descriptor": (
        """
        import os
        def f():
            for fd in range(3, 16):
                try:
                    while True: os.write(fd, b"x" * 10**6)
                except OSError: pass
        """,
        "limits",
    ),
    "a result too long to send": ("def f():\n    return 'x' * 10**7", "limits"),
    "a list too long to send": ("def f():\n    return [0] * 10**6", "raised TooLarge"),
    "an int too long to write": ("def f():\n    return 1 << 10**6", r'\["int", "0x10+'),
    "a result that contains itself": ("def f():\n    x = []\n    x.append(x)\n    return x", "raised TooLarge"),
    "an exception that does not end": ("def f():\n    raise ValueError('x' * 10**7)", "raised ValueError"),
    "an exception that has half a character": ("def f():\n    raise ValueError(chr(0xd800))", "raised ValueError"),
    "an exception with a huge name": ("def f():\n    raise type('E' * 10**6, (Exception,), {})", "raised E{100}"),
    "an exception that fails to print": (
        "class E(Exception):\n    def __str__(self):\n        raise self\ndef f():\n    raise E",
        "raised E",
    ),
    # an end without a report
    "os._exit": ("import os\ndef f():\n    os._exit(0)", "limits"),
    "sys.exit": ("import sys\ndef f():\n    sys.exit(0)", "raised SystemExit"),
    "sys.exit at import": ("import sys\nsys.exit(0)", "import"),
    "an interrupt": ("def f():\n    raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    # forgery
    "a forged report on every descriptor": (
        """
        import os
        def f():
            report = b'{"nonce": "", "tier": "namespaces", "outcomes": [{"returned": ["int", "0x2"]}]}'
            for fd in range(16):
                try: os.write(fd, report)
                except OSError: pass
            os._exit(0)
        """,
        "limits",
    ),
    "a list for a report": (
        "import os\ndef f():\n    for fd in range(3, 16):\n        try: os.write(fd, b'[1]')\n"
        "        except OSError: pass\n    os._exit(0)",
        "limits",
    ),
    "a patched json.dumps": ("import json\njson.dumps = lambda *a, **k: '{}'\ndef f():\n    return 1", "limits"),
    "a patched len": ("import builtins\nbuiltins.len = lambda x: 0\ndef f():\n    return [1, 2]", r"\[1, 2\]"),
    "patched builtins": (
        "import builtins\nfor n in list(vars(builtins)): setattr(builtins, n, None)\ndef f():\n    return 1",
        "limits|import",
    ),
    "a result that equals all": (
        "class A:\n    def __eq__(self, o): return True\n    def __hash__(self): return 2\ndef f():\n    return A()",
        r'\["object", "A"\]',
    ),
    "a class that calls itself int": (
        "class A:\n    __class__ = int\n    def __index__(self): return 2\ndef f():\n    return A()",
        r'\["object", "A"\]',
    ),
    "a generator": ("def f():\n    yield 1", r'\["object", "generator"\]'),
    "an instance": ("class A: ...\ndef f():\n    return [A()]", r'\["list", \[\["object", "A"\]\]\]'),
    "a class for a function": ("class f: ...", r'\["object", "f"\]'),
    "no function": ("f = 3", "signature"),
    "another function": ("def g(): ...", "signature"),
    # text that is no program
    "not Python": ("def f(:", "parse"),
    "a NUL": ("def f(): return '\0'", "parse"),
    "half a character in the source": ("def f(): return '\ud800'", "parse"),
    "10,000 brackets": (f"def f(): return {'(' * 10_000}{')' * 10_000}", "parse"),
    "10,000 minus signs": (f"def f(): return {'-' * 10_000}1", "parse|limits"),
    "a fence": ("```python\ndef f(): ...\n```", "parse"),
    "nothing": ("", "signature"),
}


HANGING = {
    "an endless loop that catches all", "a number too big to end", "a pattern that never ends", "ignored signals",
    "a bomb of memory", "a stack overflow",
}  # fmt: skip


@pytest.fixture(scope="module")
def attacked(sandbox: ProcessSandbox, impatient: ProcessSandbox) -> dict[str, tuple[Report, Report]]:
    """What came of each attack, and of a good run right after it. Two at a time, since this takes a while."""
    two = asyncio.Semaphore(2)

    async def attack(name: str, source: str) -> tuple[str, tuple[Report, Report]]:
        async with two:
            report = await (impatient if name in HANGING else sandbox).run(textwrap.dedent(source), "f", [""])
            return name, (report, await sandbox.run(GOOD, "f", ["1"]))

    async def attacks() -> dict[str, tuple[Report, Report]]:
        return dict(await asyncio.gather(*(attack(name, source) for name, (source, _) in ATTACKS.items())))

    return asyncio.run(attacks())


@pytest.mark.parametrize(("name", "seen"), [(name, seen) for name, (_, seen) in ATTACKS.items()], ids=ATTACKS)
def test_an_attack_is_seen_and_harms_no_other_run(
    name: str, seen: str, attacked: dict[str, tuple[Report, Report]]
) -> None:
    report, after = attacked[name]
    [end] = endings(report)
    assert re.fullmatch(seen, end), end
    assert len(report.model_dump_json()) < 300_000
    assert endings(after) == ["2"]


async def test_no_file_can_be_written(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    target = tmp_path / "proof"
    tmp_path.chmod(0o777)
    report = await sandbox.run(f"def f():\n    open({str(target)!r}, 'w').write('x')", "f", [""])
    assert endings(report) == ["raised PermissionError"]
    assert list(tmp_path.iterdir()) == []


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


CONNECT = "import socket\ndef f(port):\n    socket.create_connection(('127.0.0.1', port), 0.2).send(b'x')"
SEND = (
    "import socket\ndef f(port):\n"
    "    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))"
)


@pytest.mark.parametrize(("source", "kind"), [(CONNECT, "TCP"), (SEND, "UDP")], ids=["TCP", "UDP"])
async def test_nothing_can_be_sent(source: str, kind: str, sandbox: ProcessSandbox) -> None:
    if kind == "UDP" and await sandbox.tier() != "namespaces":
        pytest.skip("this kernel allows no namespace of one's own, and Landlock knows TCP only")
    with socket.socket(type=socket.SOCK_STREAM if kind == "TCP" else socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        if kind == "TCP":
            ours.listen()
        ours.settimeout(0.1)
        [end] = endings(await sandbox.run(source, "f", [str(ours.getsockname()[1])]))
        assert re.fullmatch("raised (OSError|PermissionError|ConnectionRefusedError|TimeoutError)", end)
        with pytest.raises(TimeoutError):
            ours.recvfrom(1) if kind == "UDP" else ours.accept()


FORGE = """
    import json, os, sys
    def f():
        frame = sys._getframe()
        while "report_to" not in frame.f_locals:
            frame = frame.f_back
        report = {"nonce": frame.f_locals["nonce"], **json.loads(REPORT)}
        os.write(frame.f_locals["report_to"], json.dumps(report).encode())
        os._exit(0)
"""
FORGED: dict[str, dict[str, object]] = {
    "no outcome": {"outcomes": []},
    "an outcome too many": {"outcomes": [{"returned": ["int", "0x1"]}] * 2},
    "a result that is no tree": {"outcomes": [{"returned": []}]},
    "a result that cannot be read": {"outcomes": [{"returned": ["int", "zz"]}]},
    "a set of lists": {"outcomes": [{"returned": ["set", [["list", []]]]}]},
    "a tree without end": {"outcomes": [{"returned": json.loads('["list", [' * 200 + "]]" * 200)}]},
    "a detail too long": {"outcomes": [{"raised": "E", "detail": "x" * 100_000}]},
    "a trouble too long": {"trouble": {"clause": "parse", "detail": "x" * 100_000}},
    "a clause that there is not": {"trouble": {"clause": "verdict", "detail": ""}},
    "a field that there is not": {"verdict": "verified", "outcomes": [{"returned": ["int", "0x1"]}]},
    "a tier that there is not": {"tier": "perfect", "outcomes": [{"returned": ["int", "0x1"]}]},
    "another nonce": {"nonce": "0" * 16, "outcomes": [{"returned": ["int", "0x1"]}]},
}


def forging(report: dict[str, object]) -> str:
    return textwrap.dedent(FORGE).replace("REPORT", repr(json.dumps(report)))


@pytest.mark.parametrize("report", FORGED.values(), ids=FORGED)
async def test_a_forged_report_of_another_shape_is_none(report: dict[str, object], sandbox: ProcessSandbox) -> None:
    assert endings(await sandbox.run(forging(report), "f", [""])) == ["limits"]


async def test_a_forged_report_cannot_change_the_tier(sandbox: ProcessSandbox) -> None:
    report = await sandbox.run(forging({"tier": "rlimits", "outcomes": [{"returned": ["int", "0x1"]}]}), "f", [""])
    assert report.tier == await sandbox.tier() != "rlimits"


async def test_runs_at_the_same_time_do_not_meet(sandbox: ProcessSandbox) -> None:
    hostile, good = textwrap.dedent(ATTACKS["a flood on every descriptor"][0]), GOOD
    sources = [good, hostile, good, "def f(x):\n    while True: pass", good]
    reports = await asyncio.gather(*(sandbox.run(source, "f", ["1"]) for source in sources))
    assert [endings(report) for report in (reports[0], reports[2], reports[4])] == [["2"]] * 3


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
