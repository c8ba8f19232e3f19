"""`lift bench drain`: what becomes of requests while the service is deployed anew."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import err, fail, out
from deployments.cli.service import checked, end_on_sigterm, started, wait_until_ready
from schemas.figure import write_result

_BEFORE_S = 5.0
_MOST_S = 60.0


def drain(
    config: Annotated[Path, typer.Argument(help="A Serve config file, such as cluster/bench.drain.yaml.")],
    rate: Annotated[float, typer.Option(help="Requests a second.", min=0.1)] = 2.0,
    seconds: Annotated[float, typer.Option(help="Of asking; the deploy begins after 5 s.", min=10)] = 60.0,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 1,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json.")] = None,
) -> None:
    """Start the config's service with the flags of production, ask steadily, and deploy it with other arguments.

    Ingress and engine get new ones, so that all of their replicas are replaced.
    """
    from deployments.bench.overload import rows

    end_on_sigterm()
    known = checked(config)
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "serve.log").open("wb") as log,
        started(config, log, production=True) as process,
    ):
        wait_until_ready(process, known.url)
        with err.status("deploying anew …"):
            found = asyncio.run(_run(known.url, process.pid, _changed(config, Path(folder)), (rate, seconds, seed)))
    told = {**found.told(objective_s=_MOST_S), "failed": sum(one.status != 200 for one in found.asked)}
    out.print(told)
    if record:
        command = command_line("lift bench drain", config, rate=rate, seconds=seconds, seed=seed, record=record)
        write_result(record, told, rows([found]), command, load_average=os.getloadavg()[0])
    if told["failed"]:
        fail(f"{told['failed']} requests failed", 1)


def _changed(config: Path, folder: Path) -> Path:
    data: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    engine = data["applications"][0]["args"]["engine"]
    engine["scripted_delay_s"] = engine.get("scripted_delay_s", 0) / 2
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


async def _run(url: str, pid: int, changed: Path, load: tuple[float, float, int]) -> Any:
    from deployments.bench.overload import steps
    from deployments.bench.watch import dashboard_address

    rate, seconds, seed = load
    asking = asyncio.create_task(steps(url, [rate], seconds, seed))
    await asyncio.sleep(_BEFORE_S)
    command = [sys.executable, "-m", "ray.serve.scripts", "deploy", str(changed), "--address", dashboard_address(pid)]
    environment = {"RAY_AUTH_MODE": "token", **os.environ}
    deployed = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=_MOST_S, check=False
    )
    if deployed.returncode:
        fail(f"the second deploy failed: {deployed.stderr[-500:]}", 1)
    [found] = await asking
    return found
