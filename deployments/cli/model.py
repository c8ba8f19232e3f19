"""`lift model`: weights on this machine."""

from typing import Annotated

import typer
from rich.table import Table

from deployments.cli.console import err, fail, out, plain
from deployments.models.catalogue import CATALOGUE
from deployments.models.errors import WeightsProblem
from deployments.models.progress import drawn

model = typer.Typer(help="Fetch and list the weights of models.", no_args_is_help=True)


@model.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A hub id, such as `Qwen/Qwen2.5-Coder-1.5B-Instruct`.")],
) -> None:
    """Get a model's weights, from the hub or from the pieces known here; goes on where it was interrupted."""
    from deployments.models import weights

    try:
        with drawn() as progress:
            folder = weights.fetch(name, progress)
    except WeightsProblem as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from here", 130)
    err.print(plain(f"{name}: {folder}"), soft_wrap=True)


@model.command(name="list")
def list_models() -> None:
    """Show the weights that are here, and those that can be had without a hub."""
    from deployments.models import weights

    table = Table("model", "size", "where", box=None)
    here = weights.cached()
    for stored in here:
        table.add_row(plain(stored.model), f"{stored.size_bytes / 1e9:.1f} GB", plain(str(stored.folder)))
    for name in sorted(set(CATALOGUE) - {stored.model for stored in here}):
        table.add_row(name, "-", f"lift model fetch {name}")
    out.print(table)
