"""Frames as nobody should send them: refused or ignored, and never the end of anything but the one who sent them."""

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift_sys.executor import frames
from lift_sys.executor.frames import MOST_BODY_BYTES, MOST_HEADER_BYTES, BrokenFrame, Frame

ROOT = Path(__file__).parents[2]
LENGTHS = struct.Struct("!II")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.text(max_size=10), VALUES, max_size=8)


def receive(sent: bytes) -> Frame | None:
    """Of a client that says this and leaves."""
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        return frames.receive(theirs)


def read(sent: bytes) -> Frame | None:
    async def fed() -> Frame | None:
        stream = asyncio.StreamReader()
        stream.feed_data(sent)
        stream.feed_eof()
        return await frames.read(stream)

    return asyncio.run(fed())


READERS = pytest.mark.parametrize("taken", [receive, read])


@READERS
@given(header=HEADERS, body=st.binary(max_size=200))
def test_a_frame_arrives_as_it_was_sent(taken: Any, header: dict[str, Any], body: bytes) -> None:
    assert taken(frames.pack(Frame(header, body))) == Frame(header, body)


@READERS
@given(sent=st.binary(max_size=60) | st.builds(LENGTHS.pack, st.integers(0, 40), st.integers(0, 40)))
def test_garbage_is_no_frame(taken: Any, sent: bytes) -> None:
    try:
        frame = taken(sent)
    except BrokenFrame:
        return
    assert frame is None or isinstance(frame.header, dict)


@READERS
@given(header=HEADERS, body=st.binary(max_size=50), at=st.integers(0, 200), byte=st.integers(0, 255), cut=st.booleans())
def test_a_frame_that_was_changed_on_the_way_harms_nobody(
    taken: Any, header: dict[str, Any], body: bytes, at: int, byte: int, cut: bool
) -> None:
    sent = bytearray(frames.pack(Frame(header, body)))
    at %= len(sent)
    sent[at:] = bytes([byte]) if cut else bytes([byte]) + sent[at + 1 :]
    try:
        taken(bytes(sent))
    except BrokenFrame:
        return


@READERS
@pytest.mark.parametrize(
    "sent",
    [
        LENGTHS.pack(MOST_HEADER_BYTES + 1, 0),
        LENGTHS.pack(2, MOST_BODY_BYTES + 1),
        LENGTHS.pack(2, 0) + b"[]",
        LENGTHS.pack(2, 0) + b"\xff\xff",
        LENGTHS.pack(40_000, 0) + b"[" * 40_000,
        LENGTHS.pack(0, 0),
    ],
    ids=["a long header", "a long body", "a list", "no text", "a deep header", "no header"],
)
def test_a_frame_that_is_none_is_refused(taken: Any, sent: bytes) -> None:
    with pytest.raises(BrokenFrame):
        taken(sent)


def test_nobody_sends_what_the_other_side_would_refuse() -> None:
    with pytest.raises(BrokenFrame):
        frames.pack(Frame({"x": "x" * MOST_HEADER_BYTES}))
    with pytest.raises(BrokenFrame):
        frames.pack(Frame({}, bytes(MOST_BODY_BYTES + 1)))


# A real executor

PROGRAM = f"import sys; sys.path[:0] = {[str(ROOT), *filter(None, sys.path)]!r}; "
PROGRAM += "from lift_sys.executor.daemon import main; main()"
JOB = {"kind": "run", "source": "def f(): return 1", "function": "f", "calls": [""], "describe": False}
BODY = json.dumps({**JOB, "call_s": 1.0, "cpu_s": 1}).encode()
HEADER: dict[str, Any] = {
    "id": 1, "request": "r", "kind": "run", "seed": 0, "budget_s": 9.0, "call_s": 1.0, "cpu_s": 1, "wall_s": 2.0,
    "memory_bytes": 2**29, "report_bytes": 2**20,
}  # fmt: skip


@contextmanager
def executor() -> Iterator[tuple[socket.socket, "subprocess.Popen[bytes]"]]:
    """One of its own, greeted already."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    terms = json.dumps({"slots": 1, "most_waiting": 4, "allow_weak": True, "runs_per_jail": 9, "tier": None})
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", PROGRAM, str(theirs.fileno()), terms],
            pass_fds=(theirs.fileno(),), stderr=subprocess.DEVNULL, env={}, cwd="/", start_new_session=True,
        )  # fmt: skip
        theirs.close()
        try:
            assert frames.receive(ours)
            yield ours, process
        finally:
            process.kill()
            process.wait()


def heard(ours: socket.socket) -> Frame | None:
    """The next answer to a job; in between an executor says that it is there."""
    while (frame := frames.receive(ours)) and "alive" in frame.header:
        pass
    return frame


def answers_of(sent: bytes) -> tuple[list[Frame], int]:
    """What an executor answers to a client that says this and waits, and how it ends."""
    with executor() as (ours, process):
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        answers = []
        while answer := heard(ours):
            answers.append(answer)
        return answers, process.wait(20)


@pytest.mark.siege
def test_an_executor_answers_what_was_asked_before_the_client_broke_off() -> None:
    with executor() as (ours, process):
        ours.sendall(frames.pack(Frame(HEADER, BODY)))
        answer = heard(ours)
        assert answer is not None
        assert answer.header["end"] == "reported"
        ours.sendall(b"\xff" * 100)
        assert heard(ours) is None
        assert process.wait(20) == 0


@pytest.mark.siege
@pytest.mark.parametrize(
    "sent", [b"", b"\0", b"\xff" * 1_000, LENGTHS.pack(2, 9) + b"{}", LENGTHS.pack(2, 0) + b"[]"],
    ids=["nothing", "half a length", "a long one", "half a frame", "a list"],
)  # fmt: skip
def test_an_executor_ends_with_a_client_that_sends_no_frame(sent: bytes) -> None:
    assert answers_of(sent) == ([], 0)


@pytest.mark.siege
@pytest.mark.parametrize(
    "header",
    [
        *({name: value for name, value in HEADER.items() if name != missing} for missing in ("id", "request", "seed")),
        {**HEADER, "request": ["r"]},
        {**HEADER, "kind": "verdict"},
        {**HEADER, "seed": {}},
        {**HEADER, "budget_s": "9"},
        {**HEADER, "wall_s": "2"},
        {**HEADER, "memory_bytes": -1},
        {**HEADER, "report_bytes": 2**70},
        {},
    ],
    ids=["no id", "no request", "no seed", "a list for a request", "an unknown kind", "an object for a seed",
         "a text for a budget", "a text for seconds", "less than no memory", "too many bytes", "nothing"],
)  # fmt: skip
def test_an_executor_ignores_what_is_no_job_or_ends_cleanly(header: dict[str, Any]) -> None:
    with executor() as (ours, process):
        ours.sendall(frames.pack(Frame(header, BODY)) + frames.pack(Frame({**HEADER, "id": 2}, BODY)))
        answers = []
        while (answer := heard(ours)) and answer.header["id"] != 2:
            answers.append(answer)
        ours.close()
        assert not any(answer.header["end"] == "reported" for answer in answers)
        assert process.wait(20) == 0


@pytest.mark.siege
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(
    changes=st.dictionaries(st.sampled_from(sorted(HEADER)), VALUES, min_size=1, max_size=3), body=st.binary(max_size=9)
)
def test_an_executor_never_hangs_on_a_client_and_the_next_is_served(changes: dict[str, Any], body: bytes) -> None:
    answers_of(frames.pack(Frame({**HEADER, **changes, "wall_s": 1.0}, body)))
    with executor() as (ours, _):
        ours.sendall(frames.pack(Frame(HEADER, BODY)))
        answer = heard(ours)
    assert answer is not None
    assert answer.header["end"] == "reported"
