"""`lift load capacity`: the highest rate at which a running service meets its objective."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, err, fail, out, plain, progress_bars
from deployments.cli.generate import ApiKey
from deployments.cli.load import options as given
from deployments.cli.load.run import LATE, Target
from deployments.cli.load.written import Asides, write
from loadtest.capacity import Point, Probe, Search, against, capacity_interval
from loadtest.quantiles import quantiles
from loadtest.rows import PASSED, Row
from loadtest.slo import Slo
from schemas.figure import Figure, circumstances, index, write_result

_TRIES = 2
"""Of a probe in which the load generator was late."""


def capacity(
    url: given.Url = "http://127.0.0.1:8000",
    slo: given.Slo = "total=40",
    attain: given.Attain = 0.99,
    rate: Annotated[float, typer.Option(help="Requests a second to begin with.", min=0.001)] = 1.0,
    seconds: Annotated[float, typer.Option(help="Of each probe.", min=1)] = 30.0,
    seeds: Annotated[int, typer.Option(help="Probes of each rate.", min=1, max=100)] = 3,
    precision: Annotated[float, typer.Option(help="Share by which the rate is known in the end.", min=0.001)] = 0.1,
    probes: Annotated[int, typer.Option(help="Rates to try at most.", min=1, max=100)] = 12,
    beyond: Annotated[str, typer.Option(help="Multiples of the capacity to try too.")] = "1.5,3",
    arrivals: given.Arrivals = "poisson",
    timeout_s: given.TimeoutS = 120.0,
    lag_ms: given.LagMs = 5.0,
    context_words: given.ContextWords = 0,
    shared: given.Shared = 0.0,
    chat: given.Chat = "",
    workers: given.Workers = 1,
    insecure: given.Insecure = False,
    api_key: ApiKey = None,
    against_file: Annotated[
        Path | None, typer.Option("--against", help="An earlier result: exit with 1 if this one is worse.")
    ] = None,
    html: given.Html = None,
    prometheus: given.PrometheusUrl = None,
    marks: given.Marks = None,
    record: given.Record = None,
    figure: Annotated[str, typer.Option(help="The id that the goodput gets in the index, with --record.")] = "",
) -> None:
    """Bisect on the rate, with several seeds each, and go on past what was found.

    Exits with 1 where no rate meets the objective or the result is worse than the one it is compared with, with 2 where
    the service cannot be asked, and with 3 where the load generator was late again and again.
    """
    asked: dict[str, Any] = {"seconds": seconds, "arrivals": arrivals, "slo": slo, "timeout_s": timeout_s}
    asked |= {"context_words": context_words, "shared": shared, "chat": chat, "lag_ms": lag_ms}
    goal, times, before = _slo(slo), _times(beyond), _stored(against_file)
    target, asides = Target(url.rstrip("/"), api_key, insecure, workers), Asides.read(prometheus, marks)
    target.require_listening()
    with progress_bars() as bars:
        prober = Prober(target, asked, goal, seeds, bars)
        found = prober.search(Search(rate, precision, probes), attain)
        if found:
            for more in times:
                prober.measure(found * more)
    told = prober.summary(found, attain, precision, slo)
    out.print(_table(told))
    options = {"attain": attain, "rate": rate, "seeds": seeds, "precision": precision, "probes": probes}
    command = command_line(
        "lift load capacity", url=url, **asked, **options, beyond=beyond, workers=workers, record=record, figure=figure
    )
    if record:
        _record(record, told, prober.rows, command, figure)
    if html:
        write(html, told, prober.rows, command, asides)
    raise typer.Exit(_exit_code(told, before))


@dataclass
class Prober:
    """Asks at one rate after another, and keeps what each came to."""

    target: Target
    asked: Mapping[str, Any]
    slo: Slo
    seeds: int
    bars: Progress
    points: list[Point] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    begun_at: float = 0.0
    """Of the last probe at the highest rate."""

    def search(self, search: Search, attain: float) -> float | None:
        return search.highest(lambda rate: self.measure(rate).attainment.value >= attain)

    def measure(self, rate: float) -> Point:
        bar = self.bars.add_task(f"{rate:.3g} requests a second", total=self.seeds)
        probes = []
        for seed in range(1, self.seeds + 1):
            probes.append(self._probe(rate, seed))
            self.bars.advance(bar)
        point = Point(rate, tuple(probes), self.slo)
        self.points.append(point)
        attained = f"{point.attainment.value:.1%} in time"
        self.bars.update(bar, description=f"{rate:.3g} requests a second: {attained}")
        return point

    def _probe(self, rate: float, seed: int) -> Probe:
        """The last of the tries, if in each of them the load generator was late."""
        for _ in range(_TRIES):
            ran = self.target.run({**self.asked, "rate": rate, "seed": seed})
            rows = tuple(Row.model_validate(row) for row in ran.rows)
            faults = ran.told["self_check"]["faults"]
            probe = Probe(ran.told["requests"], ran.told["run_s"], rows, is_late=bool(faults))
            if not probe.is_late:
                break
        if rate >= max((point.rate for point in self.points), default=0.0):
            self.begun_at = ran.told["begun_at"]
        self.rows += [{"rate": rate, "seed": seed, **row} for row in ran.rows]
        self.notes += [f"at {rate:.3g} a second: {note}" for note in ran.told["notes"]]
        return probe

    def summary(self, found: float | None, attain: float, precision: float, slo: str) -> dict[str, Any]:
        at = next((point for point in self.points if point.rate == found), None)
        around = capacity_interval(self.points, attain)
        return {
            "capacity_per_s": found,
            "capacity_interval": around and around.told(),
            "goodput_per_s": at and at.goodput.told(),
            "goodput_verdicts": list(PASSED),
            "slo": slo,
            "attain": attain,
            "precision": precision,
            "points": [_told(point) for point in self.points],
            "notes": list(dict.fromkeys(self.notes)),
            "begun_at": self.begun_at,
        }


def _told(point: Point) -> dict[str, Any]:
    statuses = [str(row.status) for row in point.rows]
    return {
        "rate": round(point.rate, 4),
        "requests": sum(probe.due for probe in point.probes),
        "attainment": point.attainment.told(),
        "goodput_per_s": point.goodput.told(),
        "total_s": quantiles([row.latency_s for row in point.rows if row.answered]),
        "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
        "late": point.is_late,
    }


def _slo(text: str) -> Slo:
    try:
        return Slo.parse(text)
    except ValueError as error:
        fail(f"--slo: {error}")


def _times(beyond: str) -> list[float]:
    try:
        times = [float(word) for word in beyond.split(",") if word]
    except ValueError:
        times = [0.0]
    if not all(1 < more <= 100 for more in times):
        fail(f"--beyond {beyond!r}: numbers above 1 with commas between them are wanted, such as 1.5,3")
    return times


def _stored(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["summary"]
        if "points" not in summary:
            raise KeyError("points")
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"--against {path}: no result of `lift load capacity` ({type(error).__name__}: {error})")
    return summary


def _record(record: str, told: dict[str, Any], rows: list[dict[str, Any]], command: str, figure: str) -> None:
    write_result(record, told, rows, command)
    if figure and told["goodput_per_s"] and not any(point["late"] for point in told["points"]):
        value, where = told["goodput_per_s"]["value"], {"command": command, "data": f"{record}.json"}
        unit = f"1/s that {'/'.join(PASSED)} within {told['slo']}"
        index([Figure(id=figure, value=value, unit=unit, goal="-", **where, **circumstances())])


def _exit_code(told: dict[str, Any], before: dict[str, Any] | None) -> int:
    for note in told["notes"]:
        err.print(plain(note, "bold"), soft_wrap=True)
    if any(point["late"] for point in told["points"]):
        err.print(plain("the load generator was late: lower the rate, or add --workers", "bold"))
        return LATE
    word = ""
    if before:
        try:
            verdict = against(told, before)
        except ValueError as error:
            fail(str(error))
        out.print(plain(verdict.why))
        word = verdict.word
    return REJECTED if told["capacity_per_s"] is None or word == "worse" else 0


def _table(told: dict[str, Any]) -> Table:
    found, good = told["capacity_per_s"], told["goodput_per_s"]
    title = "no rate that was tried meets the objective"
    if found:
        title = f"{good['value']:.3g} good answers a second at {found:.3g} ({good['low']:.3g} to {good['high']:.3g})"
    table = Table("offered, 1/s", "requests", "in time", "good, 1/s", "p50, s", "p99, s", title=title)
    for point in sorted(told["points"], key=lambda one: float(one["rate"])):
        times, share = [point["total_s"][name] for name in ("p50", "p99")], point["attainment"]
        table.add_row(
            f"{point['rate']:.3g}" + (" (sent late)" if point["late"] else ""),
            str(point["requests"]),
            f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})",
            f"{point['goodput_per_s']['value']:.3g}",
            *("-" if value is None else f"{value:.3g}" for value in times),
        )
    return table
