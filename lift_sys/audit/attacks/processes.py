"""Attacks by processes: others started, left behind, replaced, stopped or killed."""

from lift_sys.audit.attacks.attack import DENIED, HELD, KILLED, table

_POSIX_SUBPROCESS = """
import _posixsubprocess, os, sys, time
def daemon():
    time.sleep(60)
def f():
    r, w = os.pipe()
    command = [b"/bin/true"], [b"/bin/true"], True, (w,), None, None, -1, -1, -1, -1, -1, -1, r, w
    group = [-1] if sys.version_info >= (3, 11) else []
    return _posixsubprocess.fork_exec(*command, False, True, *group, None, None, None, -1, daemon, False)
"""

_NO_SHELL = "32512"
"""What `system` of the C library returns when it could start none."""

_STARTED = {
    "fork": (DENIED, "import os\ndef f():\n    return os.fork()"),
    "a fork at import": ("import", "import os\nos.fork()\ndef f(): ..."),
    "a fork at import that is caught": (
        "limits",
        "import os\ntry: os.fork()\nexcept OSError: os._exit(1)\ndef f(): ...",
    ),
    "a bomb of forks": (DENIED, "import os\ndef f():\n    while True: os.fork()"),
    "a fork by its real module": (DENIED, "import posix\ndef f():\n    return posix.fork()"),
    "a fork with a terminal": (DENIED, "import pty\ndef f():\n    return pty.fork()"),
    "a daemon by a private module": ("raised (PermissionError|TypeError)", _POSIX_SUBPROCESS),
    "subprocess": (DENIED, "import subprocess\ndef f():\n    return subprocess.run(['/bin/true'])"),
    "a subprocess of asyncio": (
        f"{DENIED}|raised NotImplementedError",
        "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('/bin/true')\n    return 'escaped'",
    ),
    "a spawn": (DENIED, "import os\ndef f():\n    return os.posix_spawn('/bin/true', ['true'], {})"),
    "a spawn along the path": (DENIED, "import os\ndef f():\n    return os.posix_spawnp('true', ['true'], {})"),
    "an old spawn": (DENIED, "import os\ndef f():\n    return os.spawnv(os.P_NOWAIT, '/bin/true', ['true'])"),
    "os.system": (f"{DENIED}|{_NO_SHELL}", "def f():\n    return __import__('os').system('true')"),
    "os.popen": (DENIED, "import os\ndef f():\n    return os.popen('id').read()"),
    "multiprocessing by fork": (
        DENIED,
        """
        import multiprocessing
        def f():
            multiprocessing.get_context('fork').Process(target=print).start()
            return 'escaped'
        """,
    ),
    "multiprocessing by spawn": (
        f"{DENIED}|raised (FileNotFoundError|PicklingError)",
        """
        import multiprocessing
        def f():
            multiprocessing.get_context('spawn').Process(target=print).start()
            return 'escaped'
        """,
    ),
    "a pool of processes": (
        f"{DENIED}|raised (ImportError|NotImplementedError|ModuleNotFoundError|FileNotFoundError)",
        """
        from concurrent.futures import ProcessPoolExecutor
        def f():
            ProcessPoolExecutor(1).submit(print).result()
            return 'escaped'
        """,
    ),
    "a browser": (
        f"{DENIED}|False|raised Error",
        "import webbrowser\ndef f():\n    return webbrowser.get('firefox').open('http://localhost')",
    ),
}

_REPLACED = {
    "another program in its place": (DENIED, "import os\ndef f():\n    os.execv('/bin/true', ['true'])"),
    "another program by its descriptor": (
        "raised (PermissionError|FileNotFoundError|TypeError)",
        """
        import os, sys
        def f():
            os.execve(os.open(sys.executable, os.O_RDONLY), ['python'], {})
        """,
    ),
    "another program along the path": (DENIED, "import os\ndef f():\n    os.execvpe('sh', ['sh'], {'PATH': '/bin'})"),
    "a daemon's session": (
        DENIED,
        "import os\ndef f():\n    os.setsid()\n    return 'escaped'",
    ),
    "a group of its own": (DENIED, "import os\ndef f():\n    os.setpgid(0, 0)\n    return 'escaped'"),
}

_SIGNALS = {
    "stopping itself": (DENIED, "import signal\ndef f():\n    signal.raise_signal(signal.SIGSTOP)"),
    "stopping its thread": (
        DENIED,
        "import signal, threading\ndef f():\n    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)",
    ),
    "a kill of its parent": ("raised PermissionError", "import os\ndef f():\n    os.kill(os.getppid(), 9)"),
    "a kill of its group": ("raised PermissionError", "import os\ndef f():\n    os.killpg(0, 9)"),
    "a kill of the first process": ("raised PermissionError", "import os\ndef f():\n    os.kill(1, 9)"),
    "a kill of everyone": ("raised PermissionError", "import os\ndef f():\n    os.kill(-1, 9)"),
    "a stop of its parent": (
        "raised PermissionError",
        "import os, signal\ndef f():\n    os.kill(os.getppid(), signal.SIGSTOP)",
    ),
    "a kill by a descriptor": (
        "raised (PermissionError|ProcessLookupError)",
        """
        import os, signal
        def f():
            signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGKILL)
            return 'escaped'
        """,
    ),
    "an abort": (KILLED, "import os\ndef f():\n    os.abort()"),
}

_GREED = {
    "a higher priority": (
        "raised (PermissionError|OSError)|0",
        "import os\ndef f():\n    return os.nice(-10) < 0 and 'escaped'",
    ),
    "a scheduler of its own": (
        DENIED,
        "import os\ndef f():\n    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))\n    return 'escaped'",
    ),
    "a choice of cores": (DENIED, "import os\ndef f():\n    os.sched_setaffinity(0, {0})\n    return 'escaped'"),
    "a raised limit of time": (
        "raised (PermissionError|ValueError)",
        """
        import resource
        def f():
            resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
            return 'escaped'
        """,
    ),
    "a limit set on its parent": (
        "raised (PermissionError|ProcessLookupError)",
        """
        import os, resource
        def f():
            resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3))
            return 'escaped'
        """,
    ),
    "ten thousand descriptors": (
        HELD,
        """
        import os
        def f():
            try:
                for _ in range(10_000): os.pipe()
            except OSError:
                return 'held'
            return 'escaped'
        """,
    ),
}

ATTACKS = (
    *table("processes", _STARTED),
    *table("processes", _REPLACED),
    *table("processes", _SIGNALS),
    *table("processes", _GREED),
)
