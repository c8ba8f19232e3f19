"""`lift serve`: the service, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import err
from deployments.cli.service import LOCAL, checked, end_on_sigterm, started, wait_until_ready


def serve(
    config: Annotated[
        Path, typer.Argument(help="A Serve config file.", show_default="cluster/serve.local.yaml")
    ] = LOCAL,
    production: Annotated[
        bool, typer.Option("--production", help="With HAProxy and Serve's other flags of cluster/production.env.")
    ] = False,
) -> None:
    """Check a Serve config, start it on this machine and say when it is ready: `lift serve cluster/serve.yaml`.

    Starts a Ray of its own, unless RAY_ADDRESS names one, and stops with Ctrl-C.
    """
    end_on_sigterm()
    known = checked(config)
    try:
        with started(config, production=production) as process:
            wait_until_ready(process, known.url)
            err.print(f"[bold green]ready[/] at {known.url} (API: {known.url}/docs); Ctrl-C stops it", highlight=False)
            process.wait()
    except KeyboardInterrupt:
        err.print("stopped")
