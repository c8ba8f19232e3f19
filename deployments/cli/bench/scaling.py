"""`lift bench scaling`: how soon and how calmly a real cluster follows a step of the load, beside Ray's own policy."""

import asyncio
import copy
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import err, fail, out
from deployments.cli.service import checked, end_on_sigterm, started, wait_until_ready
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.scaling import Run

_DEPLOYMENT = "Engine"
_OURS, _DEFAULT = "ours", "default"


def scaling(
    config: Annotated[Path, typer.Argument(help="A Serve config file whose Engine scales by a policy of ours.")],
    low: Annotated[float, typer.Option(help="Requests a second before the step and after it.", min=0.1)] = 0.5,
    high: Annotated[float, typer.Option(help="Of the step.", min=0.1)] = 5.0,
    seconds: Annotated[int, typer.Option(help="Of the step, and of what follows it.", min=5)] = 60,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Start the config's cluster twice, by its own policy and by Ray's default, and give each the same step of load.

    Each step begins after 10 s of low load. Ray's policy has the same bounds, the same requests a replica, and else
    its defaults.
    """
    end_on_sigterm()
    ours = yaml.safe_load(config.read_text(encoding="utf-8"))
    runs = {name: _measured(data, low, high, seconds) for name, data in ((_OURS, ours), (_DEFAULT, _by_default(ours)))}
    found = _summary(runs)
    out.print({name: {key: value for key, value in one.items() if key != "timeline"} for name, one in found.items()})
    if record:
        command = command_line("lift bench scaling", config, low=low, high=high, seconds=seconds, record=record)
        _record(record, found, runs, command)
    if failed := sum(one["failed"] for one in found.values()):
        fail(f"{failed} requests failed", 1)


def _by_default(data: dict[str, Any]) -> dict[str, Any]:
    """The config with Ray's default policy in place of ours."""
    data = copy.deepcopy(data)
    [engine] = [one for one in data["applications"][0]["deployments"] if one["name"] == _DEPLOYMENT]
    scaling = engine["autoscaling_config"]
    engine["autoscaling_config"] = {
        "min_replicas": scaling["min_replicas"],
        "max_replicas": scaling["max_replicas"],
        "target_ongoing_requests": scaling["policy"]["policy_kwargs"]["concurrency"],
    }
    return data


def _measured(data: dict[str, Any], low: float, high: float, seconds: int) -> "Run":
    from deployments.bench.scaling import Phase, run
    from deployments.bench.watch import watching

    # Else the terms are ten seconds old. Ray reads this when it starts.
    os.environ.setdefault("RAY_metrics_report_interval_ms", "500")
    phases = [Phase(low, 10), Phase(high, seconds), Phase(low, seconds)]
    with tempfile.TemporaryDirectory() as folder:
        path, log = Path(folder) / "serve.yaml", Path(folder) / "serve.log"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        known = checked(path)
        with log.open("wb") as output, started(path, output) as process:
            wait_until_ready(process, known.url)
            with watching(process.pid) as watch, err.status("stepping …"):
                watch.wait()
                return asyncio.run(run(known.url, watch, phases, _DEPLOYMENT))


def _summary(runs: "dict[str, Run]") -> dict[str, Any]:
    from deployments.bench.scaling import summary

    return {name: summary(one) for name, one in runs.items()}


def _record(record: str, found: dict[str, Any], runs: "dict[str, Run]", command: str) -> None:
    rows = [{"arm": name, **asked.__dict__} for name, one in runs.items() for asked in one.asked]
    write_result(record, found, rows, command, load_average=os.getloadavg()[0], deployment=_DEPLOYMENT)
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    ours = found[_OURS]
    if ours["step_to_start_s"] is None:
        fail("no replica was started in the step, so there is no figure", 1)
    index(
        [
            Figure(id="autoscale.step_to_start_s", value=ours["step_to_start_s"], unit="s", goal="<= 3", **where),
            Figure(id="autoscale.flaps", value=ours["flaps"], unit="reversals", goal="== 0", **where),
        ]
    )
