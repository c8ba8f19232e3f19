"""`lift fit` as its user sees it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app

CONFIGS = Path(__file__).parents[2] / "data" / "configs"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the config.json of Qwen3-Coder-30B-A3B-Instruct, and no weights."""
    shutil.copy(CONFIGS / "qwen3-coder-30b-a3b.json", tmp_path / "config.json")
    return tmp_path


def lift_fit(model: Path | str, *options: str) -> Result:
    return CliRunner().invoke(app, ["fit", str(model), *options])


def test_what_fits_is_shown_with_its_parts(model: Path) -> None:
    shown = lift_fit(model, "--gpu", "A100-80G")
    assert shown.exit_code == 0
    for part in ("30.5 B parameters in bf16", "61.1 GB", "98,304 bytes", "memory_fraction 0.9", "fits: room for"):
        assert part in shown.stdout


def test_what_does_not_fit_names_what_is_missing_and_what_would(model: Path) -> None:
    shown = lift_fit(model, "--gpu", "a10g")
    assert shown.exit_code == 1
    assert "does not fit: needs 61.1 GB for weights, and one A10G has 24.1 GB" in shown.stdout
    for change in ("--tp 4 (4 A10G", "--quant awq --context 4096 (one A10G", "--gpu A100-80G (one A100-80G"):
        assert f"would fit: {change}, $" in shown.stdout


def test_the_readme_shows_what_is_printed(model: Path) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8").splitlines()
    printed = lift_fit(model, "--gpu", "A10G").stdout.splitlines()
    quoted = [line for line in readme if line.startswith(("does not fit: ", "would fit: "))]
    assert quoted == [line for line in printed if line.startswith(("does not fit: ", "would fit: "))]


def test_a_suggestion_can_be_followed(model: Path) -> None:
    given = {"--gpu": "A100-40G", "--quant": "fp8"}
    shown = lift_fit(model, *(word for pair in given.items() for word in pair), "--json")
    assert shown.exit_code == 1
    for other in json.loads(shown.stdout)["would_fit"]:
        words = other["change"].split()
        changed = given | dict(zip(words[::2], words[1::2], strict=True))
        assert lift_fit(model, *(word for pair in changed.items() for word in pair)).exit_code == 0


def test_json_has_the_decision_in_bytes_and_tokens(model: Path) -> None:
    data = json.loads(lift_fit(model, "--gpu", "H100", "--concurrent", "18", "--json").stdout)
    assert (data["fits"], data["parameters"], data["weights_bytes"]) == (True, 30_532_122_624, 61_064_245_248)
    assert (data["kv_bytes_per_token"], data["requests"], data["would_fit"]) == (98_304, 18, [])


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        (["--gpu", "A100-80G", "--quant", "fp8"], "A100-80G cannot compute in fp8"),
        (["--gpu", "L40S", "--quant", "fp8"], "a quantisation needs weights stored so, and these are bf16"),
    ],
)
def test_what_is_to_be_known_of_a_quantisation_is_said(model: Path, options: list[str], remark: str) -> None:
    assert f"note: {remark}" in lift_fit(model, *options).stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--gpu", "A10"], "no GPU is called 'A10'. Did you mean A10G?"),
        (["--gpu", "H100", "--tp", "3"], "tp 3 does not divide the 32 attention heads"),
        (["--gpu", "H100", "--quant", "fp9"], "no quantisation is called 'fp9' here. Did you mean fp8?"),
        (["--gpu", "H100", "--quant", "fp8", "--tp", "4"], "MLP width 768 in blocks of 128"),
    ],
)
def test_a_wrong_word_is_refused_by_name(model: Path, options: list[str], why: str) -> None:
    shown = lift_fit(model, *options)
    assert shown.exit_code == 2
    assert why in " ".join(shown.stderr.split())


@pytest.mark.parametrize(
    ("config", "why"),
    [({"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM is not known here"), ([], "is no JSON object")],
)
def test_a_model_that_is_not_understood_is_refused(tmp_path: Path, config: Any, why: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shown = lift_fit(tmp_path, "--gpu", "H100")
    assert shown.exit_code == 2
    assert why in " ".join(shown.stderr.split())


def test_a_name_that_is_neither_folder_nor_hub_id_is_refused() -> None:
    shown = lift_fit("no-such-folder", "--gpu", "H100")
    assert shown.exit_code == 2
    assert "No weights for 'no-such-folder'" in " ".join(shown.stderr.split())
