"""What an audit found: a row a task, and the summary of all rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lift_sys.audit.evidence import STRICTEST, TIERS
from schemas.verdict import Level
from schemas.wire import Wire


class Judged(Wire):
    """A tier's verdict on the solution."""

    examples: int
    level: Level
    reason: str

    @property
    def accepted(self) -> bool:
        return self.level != "rejected"


class JudgedMutant(Wire):
    operator: str
    line: int
    differs: bool
    """On an input of the dataset. Those that do not are equivalent so far."""
    levels: dict[str, Level]
    """By tier."""

    @property
    def words(self) -> str:
        """All of it in one line."""
        by_us = ", ".join(f"{tier} {level}" for tier, level in self.levels.items())
        return f"{self.operator}, line {self.line}: {'differs' if self.differs else 'equivalent so far'}; {by_us}"


class Row(Wire):
    dataset: str
    task: str
    inputs: int
    """Of the dataset, on which the solution returned a value that can be compared."""
    trouble: str | None
    """Why the solution could not be run."""
    solution: dict[str, Judged]
    """By tier; without those that have no example."""
    mutants: tuple[JudgedMutant, ...]

    def brief(self) -> dict[str, Any]:
        return {**self.model_dump(exclude={"mutants"}), "mutants": [mutant.words for mutant in self.mutants]}


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts by dataset and tier and by operator, then what went wrong at the strictest tier, one by one."""
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    return {
        "tiers": {name: _tiers([row for row in rows if row.dataset == name]) for name in datasets},
        "all": _tiers(rows),
        "operators": _operators(rows),
        "not_held": [f"{row.task}: {row.trouble or 'no example'}" for row in rows if STRICTEST not in row.solution],
        "solutions_rejected": [
            f"{row.task} ({tier}): {judged.reason}"
            for row in rows
            for tier, judged in row.solution.items()
            if not judged.accepted
        ],
        "mutants_missed": [_named(row, m) for row, m in _held(rows, STRICTEST) if m.differs and not _rejected(m)],
        "equivalents_rejected": [_named(row, m) for row, m in _held(rows, STRICTEST) if not m.differs and _rejected(m)],
    }


def _tiers(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    return {tier: _counts(rows, tier) for tier in TIERS}


def _counts(rows: Sequence[Row], tier: str) -> dict[str, int]:
    judged = [row.solution[tier] for row in rows if tier in row.solution]
    levels = [(mutant.differs, mutant.levels[tier]) for _, mutant in _held(rows, tier)]
    different = [level for differs, level in levels if differs]
    equivalent = [level for differs, level in levels if not differs]
    return {
        "solutions": len(judged),
        "accepted": sum(one.accepted for one in judged),
        "verified": sum(one.level == "verified" for one in judged),
        "mutants": len(different),
        "rejected": different.count("rejected"),
        "not_verified": len(different) - different.count("verified"),
        "equivalents": len(equivalent),
        "equivalents_rejected": equivalent.count("rejected"),
    }


def _operators(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    different = [mutant for _, mutant in _held(rows, STRICTEST) if mutant.differs]
    total = Counter(mutant.operator for mutant in different)
    rejected = Counter(mutant.operator for mutant in different if _rejected(mutant))
    return {name: {"mutants": total[name], "rejected": rejected[name]} for name in sorted(total)}


def _held(rows: Iterable[Row], tier: str) -> list[tuple[Row, JudgedMutant]]:
    return [(row, mutant) for row in rows for mutant in row.mutants if tier in mutant.levels]


def _rejected(mutant: JudgedMutant) -> bool:
    return mutant.levels[STRICTEST] == "rejected"


def _named(row: Row, mutant: JudgedMutant) -> str:
    return f"{row.task}: {mutant.operator}, line {mutant.line}"
