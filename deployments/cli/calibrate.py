"""`lift calibrate`: the verdict's threshold, fitted on the rows of evaluations."""

import json
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import fail, out
from lift_sys.evaluation.calibration import fit
from lift_sys.evaluation.rows import SERVICE
from lift_sys.validation.levels import THRESHOLDS, thresholds


def calibrate(
    rows: Annotated[list[Path], typer.Argument(help="Rows of `lift eval --out`; those of a service count.")],
    precision: Annotated[float, typer.Option(help="The share of `verified` code that has to be right.", min=0, max=1)],
    write: Annotated[bool, typer.Option(help="Put the threshold into the package, with where it comes from.")] = False,
) -> None:
    """Find from how much agreement on code is `verified`, and how often it is right on tasks that were left out."""
    from deployments.evaluation.run import read_rows

    found = [row for path in rows for row in read_rows(path) if row.arm.startswith(SERVICE)]
    if not found:
        fail(f"no row of a service in {', '.join(path.name for path in rows)}; `lift eval --out` writes them")
    fitted = fit(found, precision)
    out.print(fitted.model_dump())
    if write:
        files = ", ".join(path.name for path in rows)
        said = (
            f"verified: the lowest share of variations that behave alike at which {precision:.0%} are right, "
            f"of {len(found)} answers ({files}); on tasks left out of the fit, {fitted.folds} folds, "
            f"{fitted.held_out_precision:.1%} right, {fitted.held_out_coverage:.1%} covered. "
            "likely and settled: chosen by hand"
        )
        changed = thresholds().model_copy(update={"verified": fitted.threshold, "provenance": said})
        THRESHOLDS.write_text(json.dumps(changed.model_dump(), indent=1) + "\n", encoding="utf-8")
