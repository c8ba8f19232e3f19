"""A proof over all processors: every grammar against every writer, cut into jobs of a minute or less."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lift_sys.grammar.tree import Grammar
from lift_sys.proof.backends import BACKENDS, Backend, BackendName, Compiled
from lift_sys.proof.proof import WRITERS, Tally, prove
from lift_sys.proof.vocabulary import Vocabulary, load

JOB_RUNS = 200


@dataclass(frozen=True)
class Job:
    folder: Path
    """With the tokenizer."""
    backend: BackendName
    grammar: Grammar
    writer: str
    runs: int
    seed: int


def jobs(folder: Path, backend: BackendName, grammars: Sequence[Grammar], runs: int, seed: int) -> list[Job]:
    """So many runs of each grammar and writer. Every job has a seed of its own."""
    sizes = [min(JOB_RUNS, runs - done) for done in range(0, runs, JOB_RUNS)]
    return [
        Job(folder, backend, grammar, writer, size, seed + index)
        for grammar in grammars
        for writer in WRITERS
        for index, size in enumerate(sizes)
    ]


def run(work: Sequence[Job], processes: int | None = None) -> Iterator[Tally]:
    """A tally a job, in the order in which they end. Raises `ValueError` if the backend refuses a grammar."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=spawn) as pool:
        try:
            for done in as_completed([pool.submit(_run, job) for job in work]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def total(tallies: Sequence[Tally]) -> list[Tally]:
    """One tally a grammar and writer."""
    sums: dict[tuple[str, str], Tally] = {}
    for tally in tallies:
        key = (tally.grammar, tally.writer)
        sums[key] = sums[key] + tally if key in sums else tally
    return sorted(sums.values(), key=lambda tally: (tally.grammar, WRITERS.index(tally.writer)))


def _run(job: Job) -> Tally:
    start = _start(job.folder, job.backend, job.grammar)
    return prove(job.grammar, job.writer, start, _vocabulary(job.folder), runs=job.runs, seed=job.seed)


@cache
def _vocabulary(folder: Path) -> Vocabulary:
    return load(folder)


@cache
def _backend(folder: Path, name: BackendName) -> Backend:
    return BACKENDS[name](_vocabulary(folder))


@cache
def _start(folder: Path, backend: BackendName, grammar: Grammar) -> Compiled:
    return _backend(folder, backend).compile(grammar.root)
