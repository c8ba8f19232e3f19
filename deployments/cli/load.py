"""`lift load`: how a running service does under requests that come at a given rate, whoever still waits."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, err, fail, out, plain
from deployments.cli.generate import ApiKey
from schemas.figure import write_result

LOCUSTFILE = Path(__file__).parents[2] / "loadtest" / "locustfile.py"
LATE = 3
"""The exit code of a run in which the load generator did not keep its schedule."""


def load(
    url: Annotated[str, typer.Option(help="A running service.")] = "http://127.0.0.1:8000",
    rate: Annotated[float, typer.Option(help="Requests a second, the highest of the shape.", min=0.001)] = 1.0,
    seconds: Annotated[float, typer.Option(help="In which requests arrive.", min=1)] = 60.0,
    arrivals: Annotated[
        str, typer.Option(help="poisson, even, gamma:CV, mmpp:TIMES (bursts), or replay:FILE.")
    ] = "poisson",
    shape: Annotated[str, typer.Option(help="constant, soak, ramp, step, spike or diurnal.")] = "constant",
    slo: Annotated[
        str, typer.Option(help="Seconds to the whole answer, and to the first IR or candidate: total=40,ttft=2.")
    ] = "",
    attain: Annotated[float, typer.Option(help="The share of requests that must meet it.", min=0, max=1)] = 0.99,
    seed: Annotated[int, typer.Option(help="Of arrivals and prompts.")] = 1,
    timeout_s: Annotated[float, typer.Option(help="After which a request is given up.", min=0.1)] = 120.0,
    context_words: Annotated[int, typer.Option(help="Before the task in each prompt.", min=0)] = 0,
    shared: Annotated[float, typer.Option(help="The share of them that all prompts begin with.", min=0, max=1)] = 0.0,
    workers: Annotated[int, typer.Option(help="Processes that send.", min=1)] = 1,
    insecure: Annotated[bool, typer.Option(help="Take any TLS certificate.")] = False,
    api_key: ApiKey = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, with a row a request.")] = None,
) -> None:
    """Ask open-loop, and say what was answered in time and passed the validator.

    Exits with 1 where the objective is missed or nothing was answered, with 2 where the service cannot be asked, and
    with 3 where the load generator itself was late.
    """
    asked = {"rate": rate, "seconds": seconds, "arrivals": arrivals, "shape": shape, "slo": slo, "seed": seed}
    asked |= {"timeout_s": timeout_s, "context_words": context_words, "shared": shared, "insecure": insecure}
    if importlib.util.find_spec("locust") is None:
        fail("locust is missing: pip install 'lift-sys[loadtest]'")
    url = url.rstrip("/")
    _require_listening(url, insecure)
    with tempfile.TemporaryDirectory() as folder:
        told, rows = _run(url, asked, workers, api_key, Path(folder))
    out.print(_table(told))
    for word in (*told["notes"], *(f"the run does not count: {fault}" for fault in told["self_check"]["faults"])):
        err.print(plain(word, "bold"), soft_wrap=True)
    if record:
        write_result(record, told, rows, command_line("lift load", url=url, **asked, workers=workers, record=record))
    raise typer.Exit(_exit_code(told, attain if slo else None))


def _require_listening(url: str, insecure: bool) -> None:
    """Ends the command where requests would have nobody to go to."""
    import httpx

    try:
        httpx.get(f"{url}/healthz", timeout=10, verify=not insecure)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")
    except httpx.ConnectError as error:
        if "CERTIFICATE" in str(error) or "SSL" in str(error):
            fail(f"{url}: TLS failed ({error}); take the name that its certificate has, or --insecure")
        fail(f"no service at {url} ({error}); start one with `lift serve`")
    except httpx.TimeoutException:
        err.print(plain(f"{url} does not answer /healthz within 10 s; asking all the same"))
    except httpx.TransportError as error:
        fail(f"{url} broke off: {error}; is it HTTP that is spoken there?")


def _run(
    url: str, asked: dict[str, Any], workers: int, api_key: str | None, folder: Path
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What locust wrote of the run; ends the command with its words where it wrote nothing."""
    summary, rows, log = folder / "summary.json", folder / "rows.jsonl", folder / "log"
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--host", url]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in asked.items() if name != "insecure"]
    command += [f"--rows={rows}", f"--summary={summary}", *(["--insecure"] if asked["insecure"] else [])]
    command += ["--processes", str(workers)] if workers > 1 else []
    environment = {**os.environ, "PYTHONPATH": str(LOCUSTFILE.parents[1])}
    environment |= {"LIFT_API_KEY": api_key} if api_key else {}
    with (
        log.open("wb") as output,
        err.status(f"{asked['rate']:g} requests a second for {asked['seconds']:g} s …"),
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=output) as process,
    ):
        _wait(process)
    if not summary.exists():
        fail(_last_line(log))
    told = json.loads(summary.read_text(encoding="utf-8"))
    lines = rows.read_text(encoding="utf-8").splitlines() if rows.exists() else []
    return told, [json.loads(line) for line in lines]


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C reaches the load generator too, which then writes what it has."""
    try:
        process.wait()
    except KeyboardInterrupt:
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    said = next((line for line in lines if "error: " in line), lines[-1] if lines else "locust ended without a word")
    return said.rpartition("error: ")[2]


def _exit_code(told: dict[str, Any], attain: float | None) -> int:
    if told["self_check"]["faults"]:
        return LATE
    missed = attain is not None and (told["attainment"] or 0) < attain
    return REJECTED if missed or not told["verdicts"] else 0


def _table(told: dict[str, Any]) -> Table:
    table = Table(show_header=False)
    table.add_row("requests", f"{told['requests']}, {told['offered_per_s']:g} a second sent")
    table.add_row("answered in time", "-" if told["attainment"] is None else f"{told['attainment']:.2%}")
    table.add_row(f"and {' or '.join(told['goodput_verdicts'])}", f"{told['goodput_per_s']:g} a second")
    for name, values in told["seconds"].items():
        if values["p50"] is not None:
            table.add_row(f"{name}, s", ", ".join(f"{share} {value:g}" for share, value in values.items()))
    for name in ("statuses", "verdicts", "errors"):
        if told[name]:
            table.add_row(name, plain("\n".join(f"{count} of {what}" for what, count in told[name].items())))
    check = told["self_check"]
    kept = "failed" if check["faults"] else "kept"
    table.add_row("self-check", f"{kept}: {check['lag_p99_ms']:g} ms late at p99, {check['offered_share']:.1%} sent")
    return table
