"""Attacks on files: what is there read, changed, filled or removed, by every door that Python has."""

from lift_sys.audit.attacks.attack import DENIED, FOLDER, HELD, NO_FILE, Table, table

_SHUT = "raised (PermissionError|FileNotFoundError|OSError)"
_LEFT = "'left'|limits|raised (PermissionError|OSError)"

_READ = {
    "/etc/passwd": (NO_FILE, "def f():\n    return open('/etc/passwd').read()"),
    "/etc/shadow by its descriptor": (NO_FILE, "import os\ndef f():\n    return os.open('/etc/shadow', os.O_RDONLY)"),
    "the root folder": (NO_FILE, "import os\ndef f():\n    return os.listdir('/')"),
    "a walk through everything": (
        HELD,
        """
        import os
        def f():
            seen = [name for name in ('/etc', '/home', '/root', '/var', '/tmp') for _ in os.walk(name)]
            return 'escaped' if seen else 'held'
        """,
    ),
    "the project's own source": (NO_FILE, f"def f():\n    return open({__file__!r}).read()"),
    "the expected answer beside it": (NO_FILE, f"def f():\n    return open('{FOLDER}/secret').read()"),
    "a path that climbs": (NO_FILE, "def f():\n    return open('/usr/lib/../../etc/passwd').read()"),
    "its own environment in /proc": (NO_FILE, "def f():\n    return open('/proc/self/environ').read()"),
    "its own memory in /proc": (NO_FILE, "def f():\n    return open('/proc/self/mem', 'rb').read(1)"),
    "its own descriptors in /proc": (NO_FILE, "import os\ndef f():\n    return os.listdir('/proc/self/fd')"),
    "its parent's environment": (
        NO_FILE,
        "import os\ndef f():\n    return open(f'/proc/{os.getppid()}/environ').read()",
    ),
    "the first process's root": (NO_FILE, "import os\ndef f():\n    return os.listdir('/proc/1/root')"),
    "a disk": (NO_FILE, "def f():\n    return open('/dev/vda', 'rb').read(1)"),
    "the machine's memory": (NO_FILE, "def f():\n    return open('/dev/mem', 'rb').read(1)"),
    "a terminal": (_SHUT, "def f():\n    return open('/dev/tty').read(1)"),
    "the machine's settings": (NO_FILE, "def f():\n    return open('/sys/kernel/uevent_seqnum').read()"),
    "the home": (
        NO_FILE,
        "import os\ndef f():\n    return os.listdir(os.path.expanduser('~root'))",
    ),
    "packages beyond the standard library": (
        "raised (ModuleNotFoundError|PermissionError|ImportError)",
        "def f():\n    import pydantic\n    return 'escaped'",
    ),
    "a folder by its descriptor": (
        NO_FILE,
        """
        import os
        def f():
            folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY | os.O_DIRECTORY)
            return os.open('../../../../../../../../etc/passwd', os.O_RDONLY, dir_fd=folder)
        """,
    ),
    "a file by its bare place": (NO_FILE, "import os\ndef f():\n    return os.open('/etc/passwd', os.O_PATH) < 0"),
}

_WRITTEN = {
    "a new file": (NO_FILE, f"def f():\n    open('{FOLDER}/proof', 'w').write('x')"),
    "a file that is there": (NO_FILE, f"def f():\n    open('{FOLDER}/canary', 'a').write('x')"),
    "a file cut to nothing": (NO_FILE, f"import os\ndef f():\n    os.truncate('{FOLDER}/canary', 0)"),
    "a file opened and cut": (
        NO_FILE,
        f"import os\ndef f():\n    os.open('{FOLDER}/canary', os.O_RDONLY | os.O_TRUNC)",
    ),
    "a file removed": (NO_FILE, f"import os\ndef f():\n    os.unlink('{FOLDER}/canary')"),
    "a file renamed": (NO_FILE, f"import os\ndef f():\n    os.rename('{FOLDER}/canary', '{FOLDER}/gone')"),
    "a symbolic link": (_SHUT, f"import os\ndef f():\n    os.symlink('/etc/passwd', '{FOLDER}/link')"),
    "a symbolic link in the scratch folder": (
        _SHUT,
        "import os\ndef f():\n    os.symlink('/etc/passwd', '/tmp/lift-link')\n    return 'escaped'",
    ),
    "a hard link": (_SHUT, f"import os\ndef f():\n    os.link('{FOLDER}/canary', '{FOLDER}/link')"),
    "other rights": (_SHUT, f"import os\ndef f():\n    os.chmod('{FOLDER}/canary', 0o777)"),
    "another owner": (_SHUT, f"import os\ndef f():\n    os.chown('{FOLDER}/canary', 0, 0)"),
    "other times": (_SHUT, f"import os\ndef f():\n    os.utime('{FOLDER}/canary', (0, 0))"),
    "an attribute": (_SHUT, f"import os\ndef f():\n    os.setxattr('{FOLDER}/canary', 'user.x', b'x')"),
    "a folder": (_SHUT, f"import os\ndef f():\n    os.mkdir('{FOLDER}/folder')"),
    "a pipe with a name": (_SHUT, f"import os\ndef f():\n    os.mkfifo('{FOLDER}/pipe')"),
    "a device": (
        _SHUT,
        f"import os, stat\ndef f():\n    os.mknod('{FOLDER}/disk', stat.S_IFBLK | 0o666, os.makedev(254, 0))",
    ),
    "a file without a name": (
        _SHUT,
        f"import os\ndef f():\n    os.open('{FOLDER}', os.O_TMPFILE | os.O_RDWR)\n    return 'escaped'",
    ),
    "a temporary file": (
        _SHUT,
        "import tempfile\ndef f():\n    tempfile.TemporaryFile().write(b'x')\n    return 'escaped'",
    ),
    "the scratch folder filled": (
        _SHUT,
        "def f():\n    with open('/tmp/fill', 'wb') as file:\n        while True: file.write(bytes(10**6))",
    ),
    "the working folder": (_SHUT, "def f():\n    open('proof', 'w')\n    return 'escaped'"),
    "changing the standard library": (NO_FILE, "import os\ndef f():\n    open(os.__file__, 'a')\n    return 'escaped'"),
    "a compiled module beside its source": (
        _SHUT,
        "import os, py_compile\ndef f():\n    py_compile.compile(os.__file__, doraise=True)\n    return 'escaped'",
    ),
    "a database": (
        "raised (OperationalError|PermissionError|ImportError)",
        f"import sqlite3\ndef f():\n    sqlite3.connect('{FOLDER}/db').execute('create table t (x)')",
    ),
    "a shelf": (
        "raised (error|PermissionError|FileNotFoundError|OSError|ImportError)",
        f"import shelve\ndef f():\n    shelve.open('{FOLDER}/shelf')['x'] = 1",
    ),
    "an archive unpacked": (
        _SHUT,
        f"""
        import io, tarfile
        def f():
            made = io.BytesIO()
            with tarfile.open(fileobj=made, mode='w') as archive:
                archive.addfile(tarfile.TarInfo('proof'))
            made.seek(0)
            tarfile.open(fileobj=made).extract('proof', '{FOLDER}')
        """,
    ),
    "a tree removed": (
        f"{_SHUT}|None",
        f"import shutil\ndef f():\n    shutil.rmtree('{FOLDER}')",
    ),
    "a log": (_SHUT, f"import logging\ndef f():\n    logging.FileHandler('{FOLDER}/log').emit(None)"),
    "a dump of faults": (
        _SHUT,
        f"import faulthandler\ndef f():\n    faulthandler.enable(open('{FOLDER}/fault', 'w'))",
    ),
    "a device written": (_SHUT, "def f():\n    open('/dev/urandom', 'w').write('x')\n    return 'escaped'"),
    "a log of the kernel": (_SHUT, "def f():\n    open('/dev/kmsg', 'w').write('x')\n    return 'escaped'"),
    "a file in memory": (
        _SHUT,
        "import os\ndef f():\n    os.memfd_create('x')\n    return 'escaped'",
    ),
    "other roots": (_SHUT, f"import os\ndef f():\n    os.chroot('{FOLDER}')\n    return 'escaped'"),
}

_OPEN = """
import fcntl, os
def is_open(descriptor):
    try: return bool(os.fstat(descriptor))
    except OSError: return False
report, *others = filter(is_open, range(3, 4096))
def f():
    {}
    return {!r}
"""
_SOURCE = "os.open(os.__file__, os.O_RDONLY)"


def _with_what_is_open(rows: dict[str, tuple[str, str]], answer: str) -> Table:
    return {name: (ends, _OPEN.format(statement, answer)) for name, (ends, statement) in rows.items()}


_INHERITED = {
    "more open than the report's file": (HELD, "if not others: return 'held'"),
    "seals on the report's file": (DENIED, "fcntl.fcntl(report, 1033, 1 | 2 | 4 | 8)"),
    "a lock on the report's file": (DENIED, "fcntl.flock(report, fcntl.LOCK_EX)"),
    "a lock of POSIX on the report's file": (DENIED, "fcntl.lockf(report, fcntl.LOCK_EX)"),
    "an owner of the report's file": (DENIED, "fcntl.fcntl(report, fcntl.F_SETOWN, os.getppid())"),
    "a lease on the report's file": (DENIED, "fcntl.fcntl(report, fcntl.F_SETLEASE, fcntl.F_WRLCK)"),
    "other rights on the report's file": (DENIED, "os.fchmod(report, 0)"),
    "bytes from a file to the report's": (DENIED, f"os.sendfile(report, {_SOURCE}, 0, 9)"),
    "bytes from a file to the report's, within the kernel": (DENIED, f"os.copy_file_range({_SOURCE}, report, 9)"),
    "bytes from a file to a pipe": (DENIED, f"os.splice({_SOURCE}, os.pipe()[1], 9)"),
    "the report's file opened anew": (_SHUT, "open(f'/proc/self/fd/{report}', 'r+b')"),
}
_LEFT_BEHIND = {
    "flags that stay on the report's file": (_LEFT, "fcntl.fcntl(report, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)"),
    "signals that stay on the report's file": (_LEFT, "fcntl.fcntl(report, fcntl.F_SETFL, os.O_ASYNC)"),
    "direct access that stays on the report's file": (_LEFT, "fcntl.fcntl(report, fcntl.F_SETFL, os.O_DIRECT)"),
    "flags that stay on the streams": (_LEFT, "fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)"),
    "a place far down in the report's file": (_LEFT, "os.lseek(report, 10**6, 0)"),
    "the report's file full": ("limits", "os.write(report, bytes(10**8))"),
    "the report's file mapped": (
        "limits",
        "os.ftruncate(report, 4096); __import__('mmap').mmap(report, 4096).write(b'x' * 4096)",
    ),
    "the report's file closed": ("limits", "os.close(report)"),
    "the streams closed": (_LEFT, "os.closerange(0, 3)"),
}
"""What the next run could find changed."""

ATTACKS = (
    *table("files", _READ),
    *table("files", _WRITTEN),
    *table("files", _with_what_is_open(_INHERITED, "escaped")),
    *table("files", _with_what_is_open(_LEFT_BEHIND, "left")),
)
