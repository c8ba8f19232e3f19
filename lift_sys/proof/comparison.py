"""Grammar engines side by side: what each compiles, how long its masks take, what it lets pass and what it does not."""

import inspect
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lift_sys.grammar.code_frame import CODE
from lift_sys.grammar.tree import Grammar, Node
from lift_sys.ir_samples import SAMPLES
from lift_sys.ir_stage import IR_GRAMMAR
from lift_sys.outputs import require_whole
from lift_sys.proof.backends import Compiled, LLGuidance, XGrammar, admits
from lift_sys.proof.instances import sample
from lift_sys.proof.outlines_core import OutlinesCore
from lift_sys.proof.schema_suite import suite
from lift_sys.proof.vocabulary import Vocabulary, load
from schemas.wire import Wire

_INSTANCES = 10
_COMPILATIONS = 5
_MASKS = 3
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])  # to import the engines takes seconds, and a worker is new after each timeout
_SOURCE = f"{inspect.getsource(require_whole).strip()}\n```"
_AS_MODELS_WRITE = {IR_GRAMMAR: (SAMPLES[0].ir.model_dump_json(),) * _INSTANCES, CODE: (_SOURCE,) * _INSTANCES}


class Engine(Protocol):
    def compile(self, root: Node) -> Compiled: ...

    def compile_schema(self, schema: str) -> Compiled: ...


ENGINES: dict[str, Callable[[Vocabulary], Engine]] = {
    "xgrammar": XGrammar,
    "llguidance": LLGuidance,
    "outlines-core": OutlinesCore,
}


@dataclass(frozen=True)
class Subject:
    """A grammar of ours, or a JSON Schema, with texts that it must admit and texts that it must not."""

    name: str
    feature: str
    grammar: Node | str
    """A tree, or a JSON Schema as text."""
    valid: tuple[str, ...]
    invalid: tuple[str, ...]


class Row(Wire):
    """One engine and one subject."""

    engine: str
    subject: str
    feature: str
    refused: str | None = None
    """The engine's words, or that its time was over."""
    timed_out: bool = False
    compile_s: float | None = None
    again_s: float | None = None
    """To begin another text by what is compiled already."""
    valid: int
    valid_refused: int = 0
    invalid: int
    invalid_admitted: int = 0
    mask_us: tuple[float, ...] = ()
    """Of every mask along the valid texts, in order: the fastest of three, since a busy machine only ever adds."""

    def quantiles(self) -> dict[str, float]:
        """Of the masks, in microseconds; nothing where there were none."""
        if not self.mask_us:
            return {}
        p50, p99 = np.percentile(self.mask_us, [50, 99])
        return {
            "masks": len(self.mask_us),
            "mask_us_p50": round(float(p50), 2),
            "mask_us_p99": round(float(p99), 2),
            "mask_us_max": max(self.mask_us),
        }


def schemas() -> list[Subject]:
    return [
        Subject(case.name, case.feature, json.dumps(case.schema), _texts(case.valid), _texts(case.invalid))
        for case in suite()
    ]


def ours(grammars: Sequence[Grammar]) -> list[Subject]:
    """Our grammars, with texts as models write them and texts of Hypothesis, and the same texts spoilt."""
    found = []
    for grammar in grammars:
        valid = (*_AS_MODELS_WRITE.get(grammar.name, ()), *sample(grammar.root, _INSTANCES, seed=1))
        spoilt = tuple(text[:-1] for text in valid) + tuple(f"{text} " for text in valid)
        found.append(Subject(grammar.name, "ours", grammar.root, valid, spoilt))
    return found


def compare(
    engine: str, subjects: Sequence[Subject], folder: Path, *, limit_s: float, ours_limit_s: float
) -> Iterator[Row]:
    """A row a subject. What takes longer than its limit is ended; our grammars' own is longer, as their texts are."""
    worker = _Worker(engine, folder)
    try:
        for subject in subjects:
            patience_s = limit_s if isinstance(subject.grammar, str) else ours_limit_s
            row = worker.ask(subject, patience_s)
            if row is None:
                worker.close()
                worker = _Worker(engine, folder)
                row = _row(engine, subject, refused=f"not done within {patience_s:g} s", timed_out=True)
            yield row
    finally:
        worker.close()


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Of our grammars and of the schemas, each engine's sums and medians."""
    parts = {"ours": [r for r in rows if r.feature == "ours"], "schemas": [r for r in rows if r.feature != "ours"]}
    return {
        part: {name: _sums([r for r in found if r.engine == name]) for name in ENGINES} for part, found in parts.items()
    }


def _sums(rows: Sequence[Row]) -> dict[str, Any]:
    """Valid and invalid texts are counted where the engine took the schema; a schema is held if none went wrong."""
    taken = [row for row in rows if row.refused is None]
    masks = [us for row in taken for us in row.mask_us]
    return {
        "subjects": len(rows),
        "refused": sum(row.refused is not None and not row.timed_out for row in rows),
        "timed_out": sum(row.timed_out for row in rows),
        "held": sum(row.valid_refused == 0 == row.invalid_admitted for row in taken),
        "valid_refused": f"{sum(row.valid_refused for row in taken)} of {sum(row.valid for row in taken)}",
        "invalid_admitted": f"{sum(row.invalid_admitted for row in taken)} of {sum(row.invalid for row in taken)}",
        **_times(taken, masks),
    }


def _times(taken: Sequence[Row], masks: Sequence[float]) -> dict[str, float]:
    if not taken:
        return {}
    compiled = [row.compile_s or 0.0 for row in taken]
    p50, p99 = np.percentile(masks, [50, 99])
    return {
        "median_compile_s": round(float(np.median(compiled)), 4),
        "slowest_compile_s": round(max(compiled), 4),
        "median_again_s": round(float(np.median([row.again_s or 0.0 for row in taken])), 6),
        "mask_us_p50": round(float(p50), 2),
        "mask_us_p99": round(float(p99), 2),
        "mask_us_max": round(max(masks), 2),
    }


class _Worker:
    """An engine in a process of its own, which can be ended."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._ours, theirs = _FORKS.Pipe()
        self._process = _FORKS.Process(target=_serve, args=(engine, folder, theirs), daemon=True)
        self._process.start()
        self._ours.recv()  # that it is ready

    def ask(self, subject: Subject, limit_s: float) -> Row | None:
        """The row; None if there is none in time, or the process died of it."""
        self._ours.send(subject)
        with suppress(EOFError):
            if self._ours.poll(limit_s):
                row: Row = self._ours.recv()
                return row
        return None

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(name: str, folder: Path, ours: Connection) -> None:
    vocabulary = load(folder)
    engine = ENGINES[name](vocabulary)
    ours.send("ready")
    with suppress(EOFError):
        while True:
            ours.send(measure(name, engine, ours.recv(), vocabulary))


def measure(name: str, engine: Engine, subject: Subject, vocabulary: Vocabulary) -> Row:
    try:
        compile_s, start = _compiled(engine, subject.grammar)
    except ValueError as error:
        return _row(name, subject, refused=str(error)[:300])
    begun = time.perf_counter()
    start()
    again_s = time.perf_counter() - begun
    valid = [vocabulary.encode(text) for text in subject.valid]
    masks = [us for tokens in valid for us in _mask_times(start, tokens)]
    return _row(
        name,
        subject,
        compile_s=round(compile_s, 5),
        again_s=round(again_s, 6),
        valid_refused=sum(not admits(start, tokens) for tokens in valid),
        invalid_admitted=sum(admits(start, vocabulary.encode(text)) for text in subject.invalid),
        mask_us=tuple(round(us, 1) for us in masks),
    )


def _compiled(engine: Engine, grammar: Node | str) -> tuple[float, Compiled]:
    """Seconds, and what was compiled. Ours are compiled several times, each time anew; the median counts."""
    seconds = []
    for _ in range(1 if isinstance(grammar, str) else _COMPILATIONS):
        begun = time.perf_counter()
        start = engine.compile_schema(grammar) if isinstance(grammar, str) else engine.compile(grammar)
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds)), start


def _mask_times(start: Compiled, tokens: Sequence[int]) -> Iterator[float]:
    """Microseconds of each mask along a text, as far as the grammar goes with it."""
    matcher = start()
    for token in tokens:
        yield min(_seconds(matcher.mask) for _ in range(_MASKS)) * 1e6
        if not matcher.accept(token):
            return


def _seconds(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _row(engine: str, subject: Subject, **found: Any) -> Row:
    return Row(
        engine=engine,
        subject=subject.name,
        feature=subject.feature,
        valid=len(subject.valid),
        invalid=len(subject.invalid),
        **found,
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(json.dumps(value, separators=(",", ":"), ensure_ascii=False) for value in values)
