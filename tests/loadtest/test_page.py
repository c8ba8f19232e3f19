"""The page of a load test: whole in itself, and every series drawn."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from loadtest.capacity import Point, Probe
from loadtest.page import Beside, page
from loadtest.report import summary
from loadtest.rows import Row
from loadtest.slo import Slo
from loadtest.watched import Mark, marks

SLO = Slo(total=2)
WHERE = {"command": "lift load --slo 'a<b>'", "date": "2026-01-01", "commit": "abc", "machine": "two cores"}
LINES = {"replicas": {"Engine": [(0.0, 1.0), (5.0, 2.0)]}, "queue": {"Engine": [(0.0, 0.0), (5.0, 9.0)]}}
LOADS = ("src", "href", "action", "data", "srcset")


class Loads(HTMLParser):
    """What a browser would fetch, and every id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name.rpartition(":")[2] in LOADS and not (value or "").startswith("#"):
                self.fetched.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(value or "")


def rows(late: float = 1.0) -> list[Row]:
    kinds: list[dict[str, Any]] = [
        {"verdict": "verified", "status": 200, "first_output_s": 0.3, "stages": {"ir": 0.3, "code": 0.4}},
        {"verdict": "rejected", "status": 200, "first_output_s": 0.4, "stages": {"ir": 0.3, "code": 0.9}},
        {"status": 503, "error": "503: <script>alert(1)</script>"},
    ]
    return [
        Row.model_validate({"number": n, "due_s": n / 10, "lag_s": 0, "latency_s": late + n / 100, **kinds[n % 3]})
        for n in range(60)
    ]


def one_run() -> dict[str, Any]:
    told = summary(rows(), due=60, seconds=6, slo=SLO)
    return {**WHERE, "summary": {**told, "slo": "total=2"}, "rows": [row.model_dump() for row in rows()]}


def search() -> dict[str, Any]:
    points = {rate: Point(rate, (Probe(60, 6, tuple(rows(late))),), SLO) for rate, late in ((5.0, 1.0), (10.0, 1.8))}
    told = [
        {
            "rate": rate, "requests": 60, "late": rate > 5, "statuses": {"200": 40, "503": 20},
            "attainment": point.attainment.told(), "goodput_per_s": point.goodput.told(),
            "total_s": {"p50": 1.0, "p99": None},
        }
        for rate, point in points.items()
    ]  # fmt: skip
    known = {"capacity_per_s": 5.0, "capacity_interval": None, "goodput_per_s": told[0]["goodput_per_s"]}
    known |= {"slo": "total=2", "attain": 0.6, "precision": 0.1, "goodput_verdicts": ["verified"], "notes": ["a note"]}
    kept = [{"rate": rate, "seed": 1, **row.model_dump()} for rate, one in points.items() for row in one.rows]
    return {**WHERE, "summary": {**known, "points": told}, "rows": kept}


SERIES = {
    "one run": [
        *("latency-series-whole answer", "latency-series-first output", "latency-series-ir", "latency-limit-total"),
        *("stages-series-code", "stages-series-between"),
        *("timeline-series-passed", "timeline-series-answered, not passed", "timeline-series-no answer"),
        *("timeline-latency-passed", "timeline-latency-no answer"),
    ],
    "search": ["goodput-series-goodput_per_s", "goodput-series-attainment", "latency-series-5 a second"],
}


@pytest.mark.parametrize("kind", SERIES)
def test_a_page_fetches_nothing_and_draws_every_series(kind: str) -> None:
    beside = Beside(LINES, [Mark(t=3, what="killed <b>Engine</b>")])
    text = page(one_run() if kind == "one run" else search(), beside)
    found = Loads(text)
    assert not found.fetched
    assert not {"script", "link", "iframe", "img", "image", "b"} & found.tags, "nor is anybody's word markup"
    assert not re.search(r"url\((?!#)|@import", text)
    for name in [*SERIES[kind], "timeline-series-replicas-Engine", "timeline-series-queue-Engine"]:
        assert name in found.ids
    assert "killed &lt;b&gt;Engine" in text
    assert not re.search(r"#0[123]0[0-9a-f]{3}\b", text), "every colour is the page's own, in the dark too"


def test_a_run_without_an_answer_is_drawn_and_says_why() -> None:
    lost = [Row(number=0, due_s=0, lag_s=0, latency_s=1, status=0, error="ConnectError: gone")]
    told = {**summary(lost, due=3, seconds=1, slo=SLO), "slo": ""}
    text = page({**WHERE, "summary": told, "rows": [row.model_dump() for row in lost]}, Beside({}, [], "no Prometheus"))
    for said in ("ConnectError: gone", "not one request was answered", "The run does not count", "no Prometheus"):
        assert said in text


def test_marks_are_read_and_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "marks"
    path.write_text(json.dumps({"t": 5, "what": "kill"}) + "\n\n", encoding="utf-8")
    assert marks(path) == [Mark(t=5, what="kill")]
    path.write_text('{"t": 5, "what": "kill"}\n{"t": "x"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        marks(path)
