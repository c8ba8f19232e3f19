"""The index of all figures."""

import json
from pathlib import Path

import pytest

from schemas.figure import RESULTS, Figure, index

SUMMARY = Path(__file__).parents[2] / RESULTS / "summary.json"


def figure(name: str, value: float) -> Figure:
    return Figure(
        id=name, value=value, unit="s", goal="≤ 1", command="make x", data="x.json", commit="c", date="d", machine="m"
    )


def test_a_new_figure_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    index([figure("b", 1), figure("a", 1)], path)
    index([figure("b", 2)], path)
    assert [(f["id"], f["value"]) for f in json.loads(path.read_text(encoding="utf-8"))] == [("a", 1), ("b", 2)]


def figures() -> list[Figure]:
    return (
        [Figure.model_validate(row) for row in json.loads(SUMMARY.read_text(encoding="utf-8"))]
        if SUMMARY.exists()
        else []
    )


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.id)
def test_every_published_figure_has_its_data(figure: Figure) -> None:
    data = json.loads((SUMMARY.parent / figure.data).read_text(encoding="utf-8"))
    assert data["command"] == figure.command
    assert data["rows"]
