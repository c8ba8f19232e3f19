"""`lift bench api`: requests of every shape to the whole API, and how many it failed at."""

from typing import Annotated

import typer
from rich.table import Table

from deployments.bench.openapi import Outcome, fuzz
from deployments.cli.console import REJECTED, fail, out
from schemas.figure import Figure, circumstances, index, write_result


def api(
    examples: Annotated[int, typer.Option(help="Requests of each operation and phase at most.", min=1)] = 200,
    begin: Annotated[int, typer.Option(help="The first seed. The same seeds make the same requests.")] = 0,
    rounds: Annotated[int, typer.Option(help="Seeds.", min=1)] = 1,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json.")] = None,
) -> None:
    """Ask the API, with a scripted service behind it, what its own description makes schemathesis think of.

    Exit code 1: an answer that the description does not say, or an error of the server.
    """
    outcomes = {seed: fuzz(examples, seed) for seed in range(begin, begin + rounds)}
    failures = [failure for outcome in outcomes.values() for failure in outcome.failures]
    unexpected = sum(outcome.unexpected_5xx for outcome in outcomes.values())
    _show(outcomes)
    if record:
        command = f"lift bench api --examples {examples} --begin {begin} --rounds {rounds} --record {record}"
        requests = sum(outcome.requests for outcome in outcomes.values())
        summary = {"requests": requests, "unexpected_5xx": unexpected, "failures": failures}
        write_result(
            record, summary, [row for seed, outcome in outcomes.items() for row in _rows(seed, outcome)], command
        )
        figure = Figure(
            id="api.unexpected_5xx", value=unexpected, unit=f"of {requests} requests", goal="0", command=command,
            data=f"{record}.json", **circumstances(),
        )  # fmt: skip
        index([figure])
    if failures or unexpected:
        fail("\n".join([f"{unexpected} errors of the server", *failures]), REJECTED)


def _rows(seed: int, outcome: Outcome) -> list[dict[str, object]]:
    return [
        {"seed": seed, "operation": operation, "answers": {str(status): counter[status] for status in sorted(counter)}}
        for operation, counter in outcome.statuses.items()
    ]


def _show(outcomes: dict[int, Outcome]) -> None:
    table = Table("seed", "operation", "answers by status", box=None)
    for seed, outcome in outcomes.items():
        for operation, counter in outcome.statuses.items():
            told = ", ".join(f"{counter[status]} of {status}" for status in sorted(counter))
            table.add_row(str(seed), operation, told)
    out.print(table)
