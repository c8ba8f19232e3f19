"""`lift simulate`: the service at 1 to 1,000 replicas, under the policy that Serve runs and under its rivals."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from inspect import signature
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import fail, out, progress_bars
from deployments.fit import gpus
from deployments.fit.errors import UnknownGpu
from deployments.simulation.study import (
    MEASURED,
    POLICIES,
    NotAnswerable,
    PolicyName,
    Run,
    best_rate,
    conditions,
    data,
    engine_scaling,
    pairs,
    policies_named,
    profile_named,
    run,
    scenario,
)
from lift_sys.simulation.arrivals import Shape, Traffic, replayed
from lift_sys.simulation.outcome import Objective
from lift_sys.simulation.timeline import timeline
from schemas.figure import RESULTS, Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from lift_sys.simulation.service import Scenario

_USUAL = ("ours", "ray", "keda", "oracle")
_MEAN_USE = 0.7
"""Of what `--replicas` can do: where there is no `--rps`."""


@dataclass(frozen=True)
class _Study:
    made: "Scenario"
    usd_per_hour: float
    policies: Sequence[PolicyName]
    seeds: int
    changes: Sequence[Mapping[str, float]]
    """Of our settings: one row of the table for each."""


def simulate(
    arrivals: Annotated[Shape, typer.Option(help="How requests come.")] = "diurnal+bursts",
    trace: Annotated[Path | None, typer.Option(help="A file of times, one a line, in place of --arrivals.")] = None,
    replicas: Annotated[int, typer.Option(help="The load: what so many can bear.", min=1, max=2_000)] = 20,
    rps: Annotated[float | None, typer.Option(help="Requests a second, in place of --replicas.", min=0.001)] = None,
    minutes: Annotated[float, typer.Option(help="That are simulated.", min=0.1, max=1_440)] = 30,
    day_hours: Annotated[float, typer.Option(help="Length of the diurnal wave.", min=0.1)] = 24,
    phase: Annotated[float, typer.Option(help="Of the wave: 0 trough, 0.25 rise, 0.5 peak.")] = 0.25,
    burst: Annotated[float, typer.Option(help="Of the rate, in bursts.", min=1, max=100)] = 1.3,
    calm: Annotated[float, typer.Option(help="Seconds between two bursts, in the mean.", min=1)] = 300,
    policy: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(POLICIES)}; again for each. Default: four.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each policy.", min=1, max=100)] = 1,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=NUMBER of our policy, or KEY=NUMBER,NUMBER to try each.")
    ] = None,
    condition: Annotated[
        list[str] | None, typer.Option("--with", help="KEY=NUMBER of the world: mean_life_s, slow_share, silent_share…")
    ] = None,
    ttft: Annotated[float, typer.Option(help="Objective: seconds to the first token.", min=0.001)] = 1.0,
    total: Annotated[float, typer.Option(help="Objective: seconds of a whole request.", min=0.001)] = 40.0,
    model_profile: Annotated[str, typer.Option(help="A measured model, or a JSON file.")] = MEASURED,
    jobs: Annotated[int, typer.Option(help="Runs at once, each on a core of its own.", min=1, max=512)] = 1,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json and .png.")] = None,
) -> None:
    """Simulate days that no laptop has: who is served in time, and what it costs.

    `lift simulate --replicas 100 --with mean_life_s=3600`; `lift simulate --policy ours --set concurrency=40,48,56`
    """
    options = {name: value for name, value in locals().items() if name not in ("setting", "condition")}
    options |= {"set": setting, "with": condition}
    try:
        profile = profile_named(model_profile)
        around = conditions({key: values[0] for key, values in pairs(condition or ())})
        rate = rps or replicas * best_rate(profile) * _MEAN_USE
        traffic = Traffic(
            rate, minutes * 60, arrivals, period_s=day_hours * 3_600, phase=phase, burst=burst, calm_s=calm
        )
        source = replayed(trace) if trace else traffic
        made = scenario(profile, source.times, source.duration_s, Objective(ttft, total), around)
        swept = [dict(zip(*combination, strict=True)) for combination in _sweep(setting)]
        study = _Study(made, gpus.named(profile.gpu).usd_per_hour, policies_named(policy or _USUAL), seeds, swept)
        runs = _run(study, jobs)
    except (NotAnswerable, UnknownGpu, OSError, ValueError) as problem:
        fail(str(problem))
    rows = _rows(study, runs)
    _show(study, rows)
    if record:
        _record(study, runs, rows, record, command_line("lift simulate", **_said(options)))


def _sweep(setting: Sequence[str] | None) -> list[tuple[list[str], tuple[float, ...]]]:
    named = list(pairs(setting or ()))
    combinations = [([key for key, _ in named], values) for values in product(*(values for _, values in named))]
    for keys, values in combinations:
        engine_scaling(dict(zip(keys, values, strict=True)))
    return combinations


def _run(study: _Study, jobs: int) -> list[Run]:
    wanted = [
        (name, seed, changes)
        for seed in range(study.seeds)
        for name in study.policies
        for changes in (study.changes if name != "oracle" else study.changes[:1])
    ]
    with progress_bars() as progress, ProcessPoolExecutor(jobs) as pool, ThreadPoolExecutor(len(wanted)) as waiting:
        bar = progress.add_task("runs", total=len(wanted))
        futures = [
            # The oracle tries in the pool, too, and is waited for out here.
            waiting.submit(run, study.made, *one, pool.map)
            if one[0] == "oracle"
            else pool.submit(run, study.made, *one)
            for one in wanted
        ]
        for future in futures:
            future.add_done_callback(lambda done: progress.advance(bar))
        return [future.result() for future in futures]


def _rows(study: _Study, runs: Sequence[Run]) -> list[dict[str, Any]]:
    known = {one.seed: one for one in runs if one.policy == "oracle"}
    return [data(one, known.get(one.seed), study.usd_per_hour) for one in runs]


def _groups(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By policy and settings, over all seeds."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(f"{row['policy']} {row['changes']}".strip(), []).append(row)
    return groups


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: _means(group) for name, group in _groups(rows).items()}


def _means(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over the seeds. The share that was served in time is the worst of them."""
    over = [row["cost_over_oracle"] for row in group if row["cost_over_oracle"]]
    return {
        "attainment": min(row["attainment"] for row in group),
        "ttft_p99_s": round(fmean(row["ttft_s"]["p99"] for row in group), 3),
        "total_p99_s": round(fmean(row["total_s"]["p99"] for row in group), 3),
        "replica_hours": round(fmean(row["replica_hours"] for row in group), 2),
        "usd": round(fmean(row["usd"] for row in group), 2),
        "usd_per_1000": round(fmean(row["usd_per_1000"] for row in group), 4),
        "cost_over_oracle": round(fmean(over), 4) if over else None,
        "most_replicas": max(row["most_replicas"] for row in group),
        "flaps": sum(row["flaps"] for row in group),
        "failed": sum(row["failed"] for row in group),
    }


def _show(study: _Study, rows: Sequence[dict[str, Any]]) -> None:
    objective = study.made.objective
    title = f"in time: first token within {objective.ttft_s:g} s, all within {objective.total_s:g} s"
    names = ("in time", "TTFT p99", "p99", "GPU hours", "$", "$ per 1,000", "over oracle", "most", "flaps", "lost")
    table = Table("policy", *(Column(name, justify="right") for name in names), title=title, box=None)
    for name, found in _summary(rows).items():
        over = f"{found['cost_over_oracle']:.3f}" if found["cost_over_oracle"] else "-"
        table.add_row(
            name,
            f"{found['attainment']:.2%}",
            f"{found['ttft_p99_s']:.2f} s",
            f"{found['total_p99_s']:.1f} s",
            f"{found['replica_hours']:,.1f}",
            f"{found['usd']:,.2f}",
            f"{found['usd_per_1000']:.3f}",
            over,
            f"{found['most_replicas']:,}",
            f"{found['flaps']}",
            f"{found['failed']}",
        )
    out.print(table)


def _said(options: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, so that the command is as one would type it."""
    usual = {name: parameter.default for name, parameter in signature(simulate).parameters.items()}
    return {name: value for name, value in options.items() if value != usual.get(name)}


def _record(study: _Study, runs: Sequence[Run], rows: list[dict[str, Any]], record: str, command: str) -> None:
    from deployments.simulation.plots import draw

    made = study.made
    first: dict[str, Any] = {
        one.policy: timeline(one.outcome) for one in runs if one.seed == 0 and one.changes in ({}, study.changes[0])
    }
    around = {
        "settings": engine_scaling(study.changes[0]).model_dump(),
        "conditions": made.conditions.model_dump(),
        "objective": asdict(made.objective),
    }
    write_result(record, _summary(rows), rows, command, **around, timelines=first)
    draw(first, made.objective.total_s, f"{command}: seed 0", RESULTS / f"{record}.png")
    _index(rows, command, record)


def _index(rows: Sequence[dict[str, Any]], command: str, record: str) -> None:
    """The figures of the largest scale are those that count."""
    ours = [row for row in rows if row["policy"] == "ours" and not row["changes"]]
    if record != "autoscaling/simulation_1000" or not ours:
        return
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    found = _means(ours)
    figures = [("slo_attainment_1000", found["attainment"], "share", ">= 0.99")]
    figures += [("cost_vs_oracle", found["cost_over_oracle"], "x", "<= 1.25")] if found["cost_over_oracle"] else []
    index([Figure(id=f"sim.{name}", value=value, unit=unit, goal=goal, **where) for name, value, unit, goal in figures])
