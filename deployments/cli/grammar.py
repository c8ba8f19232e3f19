"""`lift grammar`: what holds the models, how long an answer can get, and the proof that it does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from deployments.cli.console import err, fail, out, plain, progress_bars
from deployments.grammars import grammars_of, require_all_fit
from deployments.models.errors import WeightsMissing
from deployments.settings import CodeSettings, Settings
from lift_sys.grammar.bound import STOP_TOKENS, BoundExceeded, by_field, worst_case
from lift_sys.grammar.code_frame import planned_code_grammar
from lift_sys.grammar.spelling import EBNF, LARK, spell
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from lift_sys.grammar.tree import Grammar
    from lift_sys.proof.backends import BackendName
    from lift_sys.proof.proof import Tally

grammar = typer.Typer(help="Show, bound and prove the grammars that hold the models.", no_args_is_help=True)

TEST_MODEL = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
_PLAN_TOKENS = 64
Config = Annotated[Path | None, typer.Option(help="A Serve config file. Default: every setting's default.")]
Backend = Annotated[str, typer.Option(help="`xgrammar` or `llguidance`.")]
Model = Annotated[str, typer.Option(help="Whose tokenizer.")]


@grammar.command()
def show(
    name: Annotated[str, typer.Argument(help="`ir`, `code` or `planned_code`.")],
    config: Config = None,
    backend: Backend = "xgrammar",
) -> None:
    """Print a grammar as its engine reads it: EBNF for XGrammar, Lark for llguidance."""
    known = {one.name: one for one in grammars_in(config)}
    if name not in known:
        fail(f"no grammar {name!r}; there are {', '.join(known)}")
    typer.echo(spell(known[name].root, LARK if _backend(backend) == "llguidance" else EBNF), nl=False)


@grammar.command()
def bound(config: Config = None, model: Model = TEST_MODEL) -> None:
    """Say how many tokens the longest answer takes, and which fields take them. Exit code 1: it does not fit."""
    from lift_sys.proof.vocabulary import load

    folder, settings = folder_of(model), _settings(config)
    vocabulary = load(folder)
    for one in grammars_in(config):
        most = worst_case(one.root, vocabulary.most_tokens) + STOP_TOKENS
        out.print(plain(f"{one.name}: {most} tokens at most; max_tokens is {one.max_tokens}"))
        table = Table("field", "tokens", box=None)
        for field, tokens in sorted(by_field(one.root, vocabulary.most_tokens), key=lambda row: -row[1]):
            table.add_row(plain(field), str(tokens))
        out.print(table)
    try:
        require_all_fit(grammars_in(config), folder, settings.engine.context_tokens)
    except BoundExceeded as error:
        fail(str(error), 1)


@grammar.command()
def prove(
    runs: Annotated[int, typer.Option(help="Of each grammar and writer.", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="The same seed writes the same texts.")] = 0,
    backend: Backend = "xgrammar",
    model: Model = TEST_MODEL,
    config: Config = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index the figure.")] = None,
) -> None:
    """Let adversaries write by the grammars, and check what they write; exit code 1 if anything is invalid.

    Five adversaries choose among the admitted tokens of a real vocabulary what is most likely to break a grammar, and
    Hypothesis makes texts that must all be admitted.
    """
    from lift_sys.proof import campaign

    work = campaign.jobs(folder_of(model), _backend(backend), grammars_in(config), runs, seed)
    tallies = []
    with progress_bars() as progress:
        bar = progress.add_task("texts", total=sum(job.runs for job in work))
        for tally in campaign.run(work):
            progress.advance(bar, tally.runs)
            tallies.append(tally)
    rows = campaign.total(tallies)
    out.print(_table(rows))
    failed = sum(sum(row.failures.values()) for row in rows)
    if record:
        _record(record, rows, failed, f"lift grammar prove --runs {runs} --seed {seed} --record {record}", model)
    if failed:
        for row in rows:
            for text in row.samples:
                err.print(plain(f"{row.grammar} by {row.writer}: {text[:2_000]}"))
        fail(f"{failed} texts are invalid", 1)


def _table(rows: "list[Tally]") -> Table:
    table = Table("grammar", "writer", "texts", "tokens", "longest", "bound", "invalid", box=None)
    for row in rows:
        invalid = ", ".join(f"{count} {why}" for why, count in row.failures.items()) or "0"
        table.add_row(*map(str, (row.grammar, row.writer, row.runs, row.tokens, row.longest, row.bound, invalid)))
    return table


def _record(name: str, rows: "list[Tally]", failed: int, command: str, model: str) -> None:
    texts = sum(row.runs for row in rows)
    summary = {"texts": texts, "tokens": sum(row.tokens for row in rows), "invalid": failed}
    write_result(name, summary, [row.model_dump() for row in rows], command, tokenizer=model)
    figure = Figure(
        id="grammar.invalid_cpu", value=failed, unit=f"of {texts} texts", goal="0",
        command=command, data=f"{name}.json", **circumstances(),
    )  # fmt: skip
    index([figure])


def grammars_in(config: Path | None) -> "tuple[Grammar, ...]":
    """Those of a config; without one those of the defaults, and the frame with a plan too."""
    if config is not None:
        return grammars_of(_settings(config))
    most = CodeSettings().max_tokens
    return (*grammars_of(Settings()), planned_code_grammar(most, _PLAN_TOKENS))


def _settings(config: Path | None) -> Settings:
    from deployments.serve_config import ConfigInvalid, load

    if config is None:
        return Settings()
    try:
        return load(config).settings
    except ConfigInvalid as error:
        fail(str(error))


def folder_of(model: str) -> Path:
    from deployments.models.weights import locate

    try:
        return locate(model)
    except WeightsMissing as error:
        fail(str(error))


def _backend(name: str) -> "BackendName":
    match name:
        case "xgrammar" | "llguidance":
            return name
    fail(f"no backend {name!r}; there are xgrammar and llguidance")
