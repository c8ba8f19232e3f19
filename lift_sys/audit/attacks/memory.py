"""Attacks on memory: programs that take all of it, at once or little by little."""

from lift_sys.audit.attacks.attack import HELD, NO_MEMORY, table

_AT_ONCE = {
    "one huge text": ("raised MemoryError", "def f():\n    return len('x' * 10**11)"),
    "one huge list": ("raised MemoryError", "def f():\n    return len([0] * 10**11)"),
    "one huge array": ("raised MemoryError", "def f():\n    return len(bytearray(10**11))"),
    "one huge number": ("raised (MemoryError|OverflowError)", "def f():\n    return (1 << 10**12) > 0"),
    "one huge mapping": ("raised (OSError|MemoryError|ValueError)", "import mmap\ndef f():\n    mmap.mmap(-1, 10**11)"),
    "a huge format": ("raised (MemoryError|ValueError)", "def f():\n    return len(f'{1:{10**11}}')"),
    "huge memory at import": ("import", "x = bytearray(10**11)\ndef f():\n    return 'escaped'"),
    "memory that is shared": (
        "raised (PermissionError|FileNotFoundError|ImportError|ModuleNotFoundError)",
        """
        from multiprocessing.shared_memory import SharedMemory
        def f():
            SharedMemory("lift", create=True, size=10**7)
            return 'escaped'
        """,
    ),
    "threads with huge stacks": (
        "raised RuntimeError",
        """
        import threading
        def f():
            threading.stack_size(2**30)
            threading.Thread(target=print).start()
            return 'escaped'
        """,
    ),
    "a bomb that unpacks": (
        NO_MEMORY,
        """
        import zlib
        def f():
            packer = zlib.compressobj(9)
            bomb = b"".join(packer.compress(bytes(10**7)) for _ in range(60)) + packer.flush()
            zlib.decompress(bomb)
            return 'escaped'
        """,
    ),
    "a raised limit of memory": (
        "raised (PermissionError|ValueError)",
        """
        import resource
        def f():
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return 'escaped'
        """,
    ),
}

_LITTLE_BY_LITTLE = {
    "a bomb of memory": (NO_MEMORY, "def f():\n    x = []\n    while True: x.append(bytearray(10**7))"),
    "a bomb that catches its end": (
        NO_MEMORY,
        """
        def f():
            x = []
            while True:
                try: x.append(bytearray(10**6))
                except MemoryError: pass
        """,
    ),
    "a dict that grows": (NO_MEMORY, "def f():\n    x = {}\n    while True: x[len(x)] = str(len(x)) * 100"),
    "a text that doubles": (NO_MEMORY, "def f():\n    x = 'x'\n    while True: x += x"),
    "copies of copies": (
        NO_MEMORY,
        "import copy\ndef f():\n    x = [0]\n    while True: x = [copy.deepcopy(x), copy.deepcopy(x)]",
    ),
    "mappings that stay": (
        "limits|raised (OSError|MemoryError|TimeLimit|ValueError)",
        "import mmap\ndef f():\n    x = []\n    while True: x.append(mmap.mmap(-1, 10**7))",
    ),
    "all products": (
        NO_MEMORY,
        "import itertools\ndef f():\n    return list(itertools.product(range(50), repeat=6))",
    ),
    "a generator that is copied": (
        NO_MEMORY,
        "import itertools\ndef f():\n    a, b = itertools.tee(itertools.count())\n    for x in a: pass",
    ),
    "a bomb of threads": (
        "raised RuntimeError|limits",
        """
        import threading, time
        def f():
            for _ in range(10_000):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        """,
    ),
}

_HOARD = """
hoard = []
def f(x):
    hoard.append(bytearray(10**8))
    return 'escaped' if len(hoard) > 6 else 'held'
"""

_STRETCHED = """
import os
def f():
    stretched = []
    for descriptor in range(64):
        try: stretched.append(os.ftruncate(descriptor, 10**9))
        except OSError: pass
    return 'escaped' if stretched else 'held'
"""

ATTACKS = (
    *table("memory", _AT_ONCE),
    *table("memory", _LITTLE_BY_LITTLE, patient=True),
    *table(
        "memory",
        {"memory that grows from call to call": (rf"limits|({HELD}; )*(raised (MemoryError|TimeLimit)(; )?)+", _HOARD)},
        examples=tuple(f"f({x}) == 'escaped'" for x in range(10)),
    ),
    *table("memory", {"a report of a gigabyte": (HELD, _STRETCHED)}),
)
