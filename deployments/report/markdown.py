"""The report to read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployments.report.criteria import Tick


def markdown(report: Mapping[str, Any], ticks: Sequence[Tick]) -> str:
    return "\n".join(_lines(report, ticks)) + "\n"


def _lines(report: Mapping[str, Any], ticks: Sequence[Tick]) -> Iterator[str]:
    found = report["findings"]
    yield f"# {report['url']}: {'all criteria met' if all(t.met for t in ticks) else 'not all criteria met'}"
    yield ""
    yield f"{report['date']}, lift-sys API {report['api_version'] or 'unknown'}, models: {_names(found['models'])},"
    yield f"sandboxes: {_names(found['sandboxes'])}. The service does not tell its engine's version."
    if found["broke_off"]:
        yield from ("", f"**Broke off** after {found['asked']} of {found['requests']}: {_line(found['broke_off'])}")
    yield from ("", "| criterion | wanted | measured | |", "|---|---|---|---|")
    yield from (f"| {t.criterion} | {t.wanted} | {_number(t.measured)} | {'✓' if t.met else '✗'} |" for t in ticks)
    yield from ("", "| seconds, warm | p50 | p90 | p99 | max |", "|---|---|---|---|---|")
    for name, quantiles in found["latency_s"].items():
        yield f"| {name} | {' | '.join(map(_number, quantiles.values()))} |"
    yield from _rest(found)


def _rest(found: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if cold := found.get("cold"):
        told = cold["said"] or f"first answer after {_number(cold['first_answer_s'])} s"
        ready = "" if cold["ready_s"] is None else f"ready after {cold['ready_s']:g} s, "
        yield f"* Cold start, provoked by {_line(cold['how'])}: {ready}{_line(told)}."
    yield f"* Verdicts: {', '.join(f'{level} {n}' for level, n in found['verdicts'].items()) or 'none'}."
    yield f"* Tokens: {', '.join(f'{name} {n}' for name, n in found['tokens'].items())}."
    if "usd" in found:
        yield f"* Cost: ${found['usd']:g}; ${_number(found['usd_per_verified'])} for a verified answer."
    for said in found["invalid"]:
        yield f"* Not valid: {_line(said)}"
    for said, times in found["problems"].items():
        yield f"* {times} times: {_line(said)}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_line, names)) or "unknown"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _line(words: str) -> str:
    """Others' words, on one line and without what Markdown would take for markup."""
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;")
