"""`lift bench grammar`: grammar engines side by side."""

from importlib.metadata import version
from typing import Annotated

import typer

from deployments.cli.console import out, progress_bars
from deployments.cli.grammar import TEST_MODEL, folder_of, grammars_in
from schemas.figure import Figure, circumstances, index, write_result


def grammar(
    model: Annotated[str, typer.Option(help="Whose tokenizer.")] = TEST_MODEL,
    every: Annotated[int, typer.Option(help="Take one of so many schemas.", min=1)] = 1,
    outlines_every: Annotated[int, typer.Option(help="The same for outlines-core, which is slow.", min=1)] = 8,
    limit: Annotated[float, typer.Option(help="Seconds for one schema and engine.", min=1)] = 10,
    ours_limit: Annotated[float, typer.Option(help="The same for one grammar of ours.", min=1)] = 180.0,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Compare XGrammar, llguidance and outlines-core on our grammars and 324 JSON Schemas, on this machine's CPU."""
    from lift_sys.proof import comparison, pinning
    from lift_sys.proof.vocabulary import load

    folder = folder_of(model)
    ours, schemas = comparison.ours(grammars_in(None)), comparison.schemas()
    work = [
        (engine, [*ours, *schemas[:: outlines_every if engine == "outlines-core" else every]])
        for engine in comparison.ENGINES
    ]
    rows = []
    with progress_bars() as progress:
        for engine, subjects in work:
            bar = progress.add_task(engine, total=len(subjects))
            for row in comparison.compare(engine, subjects, folder, limit_s=limit, ours_limit_s=ours_limit):
                progress.advance(bar)
                rows.append(row)
    summary = comparison.summarise(rows)
    summary["pinning"] = pinning.measure(load(folder), 200).model_dump()
    out.print(summary)
    if record:
        command = (
            f"lift bench grammar --every {every} --outlines-every {outlines_every} --limit {limit:g} "
            f"--ours-limit {ours_limit:g} --record {record}"
        )
        versions = {name: version(name) for name in ("xgrammar", "llguidance", "outlines-core")}
        raw = [{**row.model_dump(exclude={"mask_us"}), **row.quantiles()} for row in rows]
        write_result(record, summary, raw, command, tokenizer=model, versions=versions)
        held = summary["ours"]["xgrammar"]
        where = {"command": command, "data": f"{record}.json", **circumstances()}
        index([
            Figure(id="grammar.compile_s", value=held["slowest_compile_s"], unit="s", goal="<= 0.4", **where),
            Figure(id="grammar.mask_us_p50", value=held["mask_us_p50"], unit="us", goal="<= 5", **where),
        ])  # fmt: skip
