"""`lift load`: how a running service does under load."""

import typer

from deployments.cli.load.capacity import capacity
from deployments.cli.load.once import once

load = typer.Typer()
load.callback(invoke_without_command=True)(once)
load.command()(capacity)
