"""Give up, for this process and all that it starts, whatever a pure function does not need.

The zygote confines itself once: Landlock, no capabilities or new privileges, another user if it is root. What every run
adds for itself is cheap: limits on resources, and a filter of system calls, compiled outside.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) has no binding worth a dependency: three system calls
through ctypes do. Files are readable under the standard library only, nothing is writable, TCP is out of reach, and
signals and abstract sockets end at the jail's border where the kernel can do that.
"""

import ctypes
import os
import resource
import signal
import stat
import sys
import sysconfig

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _RULE_PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FS_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP_ABI, _TCP_BIND_AND_CONNECT = 4, 3
_SCOPE_ABI, _SCOPE_SOCKETS_AND_SIGNALS = 6, 3
_CAPABILITIES_V3 = 0x20080522
_DIE_WITH_PARENT, _NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 1, 38, 22, 2
_INSTRUCTION_BYTES = 8
_NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_char_p))


def confine() -> bool:
    """Confine this process for good. False: this kernel has no Landlock."""
    _become_nobody()
    _drop_capabilities()
    die_with_parent()
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return _landlock()


def die_with_parent() -> None:
    """Every fork has to ask anew, and so does a process that has become another user."""
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def limit(memory_bytes: int, report_bytes: int) -> None:
    """For this process and its forks. A run cannot raise them: the filter keeps it from setting any."""
    for what, amount in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, report_bytes),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (amount, resource.getrlimit(what)[1]))


def limit_cpu(seconds: int) -> None:
    """For this process, counted from its fork."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


class Filter:
    """A filter of system calls in the kernel's own code (seccomp-bpf), made ready so that a run loads it in one call.

    https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
    """

    def __init__(self, code: bytes) -> None:
        self._program = _Program(len(code) // _INSTRUCTION_BYTES, code)

    def load(self) -> bool:
        return bool(_libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(self._program), 0, 0) == 0)


def _become_nobody() -> None:
    """Where nobody could not read the standard library (a root's own Python), root stays, held by all the rest."""
    if os.getuid() == 0 and all(_others_may_enter(folder) for folder in _readable() if os.path.isdir(folder)):
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
        except PermissionError:  # in a user namespace that has no such user
            return


def _drop_capabilities() -> None:
    """Who stays root is a root that may do nothing more than others."""
    _libc.capset(_CAPABILITIES_V3.to_bytes(4, sys.byteorder) + bytes(4), bytes(24))


def _others_may_enter(folder: str) -> bool:
    path = os.path.realpath(folder)
    while os.stat(path).st_mode & stat.S_IXOTH:
        if path == os.path.dirname(path):
            return True
        path = os.path.dirname(path)
    return False


def _landlock() -> bool:
    abi = _libc.syscall(_CREATE_RULESET, None, 0, _GET_VERSION)
    if abi < 1:
        return False
    rules = _Ruleset(
        _FS_RIGHTS_BY_ABI[min(abi, 5)],
        _TCP_BIND_AND_CONNECT if abi >= _TCP_ABI else 0,
        _SCOPE_SOCKETS_AND_SIGNALS if abi >= _SCOPE_ABI else 0,
    )
    size = 8 if abi < _TCP_ABI else 16 if abi < _SCOPE_ABI else 24
    ruleset = _libc.syscall(_CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return False
    for path in _readable():
        _allow_reading(ruleset, path)
    refused = _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return bool(refused == 0)


def _readable() -> set[str]:
    """The standard library, and the shared libraries that its extension modules load."""
    paths = sysconfig.get_paths()
    stdlib = {paths["stdlib"], paths["platstdlib"], os.path.join(sys.base_exec_prefix, "lib")}
    return stdlib | {"/lib", "/lib64", "/usr/lib", "/usr/share/zoneinfo", "/dev/urandom"}


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
    _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(_PathRule(rights, parent)), 0)
    os.close(parent)
