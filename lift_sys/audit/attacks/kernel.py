"""Attacks on the kernel: system calls made by hand, through the jail's own handle of the C library, and native code."""

import platform

from lift_sys.audit.attacks.attack import DENIED, HELD, KILLED, table

_CALL = """
import errno, sys
def f():
    confine = sys.modules["lift_sys.jail.confine"]
    if confine._libc.syscall({}) >= 0: return "escaped"
    why = errno.errorcode[confine.ctypes.get_errno()]
    return "held" if why in ("EPERM", "ENOSYS") else why
"""
_CALLS = {
    "fork": "57",
    "vfork": "58",
    "clone": "56, 17, 0, 0, 0, 0",
    "clone into another user namespace as a thread": "56, 0x10000000 | 0x10f00, 0, 0, 0, 0",
    "clone into another mount namespace as a thread": "56, 0x20000 | 0x10d00, 0, 0, 0, 0",
    "clone into another time namespace as a thread": "56, 0x80 | 0x10d00, 0, 0, 0, 0",
    "clone3": "435, (17).to_bytes(88, 'little')[::-1][-88:], 88",
    "execve": "59, b'/bin/true', 0, 0",
    "execveat": "322, -100, b'/bin/true', 0, 0, 0",
    "ptrace": "101, 0, 0, 0, 0",
    "process_vm_readv": "310, __import__('os').getpid(), bytes(16), 1, bytes(16), 1, 0",
    "process_vm_writev": "311, __import__('os').getpid(), bytes(16), 1, bytes(16), 1, 0",
    "kcmp": "312, __import__('os').getpid(), __import__('os').getpid(), 0, 0, 0",
    "kill": "62, 0, 0",
    "tkill": "200, __import__('os').getpid(), 0",
    "tgkill": "234, __import__('os').getpid(), __import__('os').getpid(), 0",
    "rt_sigqueueinfo": "129, __import__('os').getpid(), 10, bytes(128)",
    "pidfd_open": "434, __import__('os').getpid(), 0",
    "pidfd_send_signal": "424, 3, 0, 0, 0",
    "pidfd_getfd": "438, 3, 0, 0",
    "mount": "165, b'none', b'/tmp', b'tmpfs', 0, 0",
    "umount": "166, b'/tmp', 2",
    "open_tree": "428, -100, b'/', 1",
    "fsopen": "430, b'tmpfs', 0",
    "unshare a user namespace": "272, 0x10000000",
    "unshare a mount namespace": "272, 0x20000",
    "setns": "308, 3, 0",
    "pivot_root": "155, b'/tmp', b'/tmp'",
    "chroot": "161, b'/'",
    "setuid": "105, __import__('os').getuid()",
    "setgroups": "116, 0, 0",
    "capset": "126, (0x20080522).to_bytes(8, 'little'), bytes(24)",
    "personality": "135, 0",
    "prctl to be dumped": "157, 4, 0, 0, 0, 0",
    "prctl to outlive its parent": "157, 1, 0, 0, 0, 0",
    "prctl to adopt orphans": "157, 36, 1, 0, 0, 0",
    "prctl to another filter": "157, 22, 1, 0, 0, 0",
    "prctl with a half too large": "157, (4 << 32) | 36, 1, 0, 0, 0",
    "seccomp": "317, 2, 0, (0x7fff0000).to_bytes(4, 'little')",
    "bpf": "321, 0, (2).to_bytes(4, 'little') + bytes(124), 128",
    "perf_event_open": "298, bytes(128), 0, -1, -1, 0",
    "userfaultfd": "323, 1",
    "io_uring_setup": "425, 1, bytearray(120) and bytes(120)",
    "add_key": "248, b'user', b'lift', b'x', 1, -3",
    "keyctl": "250, 0, -3, 1",
    "memfd_create": "319, b'x', 0",
    "memfd_secret": "447, 0",
    "shmget": "29, 0, 4096, 0o1600",
    "msgget": "68, 0, 0o1600",
    "semget": "64, 0, 1, 0o1600",
    "mq_open": "240, b'lift', 0o102, 0o600, 0",
    "socket": "41, 1, 1, 0",
    "connect": "42, 3, bytes(16), 16",
    "bind": "49, 3, bytes(16), 16",
    "sendmsg": "46, 3, bytes(56), 0",
    "open to write": "2, b'/tmp/lift-proof', 0o101, 0o600",
    "openat to write": "257, -100, b'/tmp/lift-proof', 0o101, 0o600",
    "openat2": "437, -100, b'/usr/lib', bytes(24), 24",
    "creat": "85, b'/tmp/lift-proof', 0o600",
    "mkdir": "83, b'/tmp/lift-folder', 0o700",
    "symlink": "88, b'/etc', b'/tmp/lift-link'",
    "name_to_handle_at": "303, -100, b'/usr', bytes(136), bytes(8), 0",
    "open_by_handle_at": "304, 3, bytes(136), 0",
    "inotify_init": "294, 0",
    "fanotify_init": "300, 0, 0",
    "prlimit of itself": "302, 0, 7, (32).to_bytes(8, 'little') * 2, 0",
    "setrlimit": "160, 7, (32).to_bytes(8, 'little') * 2",
    "setpriority": "141, 0, 0, 0",
    "timer_create": "222, 0, 0, bytes(8)",
    "init_module": "175, bytes(8), 8, b''",
    "finit_module": "313, 3, b'', 0",
    "kexec_load": "246, 0, 0, 0, 0",
    "sethostname": "170, b'escaped', 7",
    "clock_settime": "227, 0, bytes(16)",
    "settimeofday": "164, 0, bytes(8)",
    "syslog": "103, 10, 0, 0",
    "swapon": "167, b'/tmp/swap', 0",
    "acct": "163, 0",
    "iopl": "172, 0",
    "modify_ldt": "154, 0, bytes(16), 16",
    "landlock_create_ruleset": "444, 0, 0, 1",
    "landlock_restrict_self": "446, 3, 0",
    "a terminal's input": "16, 0, 0x5412, b'x'",
    "a number that there is not": "100_000",
}
"""By name, a system call of x86-64: its number, and arguments with which it could succeed as far as that is simple."""
_OTHER_NUMBERS = {
    "fork by the numbers of x32": (f"{KILLED}|{HELD}", _CALL.format("0x40000000 | 57")),
    "execve by the numbers of x32": (f"{KILLED}|{HELD}", _CALL.format("0x40000000 | 520, b'/bin/true', 0, 0")),
}

_NATIVE = """
import os, sys
def f():
    libc = sys.modules["lift_sys.jail.confine"]._libc
    at, code = 0x10000000, bytes.fromhex("{}")
    r, w = os.pipe()
    os.write(w, code)
    libc.syscall(9, at, 4096, 7, 0x32, -1, 0)
    libc.syscall(0, r, at, len(code))
    answer = type(libc.syscall)(at)()
    return "escaped" if answer >= 0 else "held"
"""
_IN_NATIVE_CODE = {
    "fork in native code": (f"{HELD}|{KILLED}|raised PermissionError", _NATIVE.format("b8390000000f05c3")),
    "fork by the old door": (f"{HELD}|{KILLED}|raised PermissionError", _NATIVE.format("b802000000cd80c3")),
    "a socket in native code": (
        f"{HELD}|{KILLED}|raised PermissionError",
        _NATIVE.format("bf01000000be0100000031d2b8290000000f05c3"),
    ),
    "native code that does not end": (
        f"{KILLED}|raised PermissionError",
        _NATIVE.format("ebfe"),
    ),
    "native code that is none": (f"{KILLED}|raised PermissionError", _NATIVE.format("0f0b")),
}

_BY_PYTHON = {
    "other namespaces": (
        f"{DENIED}|raised AttributeError",
        "import os\ndef f():\n    os.unshare(os.CLONE_NEWUSER)\n    return 'escaped'",
    ),
    "somebody else": (DENIED, "import os\ndef f():\n    os.setuid(0)\n    return 'escaped'"),
    "groups of others": (DENIED, "import os\ndef f():\n    os.setgroups([0])\n    return 'escaped'"),
    "another clock": (
        DENIED,
        "import time\ndef f():\n    time.clock_settime(time.CLOCK_REALTIME, 0)\n    return 'escaped'",
    ),
    "a device's command": (
        DENIED,
        "import fcntl\ndef f():\n    fcntl.ioctl(0, 0x5412, b'x')\n    return 'escaped'",
    ),
    "an event in memory": ("'held'|raised (PermissionError|OSError|AttributeError)", """
        import os
        def f():
            os.eventfd(1)
            return 'held'
        """),
    "a library of one's own": (
        "import|raised (PermissionError|ImportError|OSError)",
        "import ctypes\ndef f():\n    ctypes.CDLL('/usr/lib/x86_64-linux-gnu/libc.so.6')\n    return 'escaped'",
    ),
    "the jail's filter once more": (
        "raised (PermissionError|OSError)|'held'",
        """
        import sys
        def f():
            confine = sys.modules["lift_sys.jail.confine"]
            allow_all = bytes.fromhex("06000000 0000ff7f")
            return "escaped" if confine.Filter(allow_all).load() else "held"
        """,
    ),
    "the jail's limits once more": (
        "raised (PermissionError|ValueError|OSError)",
        """
        import sys
        def f():
            confine = sys.modules["lift_sys.jail.confine"]
            confine.limit(2**40, 2**40)
            return "escaped"
        """,
    ),
    "orders to the zygote": (
        "raised (OSError|PermissionError)|limits|'held'",
        """
        import os, sys
        def f():
            zygote = sys.modules["lift_sys.jail.zygote"]
            order = zygote.ORDER.pack(60.0, 60, 2**40, 2**30)
            sent = []
            for descriptor in range(4, 64):
                try: sent.append(os.write(descriptor, order))
                except OSError: pass
            return "escaped" if sent else "held"
        """,
    ),
}  # fmt: skip

_BY_NUMBER = table(
    "kernel",
    {f"the call {name}": (HELD, _CALL.format(call)) for name, call in _CALLS.items()},
)

ATTACKS = (
    *table("kernel", _BY_PYTHON),
    *(
        (*_BY_NUMBER, *table("kernel", _OTHER_NUMBERS), *table("kernel", _IN_NATIVE_CODE))
        if platform.machine() == "x86_64"
        else ()
    ),
)
