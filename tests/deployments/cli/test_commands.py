"""The command line as a whole: help, version, doctor, and refusals before anything is started."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from deployments.cli.doctor import CHECKS
from deployments.cli.main import app

pytestmark = pytest.mark.slow

CLUSTER = Path(__file__).parents[3] / "cluster"
CONFIGS = Path(__file__).parents[2] / "data" / "configs"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["generate"],
        ["validate"],
        ["serve"],
        ["demo"],
        ["eval"],
        ["doctor"],
        ["load"],
        ["fit"],
        ["model"],
        ["model", "fetch"],
        ["model", "list"],
    ],
    ids=lambda command: " ".join(command) or "lift",
)
def test_every_command_explains_itself(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.stdout


def test_the_version_is_said() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("lift-sys 0.")


def test_the_command_line_starts_without_what_is_heavy() -> None:
    heavy = ("ray", "torch", "sglang", "transformers")
    program = f"import sys, deployments.cli.main; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    """A config that needs no weights."""
    data = yaml.safe_load((CLUSTER / "serve.scripted.yaml").read_text(encoding="utf-8"))
    data["http_options"]["port"] = 18_765
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.fixture
def taken_port() -> Iterator[None]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 18_765))
        listener.listen()
        yield


def test_doctor_names_each_check(scripted: Path) -> None:
    shown = CliRunner().invoke(app, ["doctor", "--config", str(scripted), "--json"])
    findings = {finding["what"]: finding for finding in json.loads(shown.stdout)}
    assert set(findings) == {check.__name__ for check in CHECKS} | {"config", "port"}
    assert all(f["remedy"] for f in findings.values() if f["state"] == "problem")
    assert findings["python"]["state"] == findings["sandbox"]["state"] == findings["port"]["state"] == "ok"


@pytest.mark.usefixtures("taken_port")
def test_doctor_sees_a_taken_port(scripted: Path) -> None:
    shown = CliRunner().invoke(app, ["doctor", "--config", str(scripted), "--json"])
    [port] = [finding for finding in json.loads(shown.stdout) if finding["what"] == "port"]
    assert port["state"] == "warning"
    assert "18765" in port["detail"]


def test_doctor_fails_for_a_config_that_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "serve.yaml").write_text("applicatons: []", encoding="utf-8")
    shown = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "serve.yaml"), "--json"])
    assert shown.exit_code == 1
    assert "applicatons" in shown.stdout


@pytest.mark.usefixtures("taken_port")
def test_serve_does_not_start_on_a_taken_port(scripted: Path) -> None:
    shown = CliRunner().invoke(app, ["serve", str(scripted)])
    assert shown.exit_code == 2
    assert "port 18765 is taken" in shown.stderr


@pytest.fixture
def too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config for the 30B model on a GPU of 24 GB, as a driver in the place of nvidia-smi says."""
    folder, program = tmp_path / "model", tmp_path / "nvidia-smi"
    folder.mkdir()
    shutil.copy(CONFIGS / "qwen3-coder-30b-a3b.json", folder / "config.json")
    program.write_text("#!/bin/sh\necho 23028\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    data = yaml.safe_load((CLUSTER / "serve.yaml").read_text(encoding="utf-8"))
    data["applications"][0]["args"]["engine"]["model"] = str(folder)
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_what_would_read_the_weights_and_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastsafetensors", None)
    served = CliRunner().invoke(app, ["serve", str(CLUSTER / "serve.yaml")])
    assert served.exit_code == 2
    assert "the package 'fastsafetensors' is not installed here" in " ".join(served.stderr.split())
    shown = CliRunner().invoke(app, ["doctor", "--config", str(CLUSTER / "serve.yaml"), "--json"])
    [weights] = [finding for finding in json.loads(shown.stdout) if finding["what"] == "weights"]
    assert weights["state"] == "problem"
    assert "pip install '.[gpu]'" in weights["remedy"]


def test_serve_refuses_a_model_that_is_too_large_for_the_gpu(too_large: Path) -> None:
    shown = CliRunner().invoke(app, ["serve", str(too_large)])
    assert shown.exit_code == 2
    assert "needs 61.1 GB for weights" in " ".join(shown.stderr.split())


def test_doctor_finds_a_model_that_is_too_large_for_the_gpu(too_large: Path) -> None:
    shown = CliRunner().invoke(app, ["doctor", "--config", str(too_large), "--json"])
    assert shown.exit_code == 1
    [memory] = [finding for finding in json.loads(shown.stdout) if finding["what"] == "gpu_memory"]
    assert memory["state"] == "problem"
    assert "needs 61.1 GB for weights" in memory["detail"]


def test_serve_names_missing_weights_and_the_remedy(tmp_path: Path) -> None:
    data = yaml.safe_load((CLUSTER / "serve.local.yaml").read_text(encoding="utf-8"))
    data["applications"][0]["args"]["engine"]["model"] = "nobody/has-this-model"
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    shown = CliRunner().invoke(app, ["serve", str(tmp_path / "serve.yaml")])
    assert shown.exit_code == 2
    assert "lift model fetch nobody/has-this-model" in " ".join(shown.stderr.split())
