"""`lift bench scale`: what a service does with one, two, four and eight GPUs, and what limits it."""

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from deployments.cli.bench.arguments import Change, change_engine, command_line
from deployments.cli.console import err, fail, out
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.scale.arms import Part
    from deployments.bench.scale.study import Study

_GOALS = {2: ">= 1.9", 4: ">= 3.8", 8: ">= 7.36"}
"""Times what one replica does, by the number of them."""


def scale(
    config: Annotated[Path, typer.Argument(help="A Serve config of one engine replica.")],
    engine: Annotated[
        Path | None, typer.Option(help="Another config, whose engine takes the place: cluster/bench.start.yaml.")
    ] = None,
    change: Change = "",
    gpus: Annotated[str, typer.Option(help="Such as 1,2,4. Default: 1, 2, 4, 8, as many as there are.")] = "",
    only: Annotated[str, typer.Option(help="Of scale, tp, pools, autoscale, kill.")] = "scale,tp,pools,autoscale,kill",
    minutes: Annotated[float, typer.Option(help="In which no other service is begun that could not end.")] = 30,
    seconds: Annotated[float, typer.Option(help="Of each load below the knee.", min=2)] = 40,
    step: Annotated[
        float | None, typer.Option(help="Seconds of the autoscaler's step. Default: as long as a load and a start.")
    ] = None,
    climb: Annotated[
        float, typer.Option(help="Seconds in which that step's load comes, and goes again. 0: at once.", min=0)
    ] = 0,
    slo: Annotated[float, typer.Option(help="Seconds in which an answer counts.", min=0.1)] = 10,
    low: Annotated[float, typer.Option(help="Requests a second of one replica, to begin with.", min=0.01)] = 1,
    knee: Annotated[float | None, typer.Option(help="Of one replica, where it is known: saves the ramps.")] = None,
    clients: Annotated[int, typer.Option(help="Processes that ask.", min=1, max=64)] = 4,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 1,
    figures: Annotated[str, typer.Option(help="Under which name the figures are indexed.")] = "scale",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Serve with … 4, 2, 1 engines in turn; find the knee of each, then load it with 0.8 of that, open loop.

    `tp`: besides, one engine over as many GPUs. `pools`: besides, half of the engines for each model stage. `kill`: of
    the most engines one is killed under load. `autoscale`: from one engine to all and back. What was measured is kept
    after each service. With `load_format: dummy`, which writes no IR that can be used, requests bring theirs.
    """
    options = {name: value for name, value in locals().items() if name != "config"}
    from deployments.bench.scale.arms import read
    from deployments.bench.scale.crowd import SPECIFIED, TASKS
    from deployments.bench.scale.measure import Plan
    from deployments.bench.scale.study import Study

    parts, counts = _parts(only), _counts(gpus)
    try:
        data = read(config, engine)
        change_engine(data["applications"][0]["args"], change)
    except (OSError, KeyError, IndexError, TypeError, yaml.YAMLError) as error:
        fail(f"{config}: no Serve config of an engine replica ({error!r})")
    with err.status("…") as status:
        random_weights = data["applications"][0]["args"]["engine"].get("load_format") == "dummy"
        requests = SPECIFIED if random_weights else TASKS
        plan = Plan(clients, low, slo, seconds, step, climb, knee, seed, requests)
        study = Study(data, plan, parts, counts, minutes, say=lambda name: status.update(f"{name} …"))
        for _ in study.run():
            if record:
                _record(study, record, figures, command_line("lift bench scale", config, **options))
    out.print_json(data=study.summary)
    if study.summary["left_out"]:
        fail("not everything was measured: " + "; ".join(study.summary["left_out"]), 1)


def _parts(only: str) -> "list[Part]":
    from deployments.bench.scale.arms import PARTS

    if unknown := set(only.split(",")) - set(PARTS):
        fail(f"--only {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in only.split(",")]


def _counts(gpus: str) -> list[int]:
    try:
        counts = [int(word) for word in gpus.split(",")] if gpus else [n for n in (1, 2, 4, 8) if n <= _gpus()]
    except ValueError:
        counts = []
    if gpus and (not counts or counts != sorted(set(counts)) or counts[0] < 1):
        fail(f"--gpus {gpus!r}: rising whole numbers from 1 on with commas between them are wanted, such as 1,2,4")
    if not counts:
        fail("nvidia-smi finds no GPU here; say --gpus for engines that need none")
    return counts


def _gpus() -> int:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def _record(study: "Study", record: str, figures: str, command: str) -> None:
    write_result(record, study.summary, study.rows, command, load_average=os.getloadavg()[0])
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    index([Figure(**one, **where) for one in found(study.summary, figures)])


def found(summary: dict[str, Any], figures: str) -> list[dict[str, Any]]:
    """The figures: id, value, unit and goal."""
    rows = []
    for arm in summary["arms"].values():
        gpus, efficiency = arm["gpus"], arm.get("efficiency")
        if gpus > 1 and efficiency is not None:
            kind = arm["kind"]
            goal = _GOALS.get(gpus, "") if kind == "replicas" else ""
            rows.append(
                {"id": f"{figures}.{kind}_{gpus}", "value": round(efficiency * gpus, 4), "unit": "x", "goal": goal}
            )
    if kill := summary.get("kill"):
        rows.append({"id": f"{figures}.lost", "value": kill["lost"], "unit": "requests", "goal": "== 0"})
    step = summary.get("autoscale", {})
    if step.get("step_to_all_s") is not None:
        name = "climb_to_all_s" if step.get("climb_s") else "step_to_all_s"
        rows.append({"id": f"{figures}.{name}", "value": step["step_to_all_s"], "unit": "s", "goal": ""})
    return rows
