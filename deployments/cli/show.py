"""Answers as a person reads them."""

from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Column, Table
from rich.text import Text

from deployments.cli.console import out, plain, seen
from lift_sys.signatures import header
from schemas import IR, LiftResponse, Question, Verdict

COLOURS = {"verified": "green", "likely": "cyan", "unverified": "yellow", "rejected": "red"}
_MARKS = {"passed": Text("✓", "green"), "failed": Text("✗", "red"), "skipped": Text("-", "dim")}


def show_response(answer: LiftResponse) -> None:
    show_ir(answer.ir)
    out.print(
        Panel(Syntax(seen(answer.code.source), "python"), title=f"code, chosen from {answer.variations}", expand=False)
    )
    show_verdict(answer.verdict)
    for question in answer.questions:
        show_question(question, out)
    _show_costs(answer)


def show_question(question: Question, console: Console) -> None:
    lines = [f"? {question.question}"]
    for number, option in enumerate(question.options, 1):
        lines.append(f"  {number}  {option}{' (assumed)' if option == question.assumed else ''}")
    console.print(plain("\n".join(lines), "yellow"))


def show_ir(ir: IR) -> None:
    lines = [ir.intent.summary, ir.intent.rationale, "", header(ir.signature)]
    lines += [
        f"  ({e.arguments}) {'→' if e.expect == 'returns' else 'raises'} {e.value}   [{e.origin}]" for e in ir.examples
    ]
    lines += [f"  {a.kind} {a.expr}   [{a.origin}]" for a in ir.assertions]
    lines += [f"  open: {h.question} assumed {h.assumed!r} of {', '.join(h.options)}" for h in ir.holes]
    out.print(Panel(plain("\n".join(lines)), title="IR", expand=False))


def show_verdict(verdict: Verdict) -> None:
    colour = COLOURS[verdict.level]
    out.print(Text.assemble((verdict.level.upper(), f"bold {colour}"), plain(f"  {verdict.reason}")))
    table = Table("", "clause", "origin", Column("detail", overflow="fold"), box=None, pad_edge=False)
    for evidence in verdict.evidence:
        table.add_row(_MARKS[evidence.outcome], plain(evidence.clause), evidence.origin, plain(evidence.detail))
    out.print(table)
    out.print(f"[dim]sandbox: {verdict.sandbox or 'not run'}[/]")


def _show_costs(answer: LiftResponse) -> None:
    table = Table("stage", "seconds", "attempts", "prompt tokens", "of them cached", "tokens written", box=None)
    for stage in answer.stages:
        cells = (stage.attempts, stage.prompt_tokens, stage.cached_tokens, stage.completion_tokens)
        table.add_row(stage.stage, f"{stage.seconds:.2f}", *map(str, cells))
    out.print(table)
    out.print(plain(f"{answer.seconds:.1f} s with {answer.model}, request {answer.request_id}", "dim"))
