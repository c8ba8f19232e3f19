"""How the command line speaks: answers on standard output, all else on standard error."""

from typing import NoReturn

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

REJECTED = 1
MISUSED = 2


def fail(message: str, code: int = MISUSED) -> NoReturn:
    """Say what is wrong, and end the command."""
    err.print(f"[bold red]error:[/] {message}", highlight=False)
    raise typer.Exit(code)
