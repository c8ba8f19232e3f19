"""Attacks on time: programs that do not end, and that take away what would end them."""

from lift_sys.audit.attacks.attack import CUT, KILLED, table

_ENDED_IN_TIME = {
    "an endless loop": ("raised TimeLimit", "def f():\n    while True: pass"),
    "a sleep": ("raised TimeLimit", "import time\ndef f():\n    time.sleep(60)"),
    "a wait for nothing": ("raised TimeLimit", "import select\ndef f():\n    select.select([], [], [])"),
    "a lock that nobody opens": (
        "raised TimeLimit",
        "import threading\ndef f():\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()",
    ),
    "a wait for threads that spin": (
        CUT,
        """
        import threading
        def spin():
            while True: pass
        def f():
            threads = [threading.Thread(target=spin) for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """,
    ),
    "a coroutine without end": (
        "raised (TimeLimit|CancelledError)|limits",
        "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)",
    ),
    "an endless generator": (CUT, "def g():\n    while True: yield 0\ndef f():\n    return sum(g())"),
    "an int of ten million digits from a text": ("raised ValueError", "def f():\n    return int('9' * 10**7)"),
    "a text of a million digits from an int": ("raised ValueError", "def f():\n    return str(1 << 4 * 10**6)"),
    "comparing that does not end": (
        CUT,
        """
        class A:
            def __lt__(self, other):
                while True: pass
        def f():
            return sorted([A(), A()])
        """,
    ),
    "a profiler that spins": (
        CUT,
        """
        import sys
        def spin(*_):
            while True: pass
        def f():
            sys.setprofile(spin)
            len("")
        """,
    ),
}  # fmt: skip

_KILLED = {
    "an endless loop that catches all": (
        KILLED,
        """
        def g():
            while 1: pass
        def f():
            while 1:
                try: g()
                except BaseException: pass
        """,
    ),
    "an endless loop at import": (KILLED, "while True: pass\ndef f(): ..."),
    "a number too big to end": (CUT, "def f():\n    n = 9\n    return n ** n ** n"),
    "a number too big to end, at import": (KILLED, "n = 9\nN = n ** n ** n\ndef f():\n    return 'escaped'"),
    "a pattern that never ends": (CUT, "import re\ndef f():\n    return re.match('(a+)+b', 'a' * 99)"),
    "a pattern that never ends, by alternatives": (
        CUT,
        "import re\ndef f():\n    return re.fullmatch('(?:x|x|x)*y', 'x' * 60)",
    ),
    "ignored signals": (
        KILLED,
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ndef f():\n    while True: pass",
    ),
    "another handler of the alarm": (
        KILLED,
        """
        import signal
        def f():
            signal.signal(signal.SIGALRM, lambda *_: None)
            while True: pass
        """,
    ),
    "a timer set to nothing": (
        KILLED,
        "import signal\ndef f():\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    while True: pass",
    ),
    "a sleep without a timer": (
        KILLED,
        "import signal, time\ndef f():\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    time.sleep(60)",
    ),
    "blocked signals": (
        KILLED,
        """
        import signal, time
        def f():
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
            while True: time.sleep(1)
        """,
    ),
    "a loop in C": (CUT, "import itertools\ndef f():\n    return sum(itertools.count())"),
    "a search in C": (CUT, "import itertools\ndef f():\n    return 'x' in itertools.repeat('y')"),
    "finalizers that spin": (
        KILLED,
        """
        class A:
            def __del__(self):
                while True: pass
        def f():
            while True: A()
        """,
    ),
    "an exception whose text does not end": (
        KILLED,
        """
        def spin():
            while True: pass
        class E(Exception):
            def __str__(self):
                while True:
                    try: spin()
                    except BaseException: pass
        def f():
            raise E
        """,
    ),
    "a task that is never cancelled": (
        CUT,
        """
        import asyncio
        async def stay():
            while True:
                try: await asyncio.sleep(60)
                except BaseException: pass
        async def f():
            asyncio.create_task(stay())
            await asyncio.sleep(0)
            return 'escaped'
        """,
    ),
    "digits without a limit": (
        CUT,
        "import sys\ndef f():\n    sys.set_int_max_str_digits(0)\n    return str(1 << 10**8)[:1]",
    ),
    "keys that collide": (
        CUT,
        "def f():\n    return len({k * (2**61 - 1) for k in range(10**6)})",
    ),
    "exponential recursion": (CUT, "def g(n):\n    return n and g(n - 1) + g(n - 1)\ndef f():\n    return g(60)"),
}

_CLOCK = """
import time
time.monotonic = lambda: 0.0
def f(x):
    while True: pass
"""

ATTACKS = (
    *table("cpu", _ENDED_IN_TIME),
    *table("cpu", _KILLED, patient=True),
    *table(
        "cpu",
        {"a clock that stands still": (f"{KILLED}|raised TimeLimit(; raised TimeLimit)*", _CLOCK)},
        examples=tuple(f"f({x}) == 'escaped'" for x in range(8)),
        patient=True,
    ),
    *table(
        "cpu",
        {
            "a thread that goes on": (
                "'done'|raised TimeLimit",
                """
                import threading
                def spin():
                    while True: pass
                def f():
                    threading.Thread(target=spin, daemon=True).start()
                    return 'done'
                """,
            )
        },
    ),
)
