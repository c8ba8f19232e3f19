"""`lift calibrate`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli import calibrate
from deployments.cli.main import app
from lift_sys.evaluation.rows import Row
from lift_sys.validation.levels import THRESHOLDS

ROWS = [
    Row(
        task=f"T/{i}", arm="service", seed=0, level="likely", base=True, plus=i % 10 > 0 or i >= 50,
        agreement=0.25 if i < 50 else 0.75, grounds="confirmed",
    )
    for i in range(100)
]  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{row.model_dump_json()}\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's own."""
    path = tmp_path / "thresholds.json"
    path.write_text(THRESHOLDS.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(calibrate, "THRESHOLDS", path)
    return path


def test_a_fit_is_shown_and_nothing_written(rows: Path, thresholds: Path) -> None:
    before = thresholds.read_bytes()
    shown = CliRunner().invoke(app, ["calibrate", str(rows), "--precision", "0.97"])
    assert shown.exit_code == 0, shown.output
    assert "'threshold': 0.75" in shown.output
    assert thresholds.read_bytes() == before


def test_a_fit_is_written_with_where_it_comes_from(rows: Path, thresholds: Path) -> None:
    assert CliRunner().invoke(app, ["calibrate", str(rows), "--precision", "0.9", "--write"]).exit_code == 0
    written = json.loads(thresholds.read_text(encoding="utf-8"))
    assert written["verified"] == 0.25
    assert "of 100 answers (rows.jsonl)" in written["provenance"]


def test_without_rows_of_a_service_there_is_nothing_to_fit(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("", encoding="utf-8")
    shown = CliRunner().invoke(app, ["calibrate", str(tmp_path / "none.jsonl"), "--precision", "0.9"])
    assert shown.exit_code == 2
    assert "lift eval --out" in shown.output
