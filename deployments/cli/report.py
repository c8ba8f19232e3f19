"""`lift report`: the end-to-end test of a deployed endpoint."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.console import REJECTED, fail, progress_bars, seen
from deployments.cli.generate import URL, ApiKey

if TYPE_CHECKING:
    from deployments.report.run import Wanted


def report(
    url: URL = "http://127.0.0.1:8000",
    api_key: ApiKey = None,
    requests: Annotated[int, typer.Option(help="To lift, each with its answer's code validated anew.", min=1)] = 18,
    at_once: Annotated[int, typer.Option(help="Requests that are open at once.", min=1, max=256)] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds that an answer may take.", min=0.1, max=1_800)] = 120.0,
    cold: Annotated[
        str | None,
        typer.Option(
            help="Measure a cold start, too: `idle`, for a service at zero; or a command that starts it anew."
        ),
    ] = None,
    price: Annotated[
        tuple[float, float] | None, typer.Option(help="Dollars for a million tokens of a prompt, and of an answer.")
    ] = None,
    criteria: Annotated[Path | None, typer.Option(help="A YAML file: what must be met, in place of the usual.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write OUT.md and OUT.json, too.")] = None,
) -> None:
    """Test a deployed endpoint from outside, and say whether it does what it must.

    Exit code 1: not all criteria are met, or there was no answer. What was measured until then is told all the same.
    """
    import httpx

    from deployments.report.criteria import CriteriaInvalid, read, ticks
    from deployments.report.markdown import markdown
    from deployments.report.run import Wanted
    from lift_sys.evaluation.summary import Price

    try:
        wanted = read(criteria)
        found = _found(Wanted(url, api_key, requests, at_once, timeout, cold, Price(*price) if price else None))
    except CriteriaInvalid as error:
        fail(str(error))
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")
    judged = ticks(wanted, found["findings"])
    text = seen(markdown(found, judged))
    typer.echo(text)
    if out:
        _write(out, text, {**found, "criteria": [tick.model_dump() for tick in judged]})
    if broke_off := found["findings"]["broke_off"]:
        fail(broke_off, REJECTED)
    if not all(tick.met for tick in judged):
        raise typer.Exit(REJECTED)


def _found(wanted: "Wanted") -> dict[str, Any]:
    from deployments.report.run import report

    with progress_bars() as progress:
        bar = progress.add_task("requests", total=wanted.requests)
        return asyncio.run(report(wanted, lambda sample: progress.advance(bar)))


def _write(out: Path, text: str, content: dict[str, Any]) -> None:
    try:
        out.with_suffix(".md").write_text(text, encoding="utf-8")
        out.with_suffix(".json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")
