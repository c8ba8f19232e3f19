"""`lift grammar` and `lift bench grammar`, with the vocabulary of a real model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LIFT = str(Path(sys.executable).with_name("lift"))
WRITERS = ("random", "shortest", "longest", "escapes", "edges", "instances")


def lift(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LIFT, *arguments], capture_output=True, text=True, timeout=580, check=False, cwd=folder)


def test_no_adversary_breaks_a_grammar(tmp_path: Path) -> None:
    """20 texts of each grammar and writer, as the README has it: all hold, and nothing is cut or warned of."""
    (tmp_path / "docs" / "results").mkdir(parents=True)
    shown = lift("grammar", "prove", "--runs", "20", "--record", "proof", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "Warning" not in shown.stderr
    found = json.loads((tmp_path / "docs" / "results" / "proof.json").read_text(encoding="utf-8"))
    assert found["summary"]["invalid"] == 0
    assert {(row["grammar"], row["writer"]) for row in found["rows"]} == {
        (grammar, writer) for grammar in ("ir", "code", "planned_code") for writer in WRITERS
    }
    assert all(row["runs"] == 20 and row["longest"] <= row["bound"] for row in found["rows"])
    [figure] = json.loads((tmp_path / "docs" / "results" / "summary.json").read_text(encoding="utf-8"))
    assert (figure["id"], figure["value"]) == ("grammar.invalid_cpu", 0)


def test_the_other_backend_passes_the_same_proof() -> None:
    shown = lift("grammar", "prove", "--runs", "2", "--backend", "llguidance")
    assert shown.returncode == 0, shown.stderr


def test_a_limit_that_the_worst_case_exceeds_is_told_by_its_fields(tmp_path: Path) -> None:
    local = (Path(__file__).parents[3] / "cluster" / "serve.local.yaml").read_text(encoding="utf-8")
    config = tmp_path / "serve.yaml"
    changed = local.replace("Qwen2.5-Coder-1.5B", "Qwen2.5-Coder-0.5B").replace("max_tokens: 3500", "max_tokens: 900")
    config.write_text(changed, encoding="utf-8")
    shown = lift("grammar", "bound", "--config", str(config))
    assert shown.returncode == 1
    assert "ir.max_tokens is 900, and an answer can take 3500 tokens" in shown.stderr
    assert "examples[5].arguments" in shown.stderr
    refused = lift("serve", str(config))
    assert refused.returncode == 2
    assert "ir.max_tokens is 900" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("grammar", "show", "sql"), "no grammar 'sql'; there are ir, code, planned_code"),
        (("grammar", "prove", "--backend", "outlines"), "no backend 'outlines'"),
        (("grammar", "prove", "--model", "no/such"), "no/such"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(arguments: tuple[str, ...], why: str) -> None:
    shown = lift(*arguments)
    assert shown.returncode == 2
    assert why in shown.stderr


@pytest.mark.parametrize(("backend", "begins"), [("xgrammar", "root ::= IR"), ("llguidance", "%llguidance")])
def test_a_grammar_can_be_looked_at(backend: str, begins: str) -> None:
    assert lift("grammar", "show", "ir", "--backend", backend).stdout.startswith(begins)


def test_engines_are_compared_on_our_grammars_and_on_schemas(tmp_path: Path) -> None:
    """A few schemas, to see that the comparison runs; the whole of it is recorded in docs/results."""
    (tmp_path / "docs" / "results").mkdir(parents=True)
    few = ("--every", "150", "--outlines-every", "900", "--limit", "1", "--ours-limit", "4")
    shown = lift("bench", "grammar", *few, "--record", "grammar", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    found = json.loads((tmp_path / "docs" / "results" / "grammar.json").read_text(encoding="utf-8"))
    held = found["summary"]["ours"]["xgrammar"]
    assert held["held"] == held["subjects"] == 3
    assert found["summary"]["schemas"]["llguidance"]["median_compile_s"] < 0.1
    assert found["summary"]["pinning"]["kept_bytes_each"] > 0
