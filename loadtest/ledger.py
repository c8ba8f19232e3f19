"""The rows of a run, gathered from all its processes and kept as they come."""

import json
from dataclasses import dataclass, field
from typing import IO, Any

from loadtest.plan import Plan
from loadtest.report import summary
from loadtest.rows import Row


@dataclass
class Ledger:
    plan: Plan
    rows: list[Row] = field(default_factory=list)
    _sent: int = 0
    _file: IO[str] | None = None

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if self.plan.rows:
            self._file = self._file or self.plan.rows.open("w", encoding="utf-8")
            self._file.write(row.model_dump_json(exclude_none=True) + "\n")
            self._file.flush()  # what was measured is there whatever comes next

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= len(self.plan.due)

    def unsent(self) -> list[dict[str, Any]]:
        """What a worker has not yet handed to the master."""
        rows, self._sent = self.rows[self._sent :], len(self.rows)
        return [row.model_dump() for row in rows]

    def close(self) -> dict[str, Any]:
        """The summary, which is written too where the plan says so."""
        plan = self.plan
        told = summary(self.rows, len(plan.due), plan.shape.seconds, plan.slo, plan.lag_ms)
        told |= {"begun_at": round(plan.begun_at, 3), "run_s": plan.shape.seconds}
        if self._file:
            self._file.close()
        if self.plan.summary:
            self.plan.summary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return told
