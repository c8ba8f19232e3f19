"""`lift bench fit`: what `lift fit` computes against what engines said that they hold."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import fail, out
from deployments.settings import EngineSettings
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.fit.gpus import Gpu

_GIB = 2**30


def fit(
    model: Annotated[str, typer.Argument(help="The model of the starts: a folder, or a hub's id.")],
    starts: Annotated[list[Path], typer.Argument(help="What `lift bench start` recorded of it.")],
    gpu: Annotated[str, typer.Option(help="On which GPU, by its name in cluster/gpus.yaml.")],
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figure.")] = None,
) -> None:
    """Compare weights and KV cache with the memory that recorded engines had. The figure is the largest error."""
    from deployments.fit.errors import FitProblem
    from deployments.fit.gpus import named

    try:
        rows = [_row(model, start, named(gpu)) for start in starts]
    except FitProblem as problem:
        fail(str(problem))
    except (OSError, ValueError, KeyError) as wrong:
        fail(f"not what `lift bench start` records: {wrong!r}")
    error = max(row[f"{part}_error"] for row in rows for part in ("weights", "tokens"))
    summary = {"error": error, "starts": len(rows)}
    out.print(summary)
    if record:
        command = command_line("lift bench fit", Path(model).name, *starts, gpu=gpu, record=record)
        write_result(record, summary, rows, command)
        where = {"command": command, "data": f"{record}.json", **circumstances()}
        index([Figure(id="fit.error", value=error, unit="share", goal="<= 0.05", **where)])


def _row(model: str, start: Path, gpu: "Gpu") -> dict[str, Any]:
    from deployments.fit.fit import MEMORY_FRACTION, Plan
    from deployments.fit.fit import fit as decide
    from deployments.fit.precision import precision_of
    from deployments.fit.shapes import read, shape_of
    from deployments.models.weights import config_file

    found = json.loads(start.read_text(encoding="utf-8"))
    engine = EngineSettings.model_validate(found["engine"])
    config = read(config_file(model))
    plan = Plan(
        gpu,
        engine.tensor_parallel,
        precision_of(config, engine.quantization),
        engine.context_tokens,
        memory_fraction=engine.memory_fraction or MEMORY_FRACTION,
    )
    said, memory = decide(shape_of(config), plan), found["summary"]["memory"]
    weights_gib = said.weights_bytes / _GIB
    return {
        "start": start.name,
        "machine": found["machine"],
        "weights_gib": round(weights_gib, 3),
        "weights_measured_gib": memory["weights"],
        "weights_error": round(abs(weights_gib / memory["weights"] - 1), 4),
        "tokens": said.cache_tokens,
        "tokens_measured": memory["tokens"],
        "tokens_error": round(abs(said.cache_tokens / memory["tokens"] - 1), 4),
    }
