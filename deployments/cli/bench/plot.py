"""`lift bench plot`: pictures of what was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import fail, out


def plot(
    results: Annotated[list[Path], typer.Argument(help="Files that `--record` wrote, as docs/results/gpu/graph.json.")],
) -> None:
    """Draw a PNG beside each file."""
    from deployments.bench.plots import NotDrawn, draw

    for path in results:
        try:
            out.print(str(draw(path)))
        except (NotDrawn, OSError, ValueError, KeyError) as error:
            fail(f"{path}: {error}")
