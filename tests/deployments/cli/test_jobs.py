"""`lift jobs` against a real ingress with jobs, around a service that answers from a script."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from schemas import JobResult
from tests.conftest import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("jobs"), free_port()
    command = [sys.executable, "-m", "deployments.bench.jobs_server", "--database", str(folder / "jobs.sqlite")]
    with subprocess.Popen([*command, "--port", str(port), "--log", str(folder / "log")]) as server:
        try:
            yield _ready(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def _ready(url: str) -> str:
    for _ in range(300):
        try:
            httpx.get(f"{url}/healthz")
            return url
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the ingress did not come up")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"prompt": "a", "examples": ["f(1) == 2"]}\n\n{"prompt": "b"}\n', encoding="utf-8")
    return path


def lift(*words: str) -> Result:
    return CliRunner().invoke(app, ["jobs", *words])


def test_a_file_of_requests_becomes_a_file_of_results(url: str, file: Path) -> None:
    submitted = lift("submit", str(file), "--wait", "--url", url)
    assert submitted.exit_code == 0, submitted.output
    job_id = submitted.stdout.splitlines()[0]
    lines = lift("results", job_id, "--url", url).stdout.splitlines()
    assert [JobResult.model_validate_json(line).index for line in lines] == [0, 1]
    assert job_id in lift("list", "--url", url).stdout
    assert "done" in lift("status", job_id, "--url", url).stdout
    assert "done" in lift("cancel", job_id, "--url", url).stdout, "what has ended stays as it is"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no request in it"),
        ('{"prompt": "a"}\n{"promt": "b"}\n', "requests.jsonl:2: prompt: "),
        ('{"prompt": "a"}\nnothing\n', "requests.jsonl:2: the line: "),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_its_line(file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="utf-8")
    refused = lift("submit", str(file), "--url", "http://127.0.0.1:1")
    assert refused.exit_code == 2
    assert said in refused.stderr


@pytest.mark.parametrize("command", ["status", "results", "cancel"])
def test_a_job_that_is_not_there_is_said(url: str, command: str) -> None:
    refused = lift(command, "0" * 32, "--url", url)
    assert refused.exit_code == 2
    assert "There is no such job (404)" in refused.stderr


def test_the_services_refusal_names_the_field(url: str, file: Path) -> None:
    refused = lift("submit", str(file), "--webhook", "https://a.example/", "--url", url)
    assert refused.exit_code == 2
    assert "webhook: this deployment has no secret" in refused.stderr


def test_a_job_can_be_sent_again_without_being_done_again(url: str) -> None:
    body = {"requests": [{"prompt": json.dumps("x")}]}
    ids = {httpx.post(f"{url}/v1/jobs", json=body, headers={"idempotency-key": "cli"}).json()["id"] for _ in range(3)}
    assert len(ids) == 1


def test_a_service_with_keys_is_asked_with_one() -> None:
    """The address answers nothing but whether a key came."""
    keys = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers["authorization"])
            self.send_error(401)

        def log_message(self, *words: object) -> None:
            """Not into the test's output."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        refused = lift("status", "a", "--api-key", "lift_1", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert refused.exit_code == 2
    assert "(401)" in refused.stderr
    assert keys == ["Bearer lift_1"]
