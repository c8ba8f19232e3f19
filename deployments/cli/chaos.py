"""`lift chaos`: faults into a service under load, and whether it bore them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, fail, out, plain
from deployments.cli.generate import ApiKey
from deployments.cli.service import end_on_sigterm
from loadtest.chaos import campaign, page
from loadtest.chaos.campaign import Result
from loadtest.chaos.experiment import Load
from loadtest.chaos.faults import FAULTS, Fault, named
from loadtest.chaos.processes import NotHere
from schemas.figure import RESULTS, index, write_result

CONFIG = Path(__file__).parents[2] / "cluster" / "bench.chaos.yaml"
_BUSY = 0.7
"""From here on what a fault leaves behind is worked off too slowly for a recovery to say much."""


def chaos(
    config: Annotated[
        Path, typer.Argument(help="What is started for it.", show_default="cluster/bench.chaos.yaml")
    ] = CONFIG,
    url: Annotated[
        str | None, typer.Option(help="A service of this machine with a scripted engine, in place of one started.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(help="One by its name, or more. Default: all.")] = None,
    rate: Annotated[float, typer.Option(help="Requests and jobs a second.", min=0.5, max=1_000)] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 1,
    names: Annotated[bool, typer.Option("--list", help="Say which faults there are, and stop.")] = False,
    api_key: ApiKey = None,
    record: Annotated[bool, typer.Option("--record", help="Write docs/results/chaos: a file a fault, a page.")] = False,
) -> None:
    """Inject faults under load, one after the other. Kills processes of the service.

    Exits with 1 where one was not borne: something lost, wrong, answered as it must not be, or no recovery in time.
    """
    if names:
        for one in FAULTS.values():
            out.print(plain(f"{one.name}: {one.does}"), soft_wrap=True)
        return
    end_on_sigterm()
    told = []
    try:
        for summary, rows in _results(config, url, named(fault or []), Load(rate, seed, api_key)):
            told.append(summary)
            out.print(plain(_line(summary)), soft_wrap=True)
            if record:
                _record(summary, rows, rate, seed)
    except (LookupError, RuntimeError) as error:
        fail(str(error.args[0] if error.args else error))
    if not all(one["held"] for one in told):
        raise typer.Exit(REJECTED)


def _results(config: Path, url: str | None, faults: list[Fault], load: Load) -> Iterator[Result]:
    if url is None:
        return campaign.with_service(config, _address(config), faults, load)
    _require_ready(url)
    return campaign.against(url.rstrip("/"), faults, load)


def _address(config: Path) -> str:
    """The rest is checked by `lift serve`, which is told where the jobs are kept."""
    from deployments.serve_config import ConfigInvalid
    from deployments.serve_config import load as read_config

    try:
        return read_config(config).url
    except ConfigInvalid as error:
        fail(str(error))


def _require_ready(url: str) -> None:
    try:
        ready = httpx.get(f"{url}/readyz", timeout=10)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")
    except httpx.TransportError as error:
        raise NotHere(f"no service at {url} ({error}); leave --url out, and one is started") from None
    if ready.status_code != httpx.codes.OK:
        fail(f"{url} is not ready: {ready.status_code}")


def _record(summary: dict[str, Any], rows: list[dict[str, Any]], rate: float, seed: int) -> None:
    """What is summed up is of all faults whose files are there, of this run or an earlier one."""
    command = command_line("lift chaos", fault=summary["fault"], rate=rate, seed=seed, record=True)
    write_result(f"{page.FOLDER}/{summary['fault']}", summary, rows, command, load_average=os.getloadavg()[0])
    summarise(command_line("lift chaos", rate=rate, seed=seed, record=True))


def summarise(command: str) -> None:
    """Page, matrix and figures, from the files of all faults."""
    results = page.found()
    (RESULTS / page.FOLDER / "README.md").write_text(page.page(results), encoding="utf-8")
    write_result(page.MATRIX, {"faults": len(results)}, [result["summary"] for result in results], command)
    index(page.figures(results, command))


def _line(told: dict[str, Any]) -> str:
    during = ", ".join(f"{count} of {status}" for status, count in told["statuses"]["during"].items())
    recovery = "no recovery" if told["recovery_s"] is None else f"recovered in {told['recovery_s']:g} s"
    troubles = {name: told[name] for name in ("lost", "refused", "wrong", "unexpected", "missing") if told[name]}
    troubles |= {"jails left": told["leaks"]["jails"]} if told["leaks"]["jails"] else {}
    troubles |= {"machine busy before": told["busy"]} if told["busy"] > _BUSY else {}
    said = "".join(f"; {name} {value}" for name, value in troubles.items())
    return f"{'held  ' if told['held'] else 'FAILED'} {told['fault']}: {recovery}; {during or 'nothing felt'}{said}"
