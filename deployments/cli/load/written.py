"""The page of a load test, with what went on beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.cli.console import err, fail, plain
from schemas.figure import circumstances

if TYPE_CHECKING:
    from loadtest.page import Beside


@dataclass(frozen=True)
class Asides:
    """Where to read what went on beside the requests."""

    prometheus: str | None
    marks: Path | None

    @classmethod
    def read(cls, prometheus: str | None, marks: Path | None) -> "Asides":
        """Ends the command, before any request, where the marks cannot be read in the end. The file may still grow."""
        if marks and not marks.parent.is_dir():
            fail(f"--marks {marks}: there is no folder {marks.parent}")
        return cls(prometheus, marks)

    def of(self, begun_at: float, end: float) -> "Beside":
        from loadtest.page import Beside

        missing = "" if self.prometheus else "Without --prometheus there are no replicas and queues in the timeline."
        lines, marks = {}, []
        try:
            from loadtest import watched

            if self.marks and self.marks.exists():
                found = watched.marks(self.marks)
                marks = [m.model_copy(update={"t": m.t - begun_at}) for m in found if begun_at <= m.t <= end]
            if self.prometheus:
                lines = watched.watched(self.prometheus, begun_at, end)
                missing = "" if lines else f"Prometheus at {self.prometheus} has no series of this service."
        except ValueError as error:
            missing = str(error)
            err.print(plain(missing), soft_wrap=True)
        return Beside(lines, marks, missing)


def write(path: Path, told: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], command: str, asides: Asides) -> None:
    """Of the whole run, or of the last one of a search."""
    from loadtest.page import page

    last = max((row["due_s"] + row["latency_s"] for row in rows), default=0.0)
    beside = asides.of(told["begun_at"], told["begun_at"] + last)
    result = {"command": command, **circumstances(), "summary": told, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(result, beside), encoding="utf-8")
    err.print(plain(f"{path} is the report"), soft_wrap=True)
