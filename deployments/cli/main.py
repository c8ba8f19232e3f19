"""`lift`: all commands by name."""

from importlib.metadata import version
from typing import Annotated

import typer

from deployments.cli.audit import audit
from deployments.cli.bench import bench
from deployments.cli.calibrate import calibrate
from deployments.cli.chaos import chaos
from deployments.cli.demo import demo
from deployments.cli.doctor import doctor
from deployments.cli.evaluate import evaluate
from deployments.cli.fit import fit
from deployments.cli.generate import generate
from deployments.cli.grammar import grammar
from deployments.cli.jobs import jobs
from deployments.cli.keys import keys
from deployments.cli.load import load
from deployments.cli.mcp import mcp
from deployments.cli.model import model
from deployments.cli.plan import plan
from deployments.cli.replay import replay
from deployments.cli.report import report
from deployments.cli.serve import serve
from deployments.cli.simulate import simulate
from deployments.cli.soak import soak
from deployments.cli.validate import validate

app = typer.Typer(
    help="From a request in natural language to a validated Python function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(generate)
app.command()(validate)
app.command()(replay)
app.command()(serve)
app.command()(demo)
app.command()(mcp)
app.command(name="eval")(evaluate)
app.command()(calibrate)
app.command()(audit)
app.command()(doctor)
app.command()(fit)
app.command()(report)
app.command()(soak)
app.command()(chaos)
app.command()(simulate)
app.command()(plan)
app.add_typer(load, name="load")
app.add_typer(jobs, name="jobs")
app.add_typer(model, name="model")
app.add_typer(grammar, name="grammar")
app.add_typer(keys, name="keys")
app.add_typer(bench, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lift-sys {version('lift-sys')}")
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and stop.")
    ] = False,
) -> None:
    """What all commands share."""


if __name__ == "__main__":
    app()
