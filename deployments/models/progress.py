"""How far a fetch is: the seam between those who work and those who draw."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

Progress = Callable[[str, int, int], None]
"""Hears what is being done, bytes done, bytes in all (0: not known)."""


@contextmanager
def drawn() -> Iterator[Progress]:
    """Bars on stderr. Nothing is drawn before the first word: the hub library draws bars of its own."""
    display = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, bars.TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        display.start()
        if what not in tasks:
            tasks[what] = display.add_task(what, total=None)
        display.update(tasks[what], completed=done, total=total or None)

    try:
        yield show
    finally:
        if tasks:
            display.stop()
