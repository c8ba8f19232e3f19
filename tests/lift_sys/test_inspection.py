"""The inspection: what good programs are free of, what others cannot hide, and that no text makes it stumble."""

import contextlib
import inspect
import json
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lift_sys.jail.inspection import MAX_CHARACTERS, inspect_source

F = "\ndef f():\n    pass\n"
"""A function to ask for, where a program is about something else."""


def effects_of(source: str) -> set[str]:
    return {finding["effect"] for finding in inspected(textwrap.dedent(source) + F)["effects"]}


def inspected(source: str) -> dict[str, Any]:
    facts = inspect_source(source, "f")
    assert "trouble" not in facts, facts
    return facts


def hints_of(source: str) -> list[str]:
    return [hint["what"] for hint in inspected(textwrap.dedent(source) + F)["hints"]]


# What good programs are free of

GOOD_PROGRAMS = {
    "recursion": "def f(n):\n    return 1 if n < 2 else n * f(n - 1)",
    "recursion with a guard": "def f(n):\n    if not n:\n        return 0\n    return f(n - 1)",
    "recursion over children": "def f(tree):\n    return [f(child) for child in tree]",
    "a raised limit": "import sys\nsys.setrecursionlimit(10_000)\ndef f(n):\n    return n and f(n - 1)",
    "helpers": "def g(x):\n    return x + 1\ndef f(x):\n    return g(g(x))",
    "a class": """
        class Stack:
            def __init__(self):
                self.items = []
                self.random = 1
            def open(self, x):
                self.items.append(x)
            def print(self):
                return self.items
        def f(x):
            stack = Stack()
            stack.open(x)
            stack.time = stack.random
            return stack.print()
        """,
    "a dataclass": """
        from dataclasses import dataclass
        @dataclass
        class A:
            x: int = 0
        def f(x):
            return A(x).x
        """,
    "an enumeration": "from enum import Enum\nclass A(Enum):\n    B = 1\ndef f(x):\n    return A(x) is A.B",
    "nested functions": """
        def f(n):
            count = 0
            def step():
                nonlocal count
                count += 1
                return count
            return [step() for _ in range(n)]
        """,
    "a decorator": """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(function(*args, **kwargs))
            return wrapper
        @twice
        def f(x):
            return x
        """,
    "a cache": "from functools import lru_cache\n@lru_cache(maxsize=None)\ndef f(n):\n    return n",
    "a cache of its own": "MEMO = {}\ndef f(n):\n    MEMO[n] = n\n    return MEMO[n]",
    "a generator": "def f(n):\n    while True:\n        yield n",
    "a coroutine": """
        import asyncio
        async def f(n):
            await asyncio.sleep(0)
            return await asyncio.gather()
        """,
    "star arguments": "def f(*args, **kwargs):\n    return dict(*args, **kwargs)",
    "the standard library": """
        import collections, itertools, math, re, string, heapq, bisect, decimal, fractions, statistics, operator, json
        from typing import Any, Callable
        def f(x):
            decimal.getcontext().prec = 30
            return math.pi, re.compile(x), json.loads(x), collections.Counter(x), operator.itemgetter(1)(x)
        """,
    "dates": """
        import datetime as d
        def f(x):
            return d.datetime.strptime(x, '%Y') - d.timedelta(1), d.time(1), d.date(1, 1, 1)
        """,
    "a given time": """
        import time
        def f(x):
            return time.gmtime(x), time.strftime('%Y', time.localtime(x))
        """,
    "a seed": "import random\ndef f(x):\n    return random.Random(7).sample(x, 2)",
    "a seed that is passed": """
        from random import Random as R
        def f(x, seed):
            rng = R(seed)
            return rng.random()
        """,
    "names of builtins": """
        def f(input, open):
            return [print for print in input if (eval := print) != open]
        """,
    "a path's name": """
        from pathlib import Path
        def f(x):
            return (Path(x) / 'a').with_suffix('.b').name, Path(x).parent.parts
        """,
    "a joined path": """
        import os
        def f(x):
            return os.path.join(x, os.sep).strip(), os.path.splitext(x)
        """,
    "a quoted text": "from urllib.parse import quote\ndef f(x):\n    return quote(x)",
    "formatted data": """
        from pprint import pformat
        import io
        def f(x):
            buffer = io.StringIO()
            buffer.write(pformat(x))
        """,
    "annotations": """
        import io, socket
        def f(x: socket.socket, y: list[print]) -> io.open:
            z: print
            return x
        """,
    "an attribute by name": """
        def f(x, name):
            return getattr(x, name), setattr(x, name, 1), getattr(str, name)
        """,
    "threads": "import threading\ndef f(x):\n    with threading.Lock():\n        return x",
    "the main guard": """
        import sys
        def f(x):
            return x
        if __name__ == '__main__':
            print(f(1))
            sys.exit(0)
        """,
    "a match": """
        def f(x):
            match x:
                case [print, *open]:
                    return print, open
                case {'a': 1, **eval}:
                    return eval
        """,
    "an exception": """
        def f(x):
            try:
                return 1 // x
            except ZeroDivisionError as input:
                return str(input)
        """,
    "an end by exception": """
        def f(x):
            try:
                while True:
                    x.pop()
            except IndexError:
                return x
        """,
    "an end in the loop": """
        def f(x):
            while True:
                x += 1
                for y in []:
                    pass
                if x > 9:
                    break
            return x
        """,
    "large numbers": """
        M = 10**9 + 7
        def f(x):
            return pow(x, M - 2, M) + x * 10**18 + 2**64 + (1 << 64)
        """,
    "a method named as a function": """
        def g(x):
            return x
        class A:
            def g(self, x):
                return g(x)
        def f(x):
            return A().g(x)
        """,
    "a slice of a constant": """
        from string import ascii_lowercase as s
        s = list(s)
        s[0] = 'b'
        def f(x):
            return s
        """,
}


@pytest.mark.parametrize("name", GOOD_PROGRAMS)
def test_a_good_program_has_no_effect_and_gets_no_hint(name: str) -> None:
    facts = inspected(textwrap.dedent(GOOD_PROGRAMS[name]))
    assert (facts["effects"], facts["hints"]) == ([], [])


# What no program can hide

DISGUISES = {
    "stdout": [
        "print('x')",
        "p = print\ndef g():\n    q = p\n    q('x')",
        "def g(x, log=print):\n    log(x)",
        "list(map(print, [1]))",
        "import sys\nsys.stdout.write('x')",
        "from sys import stderr as e\ne.write('x')",
        "import logging\nlog = logging.getLogger('x')\nlog.info('x')",
        "from pprint import *\npprint(1)",
        "getattr(__builtins__, 'print')('x')",
        "def g(a: print('x')): pass",
        "@print\ndef g(): pass",
        "class A:\n    print('x')",
        "class A:\n    def print(self):\n        print('x')",
        "print = print\nprint('x')",
        "print('x')\nprint = None",
        "def print(a, p=print):\n    p(a)",
        "if 0:\n    print = 1\nprint('x')",
        "print = 1\ndel print\nprint('x')",
        "[print('x') for _ in range(3)]",
        "(lambda: print('x'))()",
        "{'p': print}['p']('x')",
        "def g():\n    global print\n    print('x')",
        "def print_(): pass\ndef g():\n    def print(): pass\nprint('x')",
        "(p := print)('x')",
        "a, b = print, 1\na('x')",
        "__name__ = '__main__'\nif __name__ == '__main__':\n    print('x')",
        "f'{print(1)}'",
    ],
    "stdin": [
        "input()",
        "import sys\nfor line in sys.stdin: pass",
        "from builtins import input as ask\nask()",
        "from getpass import getpass\ngetpass()",
    ],
    "files": [
        "open('x')",
        "with open('x') as g: pass",
        "import io\nio.open('x')",
        "__builtins__.open('x')",
        "import builtins as b\nb.open('x')",
        "len.__self__.open('x')",
        "import codecs\ncodecs.builtins.open('x')",
        "from pathlib import Path\nPath('x').read_text()",
        "from pathlib import Path as P\np = P('x')\nq = p / 'y'\nq.parent.mkdir()",
        "import pathlib\npathlib.Path.cwd()",
        "def g(path):\n    return path.read_text()",
        "import os.path\nos.path.exists('x')",
        "from os.path import *\nexists('x')",
        "import os as o\no.remove('x')",
        "import shutil\nshutil.rmtree('x')",
        "import _io\n_io.open('x')",
        "import tempfile, glob\nglob.glob('*')",
    ],
    "network": [
        "import socket\nsocket.socket()",
        "from urllib.request import urlopen as u\nu('x')",
        "import http.client\nhttp.client.HTTPConnection('x')",
        "__import__('socket').socket()",
        "from socket import *\ncreate_connection(('x', 1))",
        "import asyncio\nasync def g():\n    await asyncio.open_connection('x', 1)",
    ],
    "process": [
        "import os as o\no.system('x')",
        "import os\ns = os.system\ns('x')",
        "from os import *\nsystem('x')",
        "import os\ngetattr(os, 'system')('x')",
        "__import__('os').system('x')",
        "__import__('os.path').system('x')",
        "from importlib import import_module as i\ni('os').system('x')",
        "import os\ndef g(m=os):\n    m.fork()",
        "import os, sys\na, b = os, sys\na.system('x')",
        "import os\nclass A:\n    def g(self):\n        m = n = os\n        n.execv('x', [])",
        "import os\nm = os if 1 else None\n(m or 1).system('x')",
        "import os.path as p\np.os.system('x')",
        "import random\nrandom._os.system('x')",
        "import subprocess\nsubprocess.run(['x'])",
        "def g():\n    from subprocess import Popen as P\n    return lambda: P('x')",
        "import multiprocessing as m\nm.Process()",
        "import functools, os\nfunctools.partial(os.system, 'x')()",
        "try:\n    import os as o\nexcept ImportError:\n    o = None\no.system('x')",
        "def g():\n    global o\n    import os as o\ndef h():\n    o.system('x')",
        "class A:\n    from os import system\nA.system('x')",
    ],
    "reads_clock": [
        "import time\ntime.time()",
        "from time import time as t\nt()",
        "from time import *\nperf_counter()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.date.today()",
        "import datetime\nclock = datetime.datetime\nclock.utcnow().year",
        "import time\ntime.localtime()",
        "import time\ntime.strftime('%Y')",
    ],
    "random": [
        "import random\nrandom.random()",
        "from random import choice as c\nc([1])",
        "from random import *\nshuffle([1])",
        "import random\nrandom.Random().random()",
        "import random\nrandom.Random(None).random()",
        "sorted([1], key=__import__('random').random)",
        "import secrets\nsecrets.token_hex()",
        "from uuid import uuid4\nuuid4()",
        "import os\nos.urandom(8)",
    ],
    "state": [
        "def g():\n    global x\n    x = 1",
        "def g():\n    global x\n    def x(): pass",
        "def g():\n    global x\n    for x in []: pass",
        "x = 0\ndef g():\n    global x\n    x += 1",
        "import math\nmath.pi = 3",
        "import math as m\nm.pi += 3",
        "from math import *\nimport math\ndel math.pi",
        "import math\nsetattr(math, 'pi', 3)",
        "import sys\nsys.path.append('x')",
        "import os\nos.environ['x'] = '1'",
        "import collections\ncollections.deque.append = None",
    ],
    "dynamic": [
        "eval('1')",
        "e = exec\ne('1')",
        "list(map(compile, []))",
        "def g(name):\n    __import__(name)",
        "import importlib\nimportlib.import_module('o' + 's')",
        "import math\ndef g(name):\n    return getattr(math, name)",
        "globals()['x'] = 1",
        "import sys\nsys._getframe()",
        "import sys\nsys.modules['os'].system('x')",
        "import gc\ngc.get_objects()",
        "import ctypes\nctypes.CDLL(None)",
        "().__class__.__base__.__subclasses__()",
        "(lambda: 0).__globals__['x']",
        "getattr(f, '__globals__')",
        "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_back",
        "__builtins__['open']('x')",
        "import os\nos.__dict__['system']('x')",
        "import os\n[os][0].system('x')",
        "import os\ndef g(m):\n    m.system('x')\ng(os)",
        "import os\nclass A:\n    m = os\nA.m.system('x')",
        "class A:\n    import os\nA.os.system('x')",
        "import os\ndef g():\n    return os\ng().system('x')",
    ],
}


@pytest.mark.parametrize(
    ("effect", "source"), [(effect, source) for effect in DISGUISES for source in DISGUISES[effect]]
)
def test_an_effect_shows_through_its_disguise(effect: str, source: str) -> None:
    assert effect in effects_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "def open(x): return x\nopen('x')",
        "def g(print):\n    print('x')",
        "def g():\n    print = list.append\n    print([], 1)",
        "def g():\n    def eval(x): pass\n    return eval('1')",
        "g = lambda open: open('x')",
        "def g(*input, **eval): return input, eval",
        "def g(x):\n    for print in x: print()",
        "def g(x):\n    with x as open: open()",
        "class os:\n    def system(x): pass\nos.system('x')",
        "def g(os):\n    os.system('x')",
        "def g(self):\n    self.os.system('x')",
        "def g(time): return time.time()",
        "import numpy as time\ntime.time()",
        "from .os import system\nsystem('x')",
        "class A:\n    def read_text(self): return 'x'\ndef g(a): return a.read_text()",
        "def g():\n    open = 1\n    class A:\n        def h(self):\n            return open",
        "def g(input):\n    input = input.strip()\n    return input.split()",
        "input = 'x'\ninput = input.strip()",
        "for input, output in [(1, 2)]:\n    assert input < output",
        "from math import *\nprint_ = sqrt\nprint_(2)",
        "{open: eval for open, eval in [(1, 2)]}",
    ],
)
def test_a_name_of_the_programs_own_is_no_builtin(source: str) -> None:
    assert effects_of(source) == set()


def test_a_finding_says_what_and_where() -> None:
    found = inspected("import os as o\n\ndef f(x):\n    o.system(x)\n    print(x)\n")["effects"]
    assert found == [
        {"effect": "process", "what": "os.system", "line": 4},
        {"effect": "stdout", "what": "print", "line": 5},
    ]


def test_many_findings_of_one_effect_crowd_out_no_other() -> None:
    calls = "\n".join(f"os.{name}('x')" for name in "abcdefghijklmnopqrstuvwxyz")
    found = inspected(f"import os\n{calls}\nprint(1)\n{F}")["effects"]
    assert len(found) == 20
    assert found[-1] == {"effect": "stdout", "what": "print", "line": 28}


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import os.path as p, re", ["os", "re"]),
        ("def g():\n    from json import loads", ["json"]),
        ("if __name__ == '__main__':\n    import sys", ["sys"]),
        ("from . import x\nfrom .y import z", [""]),
        ("__import__('os')\nimport importlib as i\ni.import_module('http.client')", ["http", "importlib", "os"]),
        ("__import__('\\x1b\\ud800')", ["\\x1b\\ud800"]),
        ("x = 'import os'", []),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, imports: list[str]) -> None:
    assert inspected(source + F)["imports"] == imports


# The signature

KNOWN = [
    "def f(a, b=1): pass",
    "def f(a, /, b, *c, d, e=1, **g): pass",
    "def f(a=1, /, *, b): pass",
    "def f(): pass\ndef f(x): pass",
    "async def f(x): pass",
    "async def f(x):\n    yield x",
    "try:\n    def f(x): pass\nexcept ImportError:\n    pass",
    "if True:\n    def f(x): pass",
    "def g(x, y): pass\nf = g",
    "g = lambda x, *y: x\nh = f = g",
    "def outer():\n    global f\n    def f(x): pass\nouter()",
    "import functools\n@functools.cache\ndef f(n): pass",
    "from functools import lru_cache as memo\n@memo(maxsize=9)\ndef f(n, k=2): pass",
    "f: object = lambda x: x",
    "(f := lambda x: x)",
    "def f(x): pass\nif __name__ == '__main__':\n    f = None",
]


@pytest.mark.parametrize("source", KNOWN)
def test_a_signature_is_what_python_says(source: str) -> None:
    facts, namespace = inspected(source), {"__name__": "candidate"}
    exec(source, namespace)
    parameters = inspect.signature(namespace["f"]).parameters.values()  # type: ignore[arg-type]
    said = [(p["name"], p["kind"], p["required"]) for p in facts["parameters"]]
    assert said == [(p.name, p.kind.name, p.default is p.empty) for p in parameters]
    assert facts["is_async"] == inspect.iscoroutinefunction(namespace["f"])


def test_annotations_are_texts() -> None:
    facts = inspected("def f(a: list[ int ], b: 'str' = '', *c: int, d) -> dict[str,int]: pass")
    assert [p["annotation"] for p in facts["parameters"]] == ["list[int]", "'str'", "int", None]
    assert facts["returns"] == "dict[str, int]"


@pytest.mark.parametrize(
    "source",
    [
        "class f: pass",
        "def d(g): return g\n@d\ndef f(x): pass",
        "import functools\n@functools.wraps(len)\ndef f(*args): pass",
        "import functools\nf = functools.partial(pow, 2)",
        "from operator import add as f",
        "from operator import *",
        "f = sorted",
        "f = g = f2 = None or (lambda x: x)",
        "globals()['f'] = len",
        "exec('def f(x): pass')",
        "def f(x): pass\ndel f",
        "f = f",
    ],
)
def test_what_may_change_a_signature_leaves_it_unknown(source: str) -> None:
    facts = inspected(source)
    assert (facts["parameters"], facts["returns"], facts["is_async"]) == (None, None, None)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def g(): pass",
        "def g():\n    def f(): pass",
        "class A:\n    def f(self): pass",
        "f = 1",
        "f = []\ng = f",
        "if __name__ == '__main__':\n    def f(): pass",
    ],
)
def test_a_program_without_the_function_is_trouble(source: str) -> None:
    assert inspect_source(source, "f") == {"trouble": {"clause": "signature", "detail": "defines no function f"}}


# Hints


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("def g():\n    while True:\n        pass", "while True without a way out"),
        ("while 1:\n    for x in []:\n        break", "while True without a way out"),
        ("while True:\n    def g():\n        return 1", "while True without a way out"),
        ("def g(n):\n    return n * g(n - 1)", "g calls itself on no condition"),
        ("class A:\n    def g(self):\n        return self.g()", "g calls itself on no condition"),
        ("9**9**9", "9**9**9 is large"),
        ("x = 'x' * 10**11", "'x' * 10**11 is large"),
        ("x = (10 ** 9) * [0]", "(10 ** 9) * [0] is large"),
        ("x = 1 << 10**10", "1 << 10**10 is large"),
        ("for x in range(5, 10**8 + 1):\n    pass", "range(5, 10**8 + 1) is large"),
        ("x = pow(2, 10_000_001)", "pow(2, 10_000_001) is large"),
    ],
)
def test_what_may_never_end_or_fit_gets_a_hint(source: str, hint: str) -> None:
    assert hints_of(source) == [hint]


def test_hints_are_few_and_the_first_ones() -> None:
    hints = inspected("9**9**9\n" * 30 + F)["hints"]
    assert [hint["line"] for hint in hints] == [1, 2, 3, 4, 5]


# Whatever the text


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        "return 1",
        "break",
        "def f(x, x): pass",
        "x = 1\n  y = 2",
        "def f():\n    nonlocal x",
        "\0",
        "x = '\ud800'",
        "\ufeffdef f(): pass",
        "(" * 5_000,
        "-" * 100_000 + "1",
        "1" + "+1" * 50_000,
        "a" + ".b" * 50_000,
        "lambda:" * 5_000 + "1",
        "x = " + "9" * 5_000,
        "x = 1\n" * MAX_CHARACTERS,
        "import x as a\n" + "".join(f"a = a.b{i}\n" for i in range(60)),
        "def f():\n" + "".join(f" a{i} = a{i + 1}\n" for i in range(4_000)) + " a4000 = print",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_trouble(source: str) -> None:
    trouble = inspect_source(source, "f")["trouble"]
    assert trouble["clause"] == "parse"
    assert trouble["detail"].isprintable()
    assert len(trouble["detail"]) <= 200


DEEP = [
    "x = 1" + "+1" * 900,
    "x = a" + ".b" * 900,
    "".join("    " * i + f"def g{i}():\n" for i in range(95)) + "    " * 95 + "print()",
    "print()\n" * 2_000,
    "def g(" + ",".join(f"a{i}" for i in range(5_000)) + "): pass",
    "9**9**9\n" * 2_000,
    "def " + "g" * 50_000 + "(): return " + "g" * 50_000 + "()",
]


@pytest.mark.parametrize("source", DEEP)
def test_a_deep_or_long_program_is_read(source: str) -> None:
    assert len(json.dumps(inspected(source + F))) < 10_000


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@settings(max_examples=200)
def test_no_text_makes_it_raise(source: str) -> None:
    json.dumps(inspect_source(source, "f")).encode()


PROGRAMS = [
    *(textwrap.dedent(source) for source in GOOD_PROGRAMS.values()),
    *(source for sources in DISGUISES.values() for source in sources),
    *KNOWN,
]


@given(st.data())
@settings(max_examples=300)
def test_no_mangled_program_makes_it_raise(data: st.DataObject) -> None:
    source = "\n".join(data.draw(st.lists(st.sampled_from(PROGRAMS), min_size=1, max_size=3)))
    start = data.draw(st.integers(0, len(source)))
    end = start + data.draw(st.integers(0, 8))
    insert = data.draw(st.sampled_from(["", " ", "\n", "(", ")", "*", ":", "=", ".", "global x", "print", "\0", "'"]))
    json.dumps(inspect_source(source[:start] + insert + source[end:], "f")).encode()


def test_the_source_is_never_run() -> None:
    with contextlib.suppress(KeyError):
        inspect_source("raise KeyError('it ran')\ndef f(): pass", "f")
        return
    pytest.fail("it ran")
