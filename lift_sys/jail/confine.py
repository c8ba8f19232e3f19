"""Give up, for this process and all that it starts, whatever a pure function does not need.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) has no binding worth a dependency: three system calls
through ctypes do. Files are readable under the standard library only, nothing is writable; TCP and, where the kernel
allows an own network namespace, every other network is out of reach. A limit on processes does not bind root, so a
seccomp filter refuses new ones: one in a session of its own would outlive the kill of its group.
"""

import ctypes
import os
import resource
import sys
import sysconfig
from typing import NamedTuple

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _RULE_PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FS_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP_ABI, _TCP_BIND_AND_CONNECT = 4, 3
_SCOPE_ABI, _SCOPE_SOCKETS_AND_SIGNALS = 6, 3
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000
_PROCESSES = {
    "x86_64": (0xC000003E, 56, (57, 58, 59, 322, 435)),
    "aarch64": (0xC00000B7, 220, (221, 281, 435)),
}
"""By machine: its name in a filter, `clone`, and fork, vfork, execve, execveat, clone3 as far as there are such."""
_X32 = 1 << 30
_CLONE_THREAD = 1 << 16
_LOAD, _EQUALS, _AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 38
"""No such call, since threads then take `clone` for `clone3`."""

_libc = ctypes.CDLL(None, use_errno=True)


class Limits(NamedTuple):
    cpu_s: int
    memory_bytes: int
    report_bytes: int


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def confine(limits: Limits) -> str:
    """Apply all that this kernel offers, and name the tier reached: `namespaces`, `landlock` or `rlimits`."""
    isolated = _libc.unshare(_NEW_USER_AND_NETWORK) == 0
    _limit_resources(limits)
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    confined = _landlock()
    _refuse_processes()
    if not confined:
        return "rlimits"
    return "namespaces" if isolated else "landlock"


def _limit_resources(limits: Limits) -> None:
    for what, amount in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.report_bytes),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (amount, amount))


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
    for folder in _readable():
        _allow_reading(ruleset, folder)
    refused = _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return bool(refused == 0)


def _refuse_processes() -> None:
    """Threads stay possible. Where the machine is not listed or has no seccomp, the limit on processes is all."""
    if os.uname().machine not in _PROCESSES:
        return
    machine, clone, refused = _PROCESSES[os.uname().machine]
    last = len(refused) + 8  # the line that refuses; jumps count from the line after them
    lines = [
        (_LOAD, 0, 0, 4),
        (_EQUALS, 0, last - 2, machine),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, last - 4, 0, _X32),
        *((_EQUALS, last - i, 0, call) for i, call in enumerate(refused, 5)),
        (_EQUALS, 0, 2, clone),
        (_LOAD, 0, 0, 16),
        (_HAS_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    program = _Program(len(lines), (_Instruction * len(lines))(*(_Instruction(*line) for line in lines)))
    _libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)


def _readable() -> set[str]:
    """The standard library, and the shared libraries that its extension modules load."""
    paths = sysconfig.get_paths()
    stdlib = {paths["stdlib"], paths["platstdlib"], os.path.join(sys.base_exec_prefix, "lib")}
    return stdlib | {"/lib", "/lib64", "/usr/lib", "/usr/share/zoneinfo", "/dev/urandom"}


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
    _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(_PathRule(rights, parent)), 0)
    os.close(parent)
