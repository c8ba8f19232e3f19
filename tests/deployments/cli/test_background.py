"""`lift serve` as a job that a script runs in the background: it is started with SIGINT ignored."""

import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from tests.conftest import config, free_port, wait_until_ready
from tests.remnants import remnants

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

IN_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
_STOPS_S = 20
"""Less than the patience after which a service is killed."""


def test_it_stops_soon_when_it_is_told_to_and_nothing_stays_behind(tmp_path: Path) -> None:
    before = set(psutil.pids())
    port, file, log = free_port(), tmp_path / "serve.yaml", tmp_path / "serve.log"
    file.write_text(yaml.safe_dump(config({"engine": {"kind": "scripted"}}, port, {})), encoding="utf-8")
    command = [*IN_BACKGROUND, str(Path(sys.executable).with_name("lift")), "serve", str(file)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_until_ready(client, process, log)
        process.terminate()
        process.wait(_STOPS_S)
    assert remnants(before) == []
