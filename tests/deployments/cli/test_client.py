"""What `lift generate` says when what it hears is no answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from schemas import FieldError, Problem

FIELDS = tuple(FieldError(field=f"examples.{i}", message="wrong") for i in range(4))


@contextmanager
def answering(status: int, content: bytes, **headers: str) -> Iterator[str]:
    """The URL of a server that gives this answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def generate(url: str, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["generate", *arguments, "--url", url], input=stdin)


def body(status: int, *errors: FieldError) -> bytes:
    return Problem(title="No", status=status, detail="why", errors=errors).model_dump_json().encode()


@pytest.mark.parametrize(
    ("status", "content", "named"),
    [
        (200, b"<html>", "not as lift-sys does"),
        (404, b'{"detail": "Not Found"}', "not as lift-sys does"),
        (500, b"\xff[/b]", "not as lift-sys does"),
        (500, body(500), "No (500) why"),
        (422, body(422, *FIELDS), "examples.3: wrong"),
    ],
)
def test_what_came_is_told(status: int, content: bytes, named: str) -> None:
    with answering(status, content) as url:
        shown = generate(url, "double")
    assert shown.exit_code == 2
    assert named in " ".join(shown.stderr.split())


def test_when_to_come_back_is_told() -> None:
    with answering(503, body(503), retry_after="10") as url:
        assert "try again in 10 s" in generate(url, "double").stderr


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(500, body(500)) as url:
        assert "(500)" in generate(url, "double").stderr


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000", "http://[/]"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    shown = generate(url, "double")
    assert shown.exit_code == 2
    assert url in shown.stderr


def test_a_prompt_that_is_no_text_is_refused() -> None:
    shown = generate("http://127.0.0.1:9", "-", stdin=b"ab\xff")
    assert shown.exit_code == 2
    assert "not UTF-8 at byte 2" in shown.stderr
