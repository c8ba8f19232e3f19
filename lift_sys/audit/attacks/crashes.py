"""Attacks on the interpreter itself: what makes it crash, overflow its stack, or read what is no data."""

from lift_sys.audit.attacks.attack import KILLED, table

_LOST = "limits|raised (MemoryError|TimeLimit|RecursionError)"

_CRASHES = {
    "code that is none": (
        KILLED,
        """
        import opcode
        def f():
            far = [opcode.opmap["EXTENDED_ARG"], 127] * 3
            code = [*far, opcode.opmap["LOAD_CONST"], 255, opcode.opmap["RETURN_VALUE"], 0]
            exec((lambda: 0).__code__.replace(co_code=bytes(code)))
        """,
    ),
    "code without a stack": (
        "limits|raised [A-Za-z]+",
        """
        import opcode
        def f():
            code = bytes([opcode.opmap["POP_TOP"], 0] * 100)
            exec((lambda: 0).__code__.replace(co_code=code, co_stacksize=0))
        """,
    ),
    "a fault by the fault handler": (
        "limits|None",
        "import faulthandler\ndef f():\n    faulthandler._sigsegv()",
    ),
    "a fatal error": (
        KILLED,
        "import faulthandler\ndef f():\n    faulthandler._fatal_error_c_thread()",
    ),
    "a stack overflow in C": (
        KILLED,
        "import faulthandler\ndef f():\n    faulthandler._stack_overflow()",
    ),
    "ctypes": ("import|raised PermissionError", "import ctypes\ndef f():\n    return ctypes.CDLL(None)"),
    "a fork by the jail's own ctypes": (
        "-1|raised (PermissionError|AttributeError)",
        "import sys\ndef f():\n    return sys.modules['lift_sys.jail.confine'].ctypes.CDLL(None).fork()",
    ),
    "a text at no address": (
        "limits|raised (PermissionError|AttributeError)",
        "import sys\ndef f():\n    return sys.modules['lift_sys.jail.confine'].ctypes.string_at(1)",
    ),
    "a write to no address": (
        "limits|raised (PermissionError|AttributeError)",
        "import sys\ndef f():\n    sys.modules['lift_sys.jail.confine'].ctypes.memset(1, 1, 1)",
    ),
    "an object at no address": (
        "limits|raised (PermissionError|AttributeError)",
        """
        import sys
        def f():
            ctypes = sys.modules["lift_sys.jail.confine"].ctypes
            return ctypes.cast(1, ctypes.py_object).value
        """,
    ),
    "a number that is changed in place": (
        "limits|raised [A-Za-z]+|'held'|2",
        """
        import sys
        def f():
            ctypes = sys.modules["lift_sys.jail.confine"].ctypes
            ctypes.c_int.from_address(id(1) + 24).value = 2
            return 1
        """,
    ),
    "a program unpickled": (
        "32512|raised (PermissionError|OSError|UnpicklingError)",
        "import pickle\ndef f():\n    return pickle.loads(b\"cos\\nsystem\\n(S'true'\\ntR.\")",
    ),
    "garbage unpickled": (
        "raised [A-Za-z]+",
        "import pickle\ndef f():\n    return pickle.loads(b'\\x80\\x05' + bytes(range(256)) * 10)",
    ),
    "garbage unmarshalled": (
        "limits|raised [A-Za-z]+",
        "import marshal\ndef f():\n    return marshal.loads(b'c' + bytes(range(256)))",
    ),
    "garbage unmarshalled and run": (
        "limits|raised [A-Za-z]+",
        """
        import marshal
        def f():
            good = marshal.dumps(compile("x = [1] * 3", "x", "exec"))
            for i in range(len(good)):
                try: exec(marshal.loads(good[:i] + b"\\xff" + good[i + 1:]))
                except Exception: pass
            return "held"
        """.replace('return "held"', "raise ValueError"),
    ),
    "a tuple changed under the interpreter": (
        r'limits|raised [A-Za-z]+|\["object", "object"\]',
        """
        import gc
        def f():
            def g(x=object()): return x
            for part in gc.get_referrers(g): getattr(part, "clear", int)()
            return g()
        """,
    ),
    "a sort that changes its list": (
        "raised ValueError",
        "def f():\n    x = [3, 2, 1]\n    x.sort(key=lambda v: x.append(v) or v)\n    return x",
    ),
    "a failed assertion at import": ("import", "assert False\ndef f(): ..."),
    "an import of itself": ("'held'|import", "import candidate\ndef f():\n    return 'held'"),
    "an import that is not there": ("import", "import lift_nothing\ndef f(): ..."),
}

_DEEP = {
    "deep recursion": ("raised RecursionError", "def f():\n    return f()"),
    "deep recursion that catches its end": (
        _LOST,
        "def f():\n    try: f()\n    finally: f()",
    ),
    "a stack overflow": (
        _LOST,
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return (lambda g: g(g))(lambda g: [g(g)])",
    ),
    "a stack overflow by comparing": (
        _LOST,
        """
        import sys
        sys.setrecursionlimit(10**9)
        def f():
            a, b = [], []
            for _ in range(10**6): a, b = [a], [b]
            return a == b
        """,
    ),
    "a stack overflow by representing": (
        _LOST,
        """
        import sys
        sys.setrecursionlimit(10**9)
        class A:
            def __repr__(self): return repr([self.__class__()])
        def f():
            return repr(A())
        """,
    ),
    "a stack overflow by attributes": (
        _LOST,
        """
        import sys
        sys.setrecursionlimit(10**9)
        class A:
            def __getattr__(self, name): return getattr(self, name + "x")
        def f():
            return A().x
        """,
    ),
}

_DEEP_ONCE = {
    "deep JSON": ("raised RecursionError", "import json\ndef f():\n    return json.loads('[' * 10**6)"),
    "a deep program": (
        "raised (MemoryError|RecursionError|SyntaxError)|limits",
        "def f():\n    return eval('(' * 10**4 + ')' * 10**4)",
    ),
    "a deep program of minus signs": (
        "raised (MemoryError|RecursionError|SyntaxError)|limits|1|-1",
        "def f():\n    return eval('-' * 10**4 + '1')",
    ),
    "a chain of iterators": (
        "limits|raised [A-Za-z]+|'held'",
        """
        import itertools
        def f():
            x = iter([])
            for _ in range(10**5): x = itertools.chain(x)
            next(x, None)
            return 'held'
        """,
    ),
    "a deep pattern": (
        "raised (RecursionError|error|PatternError|OverflowError|MemoryError)|limits",
        "import re\ndef f():\n    return re.compile('(' * 10**4 + ')' * 10**4)",
    ),
    "a chain that is freed": (
        "'held'|limits",
        "def f():\n    x = None\n    for _ in range(10**5): x = (x,)\n    del x\n    return 'held'",
    ),
}

ATTACKS = (
    *table("crashes", _CRASHES),
    *table("crashes", _DEEP, patient=True),
    *table("crashes", _DEEP_ONCE),
)
