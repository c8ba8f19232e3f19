"""`lift load`: how a running service does under requests that come at a given rate, whoever still waits."""

from typing import Annotated, Any

import typer
from rich.table import Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, err, out, plain
from deployments.cli.generate import ApiKey
from deployments.cli.load import options as given
from deployments.cli.load.run import LATE, Target
from deployments.cli.load.written import Asides, write
from schemas.figure import write_result


def once(
    context: typer.Context,
    url: given.Url = "http://127.0.0.1:8000",
    rate: Annotated[float, typer.Option(help="Requests a second, the highest of the shape.", min=0.001)] = 1.0,
    seconds: Annotated[float, typer.Option(help="In which requests arrive.", min=1)] = 60.0,
    arrivals: given.Arrivals = "poisson",
    shape: Annotated[str, typer.Option(help="constant, soak, ramp, step, spike or diurnal.")] = "constant",
    slo: given.Slo = "",
    attain: given.Attain = 0.99,
    seed: Annotated[int, typer.Option(help="Of arrivals and prompts.")] = 1,
    timeout_s: given.TimeoutS = 120.0,
    lag_ms: given.LagMs = 5.0,
    context_words: given.ContextWords = 0,
    shared: given.Shared = 0.0,
    chat: given.Chat = "",
    workers: given.Workers = 1,
    insecure: given.Insecure = False,
    api_key: ApiKey = None,
    html: given.Html = None,
    prometheus: given.PrometheusUrl = None,
    marks: given.Marks = None,
    record: given.Record = None,
) -> None:
    """Ask open-loop, and say what was answered in time and passed the validator.

    Exits with 1 where the objective is missed or nothing was answered, with 2 where the service cannot be asked, and
    with 3 where the load generator itself was late.
    """
    if context.invoked_subcommand:
        return
    asked = {"rate": rate, "seconds": seconds, "arrivals": arrivals, "shape": shape, "slo": slo, "seed": seed}
    asked |= {"timeout_s": timeout_s, "context_words": context_words, "shared": shared, "chat": chat, "lag_ms": lag_ms}
    target = Target(url.rstrip("/"), api_key, insecure, workers)
    asides = Asides.read(prometheus, marks)
    target.require_listening()
    with err.status(f"{rate:g} requests a second for {seconds:g} s …"):
        ran = target.run(asked)
    told = {**ran.told, "slo": slo}
    out.print(_table(told))
    for word in (*told["notes"], *(f"the run does not count: {fault}" for fault in told["self_check"]["faults"])):
        err.print(plain(word, "bold"), soft_wrap=True)
    command = command_line("lift load", url=url, **asked, insecure=insecure, workers=workers, record=record)
    if record:
        write_result(record, told, ran.rows, command)
    if html:
        write(html, told, ran.rows, command, asides)
    raise typer.Exit(_exit_code(told, attain if slo else None))


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
