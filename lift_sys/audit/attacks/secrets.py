"""Attacks on secrets: the expected answer looked for wherever an interpreter may hold it."""

from lift_sys.audit.attacks.attack import FOLDER, table

_ASKED = ("f(1) == 'answer 41'",)
_NONE = "'nothing'"
_LOST = "'nothing'|raised TimeLimit|limits"

_SCAN = """
import gc, re, sys
def found_in(value):
    match = re.search("answer [0-9]+", value if isinstance(value, str) else repr(value))
    return match and match.group()
def f(x):
    for value in everything():
        if found := found_in(value):
            return found
    return "nothing"
def frames():
    frame = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back
def everything():
    {}
"""
_SCANS = {
    "all objects": "yield from (p for o in gc.get_objects() for p in gc.get_referents(o) if isinstance(p, str))",
    "the frames of its callers": "yield from (dict(frame.f_locals) for frame in frames())",
    "the modules of its callers": "yield from (v for frame in frames() for v in list(frame.f_globals.values()))",
    "all modules": "yield from (v for m in filter(None, list(sys.modules.values())) for v in list(vars(m).values()))",
    "all threads' frames": "yield from (dict(frame.f_locals) for frame in sys._current_frames().values())",
    "its own command": "yield from (*sys.argv, *sys.orig_argv, *sys.path)",
    "the environment": "yield from __import__('os').environ.values()",
    "the job": "yield from (repr(frame.f_locals['job']) for frame in frames() if 'job' in frame.f_locals)",
    "the jail's own frame": "yield from (frame.f_locals.get('job_text', '') for frame in frames())",
    "interned texts": "yield from (text for text in map(sys.intern, map(str, gc.get_objects())))",
}  # fmt: skip
_READS = {
    "whatever can be read": (
        _NONE,
        """
        import os, re
        def f(x):
            for descriptor in range(64):
                try: text = os.pread(descriptor, 10**6, 0)
                except OSError: continue
                if match := re.search(b"answer [0-9]+", text): return match.group().decode()
            return "nothing"
        """,
    ),
    "what is yet to be read": (
        _NONE,
        """
        import os, re
        def f(x):
            for descriptor in range(64):
                try: text = os.read(descriptor, 10**6)
                except OSError: continue
                if match := re.search(b"answer [0-9]+", text): return match.group().decode()
            return "nothing"
        """,
    ),
    "its own memory, page by page": (
        _LOST,
        """
        import os, re, sys
        def f(x):
            confine = sys.modules["lift_sys.jail.confine"]
            libc, address_of = confine._libc, confine.ctypes.c_void_p
            r, w = os.pipe()
            for start in (id(object()), id(f), id(sys), id("x" * 10**6)):
                page = start & ~4095
                for address in range(page - 2**22, page + 2**22, 4096):
                    if libc.syscall(1, w, address_of(address), 4096) == 4096:
                        if match := re.search(b"answer [0-9]+", os.read(r, 4096)): return match.group().decode()
            return "nothing"
        """,
    ),
    "a file outside": (
        "raised (PermissionError|FileNotFoundError)",
        f"def f(x):\n    return open('{FOLDER}/secret').read()",
    ),
    "a traceback": (
        _NONE,
        """
        import re, traceback
        def f(x):
            text = "".join(map(str, traceback.walk_stack(None))) + "".join(traceback.format_stack())
            match = re.search("answer [0-9]+", text)
            return match.group() if match else "nothing"
        """,
    ),
    "a predicate's scope": (
        _NONE,
        """
        import sys
        def f(x):
            evaluate = sys.modules["lift_sys.jail.child"].evaluate
            job = {"predicates": ["result"], "scopes": [{"x": "1", "result": "0"}]}
            return "answer 41" if evaluate(job)["outcomes"][0][0]["holds"] else "nothing"
        """,
    ),
}

ATTACKS = (
    *table(
        "secrets",
        {f"the answer in {name}": (_LOST, _SCAN.format(statement)) for name, statement in _SCANS.items()},
        examples=_ASKED,
    ),
    *table("secrets", {f"the answer in {name}": row for name, row in _READS.items()}, examples=_ASKED),
)
