"""The index of all figures."""

import json
from pathlib import Path

import pytest

from schemas.figure import SUMMARY, Figure, index, indexed, page

PUBLISHED = Path(__file__).parents[2] / SUMMARY


def figure(name: str, value: float) -> Figure:
    return Figure(
        id=name, value=value, unit="s", goal="≤ 1", command="make x", data="x.json", commit="c", date="d", machine="m"
    )


def test_a_new_figure_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    index([figure("b", 1), figure("a", 1)], path)
    index([figure("b", 2)], path)
    assert [(f["id"], f["value"]) for f in json.loads(path.read_text(encoding="utf-8"))] == [("a", 1), ("b", 2)]


def test_the_page_tells_every_figure_below_its_command(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    index([figure("a", 0.5), figure("b", 12_345.678)], path)
    text = path.with_name("figures.md").read_text(encoding="utf-8")
    assert text.index("[x.json](x.json)") < text.index("`make x`") < text.index("| `a` | 0.5 | s | ≤ 1 |")
    assert "| `b` | 12345.678 | s | ≤ 1 |" in text
    assert text.count("`make x`") == 1


def test_the_published_page_is_that_of_the_index() -> None:
    """`python -m schemas.figure` writes it."""
    assert PUBLISHED.with_name("figures.md").read_text(encoding="utf-8") == page(indexed(PUBLISHED))


@pytest.mark.parametrize("figure", indexed(PUBLISHED), ids=lambda figure: figure.id)
def test_every_published_figure_has_its_data(figure: Figure) -> None:
    data = json.loads((PUBLISHED.parent / figure.data).read_text(encoding="utf-8"))
    assert data["command"] == figure.command
    assert data["rows"]
