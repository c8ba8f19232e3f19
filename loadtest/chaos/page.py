"""The matrix of all faults, from the results that their runs have left."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest.chaos.faults import ELSEWHERE, FAULTS
from loadtest.chaos.judge import RECOVERY_S, SUCCESSIVE
from schemas.figure import RESULTS, Figure, circumstances

FOLDER = "chaos"
MATRIX = f"{FOLDER}/matrix"
"""A row for each fault."""
_HEAD = f"""# Chaos

Written by `lift chaos --record`, from the files beside it. Each fault comes into a running service with a scripted
engine while requests and jobs arrive at random, whoever still waits; clients ask again with the same idempotency key,
when `Retry-After` says so. *Lost*: accepted and never answered. *Wrong*: an answer that this request cannot have, or
that is another's. *Recovery*: from the fault until {SUCCESSIVE} answers in a row came at the first attempt and in time;
{RECOVERY_S:g} s at most. Of a process that is frozen for good nobody knows before it has been silent for as long as it
may, so that comes on top. Statuses are those of all attempts while the fault was felt, 0 a connection that broke; 200
and 202 are always expected. *Busy*: how much of the machine was in use before the fault, 1 for all; with
nothing left, what has queued up during a fault is never worked off. *Left*: jails without a validator.

| fault | what happens | expected | seen | lost | wrong | recovery, s | slowest, s | busy | left | held |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def found(root: Path = RESULTS) -> list[dict[str, Any]]:
    """The files of faults that there are, in the order of the table."""
    paths = [root / FOLDER / f"{name}.json" for name in FAULTS]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def page(results: Sequence[dict[str, Any]]) -> str:
    rows = "".join(f"| {' | '.join(_cells(result['summary']))} |\n" for result in results)
    commits = ", ".join(sorted({result["commit"] for result in results}))
    recorded = {result["summary"]["fault"] for result in results}
    left = ", ".join(f"`{name}`" for name in FAULTS if name not in recorded)
    others = "".join(f"* {fault}: {where}\n" for fault, where in ELSEWHERE.items())
    return f"{_HEAD}{rows}\nNot recorded: {left or 'none'}. Commits: {commits}.\n\nInjected by others:\n\n{others}"


def _cells(told: dict[str, Any]) -> list[str]:
    seen = ", ".join(f"{count} of {status}" for status, count in told["statuses"]["during"].items())
    most = f" of {told['silent_s']:g} + {RECOVERY_S:g}" if told["silent_s"] else ""
    recovery = "-" if told["recovery_s"] is None else f"{told['recovery_s']:g}{most}"
    expected = ", ".join(map(str, told["expected"])) or "-"
    counts = [str(told["lost"]), str(told["wrong"]), recovery]
    counts += [f"{told['slowest_s']:g}", f"{told['busy']:g}", str(told["leaks"]["jails"])]
    return [f"`{told['fault']}`", told["does"], expected, seen or "-", *counts, "yes" if told["held"] else "**no**"]


def figures(results: Sequence[dict[str, Any]], command: str) -> list[Figure]:
    told = [result["summary"] for result in results]
    asked = sum(sum(one["asked"].values()) for one in told)
    where = {"command": command, "data": f"{MATRIX}.json", **circumstances()}
    of = f"of {asked} requests and jobs, {len(told)} faults"
    counts = [("lost", of), ("wrong", of)]
    made = [
        Figure(id=f"chaos.{name}", value=sum(one[name] for one in told), unit=unit, goal="0", **where)
        for name, unit in counts
    ]
    felt = [one for one in told if not one["silent_s"]]
    made += _slowest("chaos.recovery_s_max", f"<= {RECOVERY_S:g} without model load", felt, where)
    goal = f"<= {RECOVERY_S:g} after what its health check waits"
    return made + _slowest("chaos.recovery_frozen_s_max", goal, [one for one in told if one["silent_s"]], where)


def _slowest(name: str, goal: str, told: Sequence[dict[str, Any]], where: dict[str, str]) -> list[Figure]:
    """None where there is nothing, or one that has not recovered."""
    worst = [one["recovery_s"] for one in told]
    if not worst or None in worst:
        return []
    return [Figure(id=name, value=max(worst), unit=f"s, of {len(told)} faults", goal=goal, **where)]
