"""`lift demo`, what `make run` runs: from nothing to a verdict and back to nothing."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from tests.remnants import remnants

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

LOCAL = Path(__file__).parents[2] / "cluster" / "serve.local.yaml"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The laptop's config with the smaller model, on a port of its own."""
    data = yaml.safe_load(LOCAL.read_text(encoding="utf-8"))
    data["http_options"]["port"] = 18_766
    args = data["applications"][0]["args"]
    args["engine"]["model"] = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    args["code"] |= {"n": 1, "first": 1, "max_tokens": 128}
    args["repairs"] = 0
    args["jobs"]["database"] = str(tmp_path / "jobs.sqlite")
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_a_request_is_lifted_and_nothing_stays_behind(small: Path) -> None:
    before = set(psutil.pids())
    command = [
        str(Path(sys.executable).with_name("lift")),
        "demo",
        "Add two integers: add(2, 3) == 5",
        "--config",
        str(small),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert shown.returncode in (0, 1), shown.stderr
    assert "def add" in shown.stdout
    assert any(level in shown.stdout for level in ("VERIFIED", "LIKELY", "UNVERIFIED", "REJECTED"))
    assert remnants(before) == []
