"""`lift bench fuzz`: garbage for whatever reads what others wrote, for as long as is asked."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.table import Table

from deployments.cli.console import REJECTED, fail, out, plain, progress_bars
from lift_sys.audit.attacks import ATTACKS
from lift_sys.audit.siege import LIMITS
from lift_sys.examples import find, parse
from lift_sys.executor import frames
from lift_sys.executor.frames import BrokenFrame, Frame
from lift_sys.jail.inspection import inspect_source
from lift_sys.report import Inspection, JobKind
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validation.predicate import why_no_predicate
from schemas.figure import write_result

_ENDS = ("reported", "silent", "full", "spent", "lost", "large")
_BATCH, _SMALL_BATCH = 1_000, 10
_LONGEST_SOURCE = 5_000
_MOST_CRASHES = 20
_SHOWN = 500

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_HEADERS = st.dictionaries(st.text(max_size=10), _VALUES, max_size=10)
_GARBAGE = st.text(st.characters(exclude_categories=()))
_PIECES = st.text(st.characters(exclude_categories=()), max_size=4) | st.sampled_from(
    ["(", "[", "{", "'", '"""', "\\", "\n", "\n    ", "\t", "#", ":", "=", ":=", "*", "**", "@", "lambda ", "await ",
     "f'", "import os", "f(1) == 2", " raises ValueError", ">>> ", "-> ", "9" * 50, "__class__", "\0"]
)  # fmt: skip
_CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 20), _PIECES), max_size=6)
_SOURCES = tuple(attack.source for attack in ATTACKS if len(attack.source) < _LONGEST_SOURCE)
_PREDICATES = (
    "result == sorted(x)",
    "all(isinstance(v, int) for v in result)",
    "len(x) <= result[0] + f'{y:>3}'.count('')",
)
_PROMPTS = (
    "`f([1, 2]) == 3`, and f('') raises ValueError.",
    ">>> f(1)\n2\n",
    "assert f(a=1) == {1: 'x'} is f(-2) -> None",
)


def _changed(texts: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.builds(_change, st.sampled_from(texts), _CHANGES)


def _change(text: str, changes: list[tuple[int, int, str]]) -> str:
    """Pieces of it are taken out, and others put in their place."""
    for at, length, piece in changes:
        at %= len(text) + 1
        text = text[:at] + piece + text[at + length :]
    return text


@dataclass
class Subject:
    """What is fed, and with what. The check raises where something is not as it should be."""

    name: str
    food: st.SearchStrategy[Any]
    check: Callable[[Any], object]
    batch: int = _BATCH
    tried: int = 0
    slowest_s: float = 0.0
    crashes: dict[str, str] = field(default_factory=dict)
    """By what was raised, the smallest food that raised it."""

    def feed(self, number: int) -> None:
        """A batch, another one for each number."""
        last: list[Any] = [None]

        @seed(number)
        @settings(
            max_examples=self.batch, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        )  # fmt: skip
        @given(self.food)
        def batch(food: Any) -> None:
            last[0] = food
            begun = time.monotonic()
            self.tried += 1
            self.check(food)
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)

        try:
            batch()
        except Exception as error:
            if len(self.crashes) < _MOST_CRASHES:
                self.crashes.setdefault(f"{type(error).__name__}: {error}"[:_SHOWN], repr(last[0])[:_SHOWN])

    def row(self) -> dict[str, Any]:
        return {
            "subject": self.name, "tried": self.tried, "slowest_s": round(self.slowest_s, 4), "crashes": self.crashes
        }  # fmt: skip


def fuzz(
    minutes: Annotated[float, typer.Option(help="For how long.", min=0.01)] = 10,
    begin: Annotated[int, typer.Option(help="The first seed. The same seeds make the same garbage.")] = 0,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json.")] = None,
) -> None:
    """Feed garbage to the frames, the executor, and the readers of programs, predicates and examples.

    Exit code 1: something raised that should not.
    """
    sandbox = ProcessSandbox(LIMITS)
    subjects = _subjects(sandbox)
    try:
        _feed(subjects, minutes * 60, begin)
    finally:
        sandbox.close()
    crashes = sum(len(subject.crashes) for subject in subjects)
    _show(subjects)
    if record:
        summary = {"tried": sum(subject.tried for subject in subjects), "crashes": crashes}
        command = f"lift bench fuzz --minutes {minutes:g} --begin {begin} --record {record}"
        write_result(record, summary, [subject.row() for subject in subjects], command)
    if crashes:
        fail(f"{crashes} kinds of crash", REJECTED)


def _subjects(sandbox: ProcessSandbox) -> list[Subject]:
    kinds, requests, seeds = st.sampled_from(get_args(JobKind)), st.text(max_size=64), st.sampled_from([0, 1])
    lengths = st.builds(lambda a, b, rest: a.to_bytes(4) + b.to_bytes(4) + rest, *[st.integers(0, 99)] * 2, st.binary())
    return [
        Subject("bytes that are no frame", st.binary() | lengths, _receive),
        Subject("frames with any header", st.builds(Frame, _HEADERS, st.binary()), _return),
        Subject("jobs of any shape", st.tuples(requests, kinds, _HEADERS, seeds), _asking(sandbox), _SMALL_BATCH),
        Subject("texts that are no program", _GARBAGE, _inspect),
        Subject("programs with changes", _changed(_SOURCES), _inspect),
        Subject("texts that are no predicate", _GARBAGE, _predicate),
        Subject("predicates with changes", _changed(_PREDICATES), _predicate),
        Subject("texts without examples", _GARBAGE, _examples),
        Subject("examples with changes", _changed(_PROMPTS), _examples),
    ]


def _feed(subjects: list[Subject], limit_s: float, number: int) -> None:
    until = time.monotonic() + limit_s
    with progress_bars() as progress:
        bar = progress.add_task("seconds", total=round(limit_s))
        while time.monotonic() < until:
            for subject in subjects:
                subject.feed(number)
            progress.update(bar, completed=round(limit_s - max(0.0, until - time.monotonic())))
            number += 1


def _show(subjects: list[Subject]) -> None:
    table = Table("fed", "tried", "slowest, s", "crashes", box=None)
    for subject in subjects:
        said = "\n".join(f"{error}, by {food}" for error, food in subject.crashes.items())
        table.add_row(subject.name, str(subject.tried), f"{subject.slowest_s:.3f}", plain(said or "none"))
    out.print(table)


def _receive(sent: bytes) -> Frame | None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        with contextlib.suppress(BrokenFrame):
            return frames.receive(theirs)
    return None


def _return(frame: Frame) -> None:
    if _receive(frames.pack(frame)) != frame:
        raise ValueError("it came out otherwise than it went in")


def _asking(sandbox: ProcessSandbox) -> Callable[[Any], None]:
    def check(food: tuple[Any, Any, dict[str, Any], Any]) -> None:
        request, kind, job, its_seed = food
        end, _ = asyncio.run(sandbox.ask(request, kind, dict(job), its_seed))
        if end not in _ENDS:
            raise ValueError(f"it ended so: {end}")

    return check


def _inspect(source: str) -> None:
    Inspection.model_validate(inspect_source(source, "f"))


def _predicate(text: str) -> None:
    if why_no_predicate(text) is None:
        compile(text, "<predicate>", "eval")


def _examples(text: str) -> None:
    for stated in find(text):
        parse(f"{stated.function}({stated.example.arguments}) == 1")
    with contextlib.suppress(ValueError):
        parse(text)
