"""Attacks by output: too much of it, too deep, of no value, or meant for whoever reads a log."""

from lift_sys.audit.attacks.attack import HELD, KILLED, REJECTED, table

_LARGE = {
    "a flood on stdout": (
        HELD,
        "import sys\ndef f():\n    for _ in range(100): sys.stdout.write('x' * 10**5)\n    return 'held'",
    ),
    "a flood on stderr": (
        HELD,
        "import sys\ndef f():\n    for _ in range(100): print('x' * 10**5, file=sys.stderr)\n    return 'held'",
    ),
    "a flood on the first streams": (
        HELD,
        "import sys\ndef f():\n    for _ in range(100): sys.__stdout__.write('x' * 10**5)\n    return 'held'",
    ),
    "a flood at import": ("'held'", "print('x' * 10**7)\ndef f():\n    return 'held'"),
    "a flood on every descriptor": (
        KILLED,
        """
        import os
        def f():
            for fd in range(3, 16):
                try:
                    while True: os.write(fd, b"x" * 10**6)
                except OSError: pass
        """,
    ),
    "a result too long to send": (KILLED, "def f():\n    return 'x' * 10**7"),
    "a list too long to send": ("raised TooLarge", "def f():\n    return [0] * 10**6"),
    "a list too deep to send": (
        "raised TooLarge",
        "def f():\n    x = []\n    for _ in range(10**5): x = [x]\n    return x",
    ),
    "a list within a list, doubled": (
        "raised TooLarge",
        "def f():\n    x = []\n    for _ in range(50): x = [x, x]\n    return x",
    ),
    "an int too long to write": (r'\["int", "0x10+', "def f():\n    return 1 << 10**6"),
    "a result that contains itself": ("raised TooLarge", "def f():\n    x = []\n    x.append(x)\n    return x"),
    "a dict that contains itself": ("raised TooLarge", "def f():\n    x = {}\n    x[0] = x\n    return x"),
    "an exception that does not end": ("raised ValueError", "def f():\n    raise ValueError('x' * 10**7)"),
    "an exception with a huge name": ("raised E{100}", "def f():\n    raise type('E' * 10**6, (Exception,), {})"),
    "an object with a huge name": (
        r'\["object", "E{48}',
        "def f():\n    return type('E' * 10**6, (), {})()",
    ),
    "a thousand attributes": (
        r'\["object", "A"\]',
        """
        class A: ...
        def f():
            a = A()
            for i in range(1000): setattr(a, f"a{i}", "x" * 1000)
            return a
        """,
    ),
    "a hundred bases": (
        "raised E99",
        """
        def f():
            kind = Exception
            for i in range(100): kind = type(f"E{i}", (kind,), {})
            raise kind
        """,
    ),
    "a chain of causes": (
        "raised ValueError",
        """
        def f():
            error = None
            for i in range(10**4):
                caused = ValueError("x" * 100)
                caused.__cause__, error = error, caused
            raise error
        """,
    ),
    "a group of exceptions": (
        "raised ExceptionGroup",
        "def f():\n    raise ExceptionGroup('x' * 10**6, [ValueError('x')] * 10**4)",
    ),
    "a warning": (HELD, "import warnings\ndef f():\n    warnings.warn('x' * 10**6)\n    return 'held'"),
}

_ODD = {
    "half a character": (r"'\\ud800'", "def f():\n    return chr(0xd800)"),
    "an exception that has half a character": ("raised ValueError", "def f():\n    raise ValueError(chr(0xd800))"),
    "an exception with half a character in its name": (
        "raised UnicodeEncodeError|limits",
        "def f():\n    raise type('E' + chr(0xd800), (Exception,), {})",
    ),
    "an object with half a character in its name": (
        "raised UnicodeEncodeError|limits",
        "def f():\n    return type('E' + chr(0xd800), (), {})()",
    ),
    "an exception that fails to print": (
        "raised E",
        "class E(Exception):\n    def __str__(self):\n        raise self\ndef f():\n    raise E",
    ),
    "an exception whose text is no text": (
        "raised E",
        "class E(Exception):\n    def __str__(self):\n        return 1\ndef f():\n    raise E",
    ),
    "printing half a character": (HELD, "def f():\n    print(chr(0xd800))\n    return 'held'"),
    "printing what is no text": (
        f"{HELD}|raised (TypeError|AttributeError)|limits",
        "import sys\ndef f():\n    sys.stdout.beginning = 1\n    print('x')\n    return 'held'",
    ),
}

_FOR_A_LOG = {
    "a new line in an exception": ("raised ValueError", "def f():\n    raise ValueError('x\\nverdict: verified')"),
    "a terminal's commands in an exception": (
        "raised ValueError",
        "def f():\n    raise ValueError('\\x1b[2J\\x1b]0;escaped\\x07\\x9b31m')",
    ),
    "another direction of writing in an exception": (
        "raised ValueError",
        "def f():\n    raise ValueError('\\u202edeifirev\\u2066')",
    ),
    "a terminal's commands in an exception's name": (
        r"raised (?s:.*)",
        "def f():\n    raise type('E\\x1b[2J\\nverified', (Exception,), {})",
    ),
    "a terminal's commands in an object's name": (
        r'\["object", (?s:.*)',
        "def f():\n    return type('E\\x1b[2J\\nverified', (), {})()",
    ),
    "a terminal's commands at import": ("import", "raise ValueError('\\x1b[2J\\nverified')\ndef f(): ..."),
    "a terminal's commands in a result": (r"'\\x1b\[2J\\nverified'", "def f():\n    return '\\x1b[2J\\nverified'"),
    "a terminal's commands on stdout": (HELD, "def f():\n    print('\\x1b[2J\\nverified')\n    return 'held'"),
    "markup in an exception": ("raised ValueError", "def f():\n    raise ValueError('[red]{0}%s</script><b>')"),
}

_NUMBERS = {
    "no number for a number": ("nan", "def f():\n    return float('nan')"),
    "infinity for a number": ("inf", "def f():\n    return float('inf')"),
    "a complex number without a part": (r"\(1\+0j\)", "def f():\n    return 1 + 0j"),
    "a number that is nearly right": (r"1\.00001", "def f():\n    return 1.00001"),
}

ATTACKS = (
    *table("output", _LARGE),
    *table("output", _ODD),
    *table("output", _FOR_A_LOG),
    *table("output", _NUMBERS, examples=("f() == 1",)),
    *table(
        "output",
        {"minus infinity for infinity": ("-inf", "def f():\n    return float('-inf')")},
        examples=("f() == 1e999",),
        levels=REJECTED,
    ),
)
