"""A secret that is not there is named before anything starts."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.secrets import missing_secrets
from deployments.settings import Settings

UPSTREAM = {"base_url": "https://api.example.com/v1", "model": "m", "key_variable": "UPSTREAM_KEY"}
NAMED: dict[str, dict[str, Any]] = {
    "args.api.keys_file: /nowhere/keys.yaml cannot be read": {"api": {"keys_file": "/nowhere/keys.yaml"}},
    "args.jobs.database_env: the environment has no LIFT_DATABASE": {"jobs": {"database_env": "LIFT_DATABASE"}},
    "args.jobs.webhook_secret_env: the environment has no HOOKS": {
        "jobs": {"database": "jobs.sqlite", "webhook_secret_env": "HOOKS"}
    },
    "args.fallback.upstream.key_variable: the environment has no UPSTREAM_KEY": {"fallback": {"upstream": UPSTREAM}},
}
THERE = {"LIFT_DATABASE": "postgresql://db/lift", "HOOKS": "whsec_x", "UPSTREAM_KEY": "k"}


@pytest.mark.parametrize(("words", "args"), NAMED.items(), ids=NAMED)
def test_what_is_missing_is_named_with_its_remedy(words: str, args: dict[str, Any]) -> None:
    [said] = missing_secrets(Settings.model_validate(args), {})
    assert said.startswith(words)
    assert ";" in said, "and what to do"


@pytest.mark.parametrize("args", list(NAMED.values())[1:], ids=lambda args: next(iter(args)))
def test_what_is_there_is_not_spoken_of(args: dict[str, Any]) -> None:
    assert list(missing_secrets(Settings.model_validate(args), THERE)) == []


def test_nothing_starts_without_its_keys(tmp_path: Path) -> None:
    local = Path(__file__).parents[2] / "cluster" / "serve.scripted.yaml"
    data = yaml.safe_load(local.read_text(encoding="utf-8"))
    data["applications"][0]["args"]["api"] = {"keys_file": str(tmp_path / "keys.yaml")}
    config = tmp_path / "serve.yaml"
    config.write_text(yaml.safe_dump(data), encoding="utf-8")
    refused = CliRunner().invoke(app, ["serve", str(config)])
    assert refused.exit_code != 0
    assert "args.api.keys_file" in refused.output.replace("\n", "")
    doctor = CliRunner().invoke(app, ["doctor", "--config", str(config), "--json"])
    assert '"what": "secrets"' in doctor.output
