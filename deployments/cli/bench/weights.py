"""`lift bench weights`: random weights in a model's true size, to measure how long they take to load."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import fail, out, progress_bars


def weights(
    model: Annotated[
        Path, typer.Argument(help="A folder with the config.json of a Qwen3-MoE model, and its tokenizer.")
    ],
    to: Annotated[Path, typer.Argument(help="The folder to write.")],
) -> None:
    """Write a checkpoint of noise: the names, shapes and size of the real one, without its worth."""
    from deployments.bench.weights import write

    try:
        with progress_bars() as progress:
            bar = progress.add_task("shards", total=None)
            size = write(model, to, lambda: progress.advance(bar))
    except (OSError, KeyError) as error:
        fail(f"{model}: {error!r}; a folder with the config.json of a Qwen3-MoE model is wanted")
    out.print(f"{size / 1e9:.1f} GB in {to}")
