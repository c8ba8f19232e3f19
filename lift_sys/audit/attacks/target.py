"""What attacks aim at outside of the jail, and how it is seen that one got there."""

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from lift_sys.audit.attacks.attack import ABSTRACT, FOLDER, TCP_PORT, UDP_PORT

_MARKS = ("/tmp/lift-proof", "/tmp/lift-link", "/tmp/lift-folder", "/tmp/fill", "/proof", "proof", "/dev/shm/lift")
"""What attacks leave behind where they can."""
_EXECUTOR, _ZYGOTE, _BUBBLEWRAP = "lift_sys.executor.daemon", "lift_sys.jail.zygote", "bwrap"
_OF_A_JAIL = {"PYTHONHASHSEED", "LANG"}
_MOST_GROWTH_BYTES = 128 * 2**20
"""An allocator keeps what a dozen reports of the largest size took at once; kept, all of them would be a gigabyte."""
_MOST_MORE_DESCRIPTORS = 64
"""Jails are started when they are first asked for, and a few descriptors belong to each."""


class Target:
    """A folder that anybody may write to, with a file in it; and sockets that nobody speaks to."""

    def __init__(self) -> None:
        self._opened = contextlib.ExitStack()
        self.folder = Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="siege")))
        self.folder.chmod(0o777)
        for name, text in {"canary": "as it was", "secret": "answer 41"}.items():
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o666)
        abstract = f"lift-{secrets.token_hex(8)}"
        tcp = self._listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        udp = self._listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self._sockets = {
            "by TCP": tcp,
            "by UDP": udp,
            "at an abstract name": self._listening(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            "in the folder": self._listening(socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "socket")),
        }
        (self.folder / "socket").chmod(0o777)
        self._words = {
            FOLDER: str(self.folder),
            TCP_PORT: str(tcp.getsockname()[1]),
            UDP_PORT: str(udp.getsockname()[1]),
            ABSTRACT: abstract,
        }
        self._before = _state(self.folder)

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def aimed(self, source: str) -> str:
        """The source with the real names of what it aims at."""
        for word, name in self._words.items():
            source = source.replace(word, name)
        return source

    def harm(self) -> Iterator[str]:
        """What is not as it was, and what came in."""
        after = _state(self.folder)
        changed = sorted(name for name in {*self._before, *after} if self._before.get(name) != after.get(name))
        yield from (f"{name} is not as it was" for name in changed)
        yield from (f"a word came in {where}" for where, waiting in self._sockets.items() if _heard(waiting))

    def _listening(self, family: int, kind: int, address: tuple[str, int] | str) -> socket.socket:
        opened = self._opened.enter_context(socket.socket(family, kind))
        opened.bind(address)
        if kind == socket.SOCK_STREAM:
            opened.listen()
        opened.setblocking(False)
        return opened


def _heard(waiting: socket.socket) -> bool:
    try:
        if waiting.type == socket.SOCK_STREAM:
            waiting.accept()[0].close()
        else:
            waiting.recv(1)
    except BlockingIOError:
        return False
    return True


def _state(folder: Path) -> dict[str, object]:
    """Of files, by name. Those of a folder in full, others as far as attacks would leave them."""
    inside = {str(path.relative_to(folder)): _facts(path) for path in folder.rglob("*")}
    marks = {os.path.abspath(name): os.path.lexists(name) for name in _MARKS}
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return {**inside, **marks, os.__file__: _facts(Path(os.__file__)), "what is mounted": mounts}


def _facts(path: Path) -> object:
    about = path.lstat()
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    return about.st_mode, about.st_uid, about.st_nlink, about.st_mtime_ns, content


class Processes:
    """Those of this program, and those that a jail may have let out; seen when an executor is there already."""

    def __init__(self) -> None:
        self._others = {process.pid for process in psutil.process_iter()} - {p.pid for p in _ours()}
        self._before = {process.pid: _use(process) for process in _executors()}

    def harm(self) -> Iterator[str]:
        """What was left running, and what an executor holds more than before."""
        yield from (f"{_called(p)} was left running" for p in _ours() if _is_left(p))
        yield from (f"{_called(p)} got out" for p in psutil.process_iter() if self._got_out(p))
        for process in _executors():
            memory, descriptors = _use(process)
            was_memory, was_descriptors = self._before.get(process.pid, (memory, descriptors))
            if memory - was_memory > _MOST_GROWTH_BYTES:
                yield f"the executor has grown by {(memory - was_memory) // 2**20} MB"
            if descriptors - was_descriptors > _MOST_MORE_DESCRIPTORS:
                yield f"the executor has {descriptors - was_descriptors} descriptors more"

    def _got_out(self, process: psutil.Process) -> bool:
        """Whether a process of a jail's environment stands below no executor."""
        try:
            is_jailed = _OF_A_JAIL <= set(process.environ()) <= _OF_A_JAIL | {"LC_CTYPE", "PWD"}
            above = any(_EXECUTOR in " ".join(parent.cmdline()) for parent in process.parents())
        except psutil.Error:
            return False
        return process.pid not in self._others and is_jailed and not above


def _ours() -> list[psutil.Process]:
    return [p for executor in _executors() for p in executor.children(recursive=True)]


def _executors() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if _EXECUTOR in " ".join(_command(p))]


def _use(executor: psutil.Process) -> tuple[int, int]:
    return executor.memory_info().rss, executor.num_fds()


def _is_left(process: psutil.Process) -> bool:
    """Whether it is none of those that stay between runs. A run is a fork of a zygote, and called as that is."""
    command, parent = _command(process), process.parent()
    if not command or command[0].endswith(_BUBBLEWRAP):
        return False
    return _ZYGOTE not in command[-1] or (parent is not None and _command(parent) == command)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _called(process: psutil.Process) -> str:
    return f"process {process.pid}, {' '.join(_command(process))[:80]!r},"
