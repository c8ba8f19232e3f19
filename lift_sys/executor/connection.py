"""An executor as its client has it: started afresh, asked over a socket, answering in any order."""

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from lift_sys.errors import SandboxUnavailable
from lift_sys.executor import frames
from lift_sys.executor.frames import BrokenFrame, Frame
from schemas.verdict import Tier

_SILENT_S = 15.0
"""An executor that says nothing for so long, though it is to say something each second, is stopped or stuck.

Not less: on a machine with far more to do than cores, one that works on may not get its turn for seconds.
"""
_ALIVE = -1
"""The number of an answer to nothing: the executor is there."""
_ROOT = Path(__file__).parents[2]
_PROGRAM = "import sys; sys.path[:0] = {paths!r}; from lift_sys.executor.daemon import main; main()"


class Connection:
    """An executor process and the socket to it. A thread reads, so that no event loop has to, nor always the same."""

    def __init__(self, terms: dict[str, Any]) -> None:
        """Raises `SandboxUnavailable` where code cannot be run safely."""
        self._socket, self._process = _start(terms)
        hello = frames.receive(self._socket)
        if hello is None:
            self._end_process()
            raise SandboxUnavailable("the executor did not start")
        self.tier: Tier = hello.header["tier"]
        if self.tier == "rlimits" and not terms["allow_weak"]:
            self._end_process()
            raise SandboxUnavailable(
                f"this machine cannot hold a run ({hello.header['detail']}); "
                "set `validator.allow_weak_sandbox` for development"
            )
        self._socket.settimeout(_SILENT_S)
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._waiting: dict[int, Future[Frame | None]] | None = {}
        threading.Thread(target=self._read, daemon=True, name="executor").start()

    def send(self, frame: Frame) -> "Future[Frame | None]":
        """The answer, when it is there; None if the executor ended before. Raises `BrokenFrame` if it is too large.

        Waits until the executor has taken it, which it does at once, however much it has to do. Who cancels the future
        gives the job up: it is not begun, or ended.
        """
        number = next(self._ids)
        packed = frames.pack(frame._replace(header={**frame.header, "id": number}))
        future: Future[Frame | None] = Future()
        with self._lock:
            if self._waiting is None:
                future.set_result(None)
                return future
            self._waiting[number] = future
        future.add_done_callback(partial(self._give_up, number))
        with self._sending, contextlib.suppress(OSError):  # its end is seen by the thread that reads
            self._socket.sendall(packed)
        return future

    def _give_up(self, number: int, ended: "Future[Frame | None]") -> None:
        with self._lock:
            if not ended.cancelled() or not self._waiting or not self._waiting.pop(number, None):
                return
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(frames.pack(Frame({"give_up": number})))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._end_process()

    def _end_process(self) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        with contextlib.suppress(BrokenFrame):
            while answer := frames.receive(self._socket):
                with self._lock:
                    future = self._waiting.pop(answer.header.get("id", _ALIVE), None) if self._waiting else None
                _settle(future, answer)
        self._process.kill()  # it has ended, or does nothing more: not even at a SIGTERM
        with self._lock:
            left, self._waiting = self._waiting or {}, None
        for future in left.values():
            _settle(future, None)


def _settle(future: "Future[Frame | None] | None", answer: Frame | None) -> None:
    if future and future.set_running_or_notify_cancel():  # False: nobody waits for it any more
        future.set_result(answer)


def _start(terms: dict[str, Any]) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    """A fresh interpreter with no environment of ours, in a session of its own."""
    ours, theirs = socket.socketpair()
    paths = [str(_ROOT), *(path for path in sys.path if path)]
    command = [sys.executable, "-I", "-c", _PROGRAM.format(paths=paths), str(theirs.fileno()), json.dumps(terms)]
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,
        )
    return ours, process
