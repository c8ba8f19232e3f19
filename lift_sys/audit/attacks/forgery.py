"""Attacks on the verdict: results that lie, patches of what writes the report, and reports written by hand."""

import json
import textwrap

from lift_sys.audit.attacks.attack import KILLED, REJECTED, Level, table

_ONE = ("f() == 1",)
_VERIFIED: frozenset[Level] = frozenset({"verified"})

_NO_REPORT = {
    "os._exit": (KILLED, "import os\ndef f():\n    os._exit(0)"),
    "os._exit at import": (KILLED, "import os\nos._exit(0)\ndef f(): ..."),
    "sys.exit": ("raised SystemExit", "import sys\ndef f():\n    sys.exit(0)"),
    "sys.exit at import": ("import", "import sys\nsys.exit(0)\ndef f(): ..."),
    "an exit from a finalizer": (
        KILLED,
        "import os\nclass A:\n    def __del__(self): os._exit(0)\ndef f():\n    A()\n    return 1",
    ),
    "an exit from a thread": (
        KILLED,
        """
        import os, threading
        def f():
            threading.Thread(target=os._exit, args=(0,)).start()
            while True: pass
        """,
    ),
    "something at the end": (
        "'held'",
        "import atexit, os\ndef f():\n    atexit.register(os._exit, 0)\n    return 'held'",
    ),
    "an interrupt": ("raised KeyboardInterrupt", "def f():\n    raise KeyboardInterrupt"),
    "the jail's own end of time": (
        "raised TimeLimit",
        "import sys\ndef f():\n    raise sys.modules['lift_sys.jail.child'].TimeLimit",
    ),
}

_LIES = {
    "a result that equals all": (
        r'\["object", "A"\]',
        "class A:\n    def __eq__(self, o): return True\n    def __hash__(self): return 2\ndef f():\n    return A()",
    ),
    "a class that calls itself int": (
        r'\["object", "A"\]',
        "class A:\n    __class__ = int\n    def __index__(self): return 1\ndef f():\n    return A()",
    ),
    "an int that lies": (
        r'\["object", "I"\]',
        """
        class I(int):
            def __eq__(self, o): return True
            def __repr__(self): return "1"
            def __hash__(self): return 1
        def f():
            return I(2)
        """,
    ),
    "a list that lies": (
        r'\["object", "L"\]',
        "class L(list):\n    def __iter__(self): return iter([1])\ndef f():\n    return L([2])",
    ),
    "a class whose class lies": (
        r'\["list", \[\["object", "int"\]\]\]',
        """
        class M(type):
            def __getattribute__(self, name): return "int"
            def __eq__(self, o): return True
            def __hash__(self): return hash(int)
        class A(metaclass=M): ...
        def f():
            return [A()]
        """,
    ),
    "True for 1": ("True", "def f():\n    return True"),
    "a text for 1": ("'1'", "def f():\n    return '1'"),
    "a list for 1": (r"\[1\]", "def f():\n    return [1]"),
    "a generator for a list": (r'\["object", "generator"\]', "def f():\n    yield 1"),
    "an instance": (r'\["list", \[\["object", "A"\]\]\]', "class A: ...\ndef f():\n    return [A()]"),
    "a class for a function": (r'\["object", "f"\]', "class f: ..."),
    "NotImplemented": (r'\["object", "NotImplementedType"\]', "def f():\n    return NotImplemented"),
    "an awaitable that awaits itself": (
        "raised (RuntimeError|TypeError|TimeLimit|RecursionError)|limits|None",
        "class A:\n    def __await__(self):\n        return iter([])\ndef f():\n    return A()",
    ),
    "no function": ("signature", "f = 3"),
    "another function": ("signature", "def g(): ..."),
    "a name found by magic": ("signature", "def __getattr__(name):\n    return lambda: 1"),
}
"""What one could take for 1, and is not."""

_PATCHES = {
    "a patched json.dumps": (KILLED, "import json\njson.dumps = lambda *a, **k: '{}'\ndef f():\n    return 2"),
    "a patched len": ("2", "import builtins\nbuiltins.len = lambda x: 1\ndef f():\n    return 2"),
    "a patched isinstance": (
        "limits|2",
        "import builtins\nbuiltins.isinstance = lambda *a: True\ndef f():\n    return 2",
    ),
    "a patched type": (
        "limits|2|raised .*",
        "import builtins\nbuiltins.type = lambda x: int\ndef f():\n    return 2",
    ),
    "patched builtins": (
        "limits|import",
        "import builtins\nfor n in list(vars(builtins)): setattr(builtins, n, None)\ndef f():\n    return 2",
    ),
    "a patched stream": ("2", "import sys\nsys.stdout = sys.stderr = None\ndef f():\n    return 2"),
    "a patched os.write": (KILLED, "import os\nos.write = lambda fd, text: len(text)\ndef f():\n    return 2"),
    "a patched os._exit": (
        "limits|2",
        "import os\nos._exit = lambda code: None\ndef f():\n    return 2",
    ),
    "a patched ast": (
        "limits|2|raised .*",
        "import ast\nast.literal_eval = lambda node: 1\ndef f():\n    return 2",
    ),
    "a decoder that is patched": (
        "2",
        "import json\njson.loads = lambda *a, **k: {}\ndef f():\n    return 2",
    ),
    "an encoder that agrees with all": (
        "limits|raised .*",
        """
        import sys
        class Any:
            def __eq__(self, o): return True
        sys.modules["lift_sys.jail.child"].encode = lambda value: Any()
        def f():
            return 2
        """,
    ),
    "a comparison that is patched": (
        "2",
        "import sys\nsys.modules['lift_sys.jail.values'].same = lambda a, b: True\ndef f():\n    return 2",
    ),
    "a tolerance that is patched": (
        "2",
        """
        import math, sys
        math.isclose = lambda *a, **k: True
        sys.modules["lift_sys.jail.values"]._RELATIVE_TOLERANCE = 10.0**9
        def f():
            return 2
        """,
    ),
    "a class put over a module": (
        "limits|2|raised .*",
        """
        import sys
        class Loose(dict):
            def __getattr__(self, name): return lambda *a, **k: 1
        sys.modules["json"] = sys.modules["ast"] = Loose()
        def f():
            return 2
        """,
    ),
    "the calls taken out of the job": (
        "limits",
        """
        import sys
        frame = sys._getframe()
        while "job" not in frame.f_locals: frame = frame.f_back
        frame.f_locals["job"]["calls"].clear()
        def f():
            return 2
        """,
    ),
    "another kind of job": (
        "2|limits",
        """
        import sys
        frame = sys._getframe()
        while "job" not in frame.f_locals: frame = frame.f_back
        frame.f_locals["job"]["kind"] = "predicates"
        def f():
            return 2
        """,
    ),
}

_EXCEPTIONS = {
    "another exception of that module": ("raised KeyError", "def f():\n    raise KeyError"),
    "an exception that is returned": (r'\["object", "ValueError"\]', "def f():\n    return ValueError('x')"),
    "a text that says raised": ("'raised ValueError'", "def f():\n    return 'raised ValueError'"),
    "an exception that calls itself so in its text": (
        "raised Exception",
        "def f():\n    raise Exception('ValueError: x')",
    ),
    "an exception whose class only claims it": (
        "raised E",
        "class E(Exception):\n    __class__ = ValueError\ndef f():\n    raise E",
    ),
    "an exception whose name is no text": (
        "limits",
        """
        class M(type):
            __name__ = property(lambda self: ["ValueError"])
        class E(Exception, metaclass=M): ...
        def f():
            raise E
        """,
    ),
    "an exception whose bases are a loop": (
        "limits|raised .*",
        """
        class M(type):
            __mro__ = property(lambda self: [[self]] * 9)
        class E(Exception, metaclass=M): ...
        def f():
            raise E
        """,
    ),
}

_NAMESAKES = {
    "an exception of the same name": (
        "raised ValueError",
        "class ValueError(Exception): ...\ndef f():\n    raise ValueError",
    ),
    "an exception whose name is a lie": (
        "raised ValueError",
        """
        class M(type):
            __name__ = property(lambda self: "ValueError")
        class E(Exception, metaclass=M): ...
        def f():
            raise E
        """,
    ),
}
"""An example names an exception, and a module may define one of that name: who lies so could as well raise it."""

_BY_HAND = """
import json, os, sys
def f():
    frame = sys._getframe()
    while "report_to" not in frame.f_locals:
        frame = frame.f_back
    locals_ = frame.f_locals
    os.write(locals_["report_to"], ({}).encode())
    {}
"""
_WITH_NONCE = 'json.dumps({{"nonce": locals_["nonce"], **json.loads({!r})}})'
_SHAPES: dict[str, dict[str, object]] = {
    "no outcome": {"outcomes": []},
    "an outcome too many": {"outcomes": [{"returned": ["int", "0x1"]}] * 2},
    "an empty outcome": {"outcomes": [{}]},
    "a result that is no tree": {"outcomes": [{"returned": []}]},
    "a result that is a number": {"outcomes": [{"returned": 1}]},
    "a result that cannot be read": {"outcomes": [{"returned": ["int", "zz"]}]},
    "a result of an unknown kind": {"outcomes": [{"returned": ["any", 1]}]},
    "a result whose kind is a list": {"outcomes": [{"returned": [["int"], "0x1"]}]},
    "a number that is no text": {"outcomes": [{"returned": ["int", 1]}]},
    "a truth that is a number": {"outcomes": [{"returned": ["bool", 1]}]},
    "a result with more to it": {"outcomes": [{"returned": ["int", "0x1", "0x1"]}]},
    "half of half a character": {"outcomes": [{"returned": ["halves", "d8"]}]},
    "a set of lists": {"outcomes": [{"returned": ["set", [["list", []]]]}]},
    "a dict of one": {"outcomes": [{"returned": ["dict", [[["int", "0x1"]]]]}]},
    "a tree without end": {"outcomes": [{"returned": json.loads('["list", [' * 200 + "]]" * 200)}]},
    "a detail too long": {"outcomes": [{"raised": "E", "detail": "x" * 100_000}]},
    "too many kinds": {"outcomes": [{"raised": "E", "kinds": ["ValueError"] * 9}]},
    "a trouble too long": {"trouble": {"clause": "parse", "detail": "x" * 100_000}},
    "a clause that there is not": {"trouble": {"clause": "verdict", "detail": ""}},
    "a field that there is not": {"verdict": "verified", "outcomes": [{"returned": ["int", "0x1"]}]},
    "a tier that there is not": {"tier": "perfect", "outcomes": [{"returned": ["int", "0x1"]}]},
    "another tier": {"tier": "rlimits", "outcomes": [{"returned": ["int", "0x1"]}]},
    "another nonce": {"nonce": "0" * 16, "outcomes": [{"returned": ["int", "0x1"]}]},
    "no nonce": {"nonce": "", "outcomes": [{"returned": ["int", "0x1"]}]},
    "the holdings of predicates": {"outcomes": [[{"holds": True}]]},
    "an unequal signature": {"parameters": [{"name": 1}], "outcomes": [{"returned": ["int", "0x1"]}]},
}
_RIGHT = _WITH_NONCE.format(json.dumps({"outcomes": [{"returned": ["int", "0x1"]}]}))
_WRITTEN = {
    **{shape: (_WITH_NONCE.format(json.dumps(report)), "os._exit(0)") for shape, report in _SHAPES.items()},
    "two reports": (f"2 * {_RIGHT}", "os._exit(0)"),
    "a report, and then the true one": (_RIGHT, "return 2"),
    "a report, and then something else": (f"{_RIGHT} + 'x'", "os._exit(0)"),
    "half a report": (f"{_RIGHT}[:-1]", "os._exit(0)"),
    "no JSON": ("'verified'", "os._exit(0)"),
    "deep JSON": ("'[' * 10**6", "os._exit(0)"),
    "not a number": (_RIGHT.replace('"0x1"', "NaN").replace('"int"', '"float"'), "os._exit(0)"),
    "an earlier report": (
        """'{"nonce": "0123456789abcdef", "outcomes": [{"returned": ["int", "0x1"]}]}'""",
        "os._exit(0)",
    ),
    "the report that a run of predicates leaves": ("""'{"outcomes": [[{"holds": true}]]}'""", "os._exit(0)"),
    "many keys that collide": (
        """json.dumps({"nonce": locals_["nonce"], "outcomes": [
        {"returned": ["set", [["int", hex(k * (2**61 - 1))] for k in range(8_000)]]}]})""",
        "os._exit(0)",
    ),
    "a tree with too many leaves": (
        """json.dumps({"nonce": locals_["nonce"], "outcomes": [{"returned": ["list", [["list", []]] * 60_000]}]})""",
        "os._exit(0)",
    ),
    "too many outcomes": (
        """'{"nonce": "' + locals_["nonce"] + '", "outcomes": [' + ",".join(['{"raised": "E"}'] * 200_000) + "]}" """,
        "os._exit(0)",
    ),
}  # fmt: skip

_BY_HAND_ENDS = {"an empty outcome": "limits|null", "not a number": "limits|nan"}
"""What may pass for a report, and says nothing."""

_ON_EVERY_DESCRIPTOR = {
    "a report on every descriptor": (
        KILLED,
        """
        import os
        def f():
            report = b'{"nonce": "", "tier": "namespaces", "outcomes": [{"returned": ["int", "0x1"]}]}'
            for fd in range(16):
                try: os.write(fd, report)
                except OSError: pass
            os._exit(0)
        """,
    ),
    "a list for a report": (
        KILLED,
        "import os\ndef f():\n    for fd in range(3, 16):\n        try: os.write(fd, b'[1]')\n"
        "        except OSError: pass\n    os._exit(0)",
    ),
}

_FAR_NUMBERS = {
    "half more than an int": ("1234567.5", "def f():\n    return 1234567.5"),
    "an int that is nearly right": ("1234568", "def f():\n    return 1234568"),
}


def _by_hand(text: str, then: str) -> str:
    return textwrap.dedent(_BY_HAND).format(text, then)


ATTACKS = (
    *table("forgery", _NO_REPORT, examples=_ONE),
    *table("forgery", _LIES, examples=_ONE),
    *table("forgery", _PATCHES, examples=_ONE),
    *table("forgery", _ON_EVERY_DESCRIPTOR, examples=_ONE),
    *table(
        "forgery",
        {f"by hand: {name}": (_BY_HAND_ENDS.get(name, KILLED), _by_hand(*parts)) for name, parts in _WRITTEN.items()},
        examples=_ONE,
    ),
    *table("forgery", _EXCEPTIONS, examples=("f() raises ValueError",)),
    *table("forgery", _NAMESAKES, examples=("f() raises ValueError",), levels=_VERIFIED),
    *table("forgery", _FAR_NUMBERS, examples=("f() == 1234567",)),
    *table(
        "forgery",
        {"a float of an int's value": (r"1\.0", "def f():\n    return 1.0")},
        examples=_ONE,
        levels=_VERIFIED,
    ),
    *table(
        "forgery",
        {"an answer for another question": ("3", "seen = []\ndef f(x):\n    seen.append(x)\n    return 3")},
        examples=("f(1) == 2",),
        levels=REJECTED,
    ),
)
