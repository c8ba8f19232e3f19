"""The process that every run is a fork of. It has imported what candidates use, and touches nothing of theirs itself.

It takes orders on a socket, one after the other: run what lies in the file `question`, and let the report be left in
the file `answer`. Both are files in memory which the executor shares with it, so the limit on a file's size bounds a
report, and a candidate has no stream to flood. A run is a single process (the filter lets it start no other) and over
before the next begins, so nothing of one run is there in the next.
"""

import fcntl
import gc
import importlib
import os
import signal
import struct
import sys
from typing import NamedTuple, NoReturn

from lift_sys.jail.child import rehearse, work
from lift_sys.jail.confine import Filter, confine, die_with_parent, limit, limit_cpu

ORDER = struct.Struct("!dIQQ")
ENDING = struct.Struct("!id")
READY = struct.Struct("!??")
MODULES = (
    "abc", "bisect", "collections", "collections.abc", "copy", "dataclasses", "enum", "functools", "heapq", "itertools",
    "json", "math", "operator", "random", "re", "string", "time", "types", "typing",
)  # fmt: skip
"""Imported once, so that no run has to. What few candidates use is left out: a fork of more memory costs more."""
_KEPT_FROM_RUNS = ("ctypes", "_ctypes")
"""The filter holds what they could do; without them a crash has to be looked for."""
_YOUNG_OBJECTS = 50_000
"""Before a run looks for garbage: most end before."""
_BEYOND, _MOST_DESCRIPTORS = 64, 2**16


class Order(NamedTuple):
    """Of one run."""

    wall_s: float
    cpu_s: int
    memory_bytes: int
    report_bytes: int


class Ending(NamedTuple):
    status: int
    """As `os.waitpid` has it."""
    cpu_s: float


class Ready(NamedTuple):
    landlock: bool
    seccomp: bool


class Files(NamedTuple):
    """Descriptors that the executor hands down."""

    control: int
    question: int
    answer: int
    filter: int


def main(files: Files) -> None:
    for name in MODULES:
        importlib.import_module(name)
    files = _keep_only(files)
    rehearse()
    code = os.pread(files.filter, os.fstat(files.filter).st_size, 0)
    landlock = confine()
    for name in _KEPT_FROM_RUNS:
        sys.modules[name] = None  # type: ignore[assignment]  # so an import of it fails
    gc.collect()
    gc.freeze()  # what is here already is not worth a collector's look in any run, which would copy its pages
    gc.set_threshold(_YOUNG_OBJECTS)
    seccomp = Filter(code)
    os.write(files.control, READY.pack(*Ready(landlock, bool(code))))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # it is waited for
    limits = None
    while text := os.read(files.control, ORDER.size):
        order = Order._make(ORDER.unpack(text))
        if limits != (order.memory_bytes, order.report_bytes):
            limits = (order.memory_bytes, order.report_bytes)
            limit(*limits)
        _forget(files)
        os.write(files.control, ENDING.pack(*_run(order, files, seccomp)))


def _forget(files: Files) -> None:
    """What a run may have set on the files that the next one shares: else one could leave word for the next."""
    for descriptor in (0, files.answer):
        fcntl.fcntl(descriptor, fcntl.F_SETFL, 0)


def _keep_only(files: Files) -> Files:
    """Close all but what a zygote needs, and number that anew, the same everywhere.

    The standard streams lead nowhere: what is printed can fill nothing.
    """
    kept = (os.open(os.devnull, os.O_RDWR), *files)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _BEYOND) for descriptor in kept]
    null, *others = moved
    for number, descriptor in enumerate([null, null, null, *others]):
        os.dup2(descriptor, number)
    os.closerange(3 + len(others), _MOST_DESCRIPTORS)
    return Files(*range(3, 3 + len(others)))


def _run(order: Order, files: Files, seccomp: Filter) -> Ending:
    pid = os.fork()
    if pid == 0:
        _become_a_run(order, files, seccomp)
    _wait(pid, order.wall_s)
    _, status, used = os.wait4(pid, 0)
    return Ending(status, used.ru_utime + used.ru_stime)


def _become_a_run(order: Order, files: Files, seccomp: Filter) -> NoReturn:
    try:
        die_with_parent()
        job = os.pread(files.question, os.fstat(files.question).st_size, 0)
        for descriptor in (files.question, files.control, files.filter):
            os.close(descriptor)
        limit_cpu(order.cpu_s)
        seccomp.load()
        nonce, _, text = job.partition(b"\n")
        work(text, nonce.decode(), files.answer)
    finally:
        os._exit(1)


def _wait(pid: int, limit_s: float) -> None:
    """Until the run ends; it is killed when its time is over."""
    if signal.sigtimedwait({signal.SIGCHLD}, limit_s) is None:
        os.kill(pid, signal.SIGKILL)
        signal.sigwait({signal.SIGCHLD})
