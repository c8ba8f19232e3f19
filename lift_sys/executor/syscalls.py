"""Which system calls a run may make: an allow-list, compiled by libseccomp to the kernel's own code."""

import errno
import os

import pyseccomp
from pyseccomp import ALLOW, EQ, ERRNO, MASKED_EQ, Arch, Arg, Attr, SyscallFilter

_PLAIN = (
    # memory
    "brk", "madvise", "membarrier", "mincore", "mlock", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap",
    # files that are open, or can be opened for reading (Landlock says which)
    "access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fstat", "fstat64",
    "fstatfs", "ftruncate", "getcwd", "getdents", "getdents64", "lseek", "_llseek", "lstat", "newfstatat", "pread64",
    "preadv", "pwrite64", "read", "readlink", "readlinkat", "readv", "stat", "statfs", "statx", "write", "writev",
    # a loop of events within the process: asyncio's
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "pipe", "pipe2", "poll",
    "ppoll", "pselect6", "select", "recvfrom", "sendto", "getsockopt", "shutdown",
    # threads, time, signals to itself by the kernel only
    "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "getitimer", "gettimeofday",
    "nanosleep", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_yield",
    "set_robust_list", "set_tid_address", "setitimer", "sigaltstack", "time", "times", "alarm", "pause",
    # what it may know of itself
    "arch_prctl", "getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid", "getrandom",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "sysinfo", "ugetrlimit", "uname",
)  # fmt: skip
_CLONE_THREAD, _CLONE_NAMESPACES = 0x00010000, 0x7E020080
_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NOT_READING = _WRITING | os.O_PATH
"""A descriptor of a bare place is refused too: Landlock does not ask for which."""
_TCGETS, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX = 0x5401, 0x541B, 0x5421, 0x5450, 0x5451
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030
_PR_SET_NAME = 15
_AF_UNIX = 1
_BINARY_TREE = 2
"""Rather than a list from top to bottom, which a kernel walks for each number there is whenever a filter is loaded."""
_WITH_ARGUMENTS = (
    ("clone", Arg(0, MASKED_EQ, _CLONE_THREAD | _CLONE_NAMESPACES, _CLONE_THREAD)),
    ("open", Arg(1, MASKED_EQ, _NOT_READING, os.O_RDONLY)),
    ("openat", Arg(2, MASKED_EQ, _NOT_READING, os.O_RDONLY)),
    ("prctl", Arg(0, EQ, _PR_SET_NAME)),
    ("prlimit64", Arg(2, EQ, 0)),
    ("socketpair", Arg(0, EQ, _AF_UNIX)),
    *(("ioctl", Arg(1, EQ, what)) for what in (_TCGETS, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX)),
    *(
        ("fcntl", Arg(1, EQ, what))
        for what in (_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC)
    ),
)  # fmt: skip
"""Calls allowed only so: threads, no processes or namespaces; reading, no writing; limits told, and none set."""


def compiled() -> bytes:
    """Empty where there is no libseccomp, or it does not know this machine."""
    try:
        rules = SyscallFilter(defaction=ERRNO(errno.EPERM))
        rules.set_attr(Attr.CTL_OPTIMIZE, _BINARY_TREE)
        for name in _PLAIN:
            _add(rules, ALLOW, name)
        for name, condition in _WITH_ARGUMENTS:
            _add(rules, ALLOW, name, condition)
        _add(rules, ERRNO(errno.ENOSYS), "clone3")  # for which threads then take `clone`, whose flags can be seen
        return _exported(rules)
    except (OSError, RuntimeError):
        return b""


def _add(rules: SyscallFilter, action: int, name: str, *conditions: Arg) -> None:
    try:
        number = pyseccomp.resolve_syscall(Arch.NATIVE, name)
    except (OSError, ValueError, RuntimeError):
        return
    if isinstance(number, int) and number >= 0:  # the others do not exist on this machine
        rules.add_rule(action, number, *conditions)


def _exported(rules: SyscallFilter) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
