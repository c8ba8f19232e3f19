"""`lift demo`: start the service, ask it once, stop it."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli import client
from deployments.cli.console import REJECTED, err, plain
from deployments.cli.service import LOCAL, checked, end_on_sigterm, started, wait_until_ready
from deployments.cli.show import show_response
from schemas import LiftRequest


def demo(
    prompt: Annotated[str, typer.Argument(help="What the function shall do.")],
    config: Annotated[Path, typer.Option(help="A Serve config file.", show_default="cluster/serve.local.yaml")] = LOCAL,
) -> None:
    """Start the service, lift one request and stop: `lift demo "function to validate email addresses"`."""
    end_on_sigterm()
    known = checked(config)
    with tempfile.NamedTemporaryFile(prefix="lift-", suffix=".log", delete=False) as log:
        err.print(f"starting the service (about a minute; its log: {log.name})", highlight=False, soft_wrap=True)
        with started(config, log.file) as process:
            wait_until_ready(process, known.url)
            err.print(plain(f"ready; lifting {prompt!r} (a small model on a CPU takes a minute or two)"))
            answer = client.lift(known.url, LiftRequest(prompt=prompt))
            show_response(answer)
            err.print("stopping the service …")
    if answer.verdict.level == "rejected":
        raise typer.Exit(REJECTED)
