"""`lift generate` against a small HTTP server that answers as the service does."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from deployments.scripted_engine import IR_TEXT
from schemas import IR, Code, Evidence, LiftResponse, Problem, Question, StageReport, Verdict
from schemas.events import Answer, IRDone


def response(level: str) -> LiftResponse:
    evidence = Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses and compiles")
    return LiftResponse(
        request_id="r1",
        verdict=Verdict.model_validate(
            {"level": level, "reason": "so it is", "evidence": [evidence], "sandbox": "namespaces"}
        ),
        code=Code(function="double", imports=(), source="def double(x):\n    return 2 * x"),
        ir=IR.model_validate_json(IR_TEXT),
        model="a model",
        variations=4,
        stages=(StageReport(stage="ir", seconds=1.5, attempts=1, completion_tokens=90),),
        seconds=2.0,
    )


def told(response: LiftResponse) -> str:
    """On the wire, with a step before it."""
    events = IRDone(ir=response.ir, report=response.stages[0]), Answer(response=response)
    return "".join(f"id: {n}\ndata: {event.model_dump_json()}\n\n" for n, event in enumerate(events, 1))


@dataclass
class Peer:
    """The service's end: what it answers, and what it was asked."""

    status: int = 200
    content: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            peer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            peer.keys.append(self.headers["authorization"])
            self.send_response(peer.status)
            if peer.status == 200:
                self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(peer.content.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        peer.url = f"http://127.0.0.1:{server.server_port}"
        yield peer
        server.shutdown()


def run(peer: Peer, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["generate", *arguments, "--url", peer.url], input=stdin)


@pytest.mark.parametrize(("level", "code"), [("verified", 0), ("likely", 0), ("unverified", 0), ("rejected", 1)])
def test_the_exit_code_follows_the_verdict(peer: Peer, level: str, code: int) -> None:
    peer.content = told(response(level))
    shown = run(peer, "double a number")
    assert shown.exit_code == code
    for part in (level.upper(), "def double(x: int) -> int:", "return 2 * x", "so it is", "a model"):
        assert part in shown.stdout


def test_json_is_the_answer_alone(peer: Peer) -> None:
    peer.content = told(response("verified"))
    assert LiftResponse.model_validate_json(run(peer, "double", "--json").stdout) == response("verified")


def test_the_request_is_what_was_asked_for(peer: Peer) -> None:
    peer.content = told(response("verified"))
    run(peer, "-", "--example", "f(1) == 2", "--n", "3", "--temperature", "0.5", "--timeout", "60", stdin="from a pipe")
    [asked] = peer.asked
    assert asked == {
        "prompt": "from a pipe",
        "examples": ["f(1) == 2"],
        "n": 3,
        "temperature": 0.5,
        "timeout_s": 60.0,
        "stream": True,
    }


def test_every_step_is_shown_when_it_is_done_and_not_as_part_of_the_answer(peer: Peer) -> None:
    peer.content = told(response("verified"))
    shown = run(peer, "double", "--json")
    assert "IR: def double(x: int) -> int:" in shown.stderr
    assert "IR:" not in shown.stdout


@pytest.mark.parametrize(("arguments", "environment"), [(["--api-key", "k1"], {}), ([], {"LIFT_API_KEY": "k1"})])
def test_a_key_is_sent_and_never_shown(peer: Peer, arguments: list[str], environment: dict[str, str]) -> None:
    peer.content = told(response("verified"))
    shown = CliRunner().invoke(app, ["generate", "double", "--url", peer.url, *arguments], env=environment)
    assert peer.keys == ["Bearer k1"]
    assert "k1" not in shown.output


HOLE = Question(question="Which vowels?", options=("a, e, i, o, u", "with y"), assumed="a, e, i, o, u")
RIVAL = Question(question="What is f([]) to be?", options=("f([]) == 0", "f([]) == 1"), assumed="f([]) == 0")


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("2\n2\n", [("Which vowels?", "with y"), ("What is f([]) to be?", "f([]) == 1")]),
        ("1\n\n", None),
        ("\nf([]) raises ValueError\n", [("What is f([]) to be?", "f([]) raises ValueError")]),
        ("all of them\n\n", [("Which vowels?", "all of them")]),
    ],
    ids=["others than assumed", "what was assumed", "words of one's own as an example", "other words"],
)
def test_what_is_open_is_asked_and_the_service_asked_again_with_the_answers(
    peer: Peer, typed: str, answers: list[tuple[str, str]] | None
) -> None:
    peer.content = told(response("likely").model_copy(update={"questions": (HOLE, RIVAL)}))
    shown = run(peer, "count", "-i", stdin=typed)
    assert shown.exit_code == (1 if answers else 0), shown.output  # the input ends where a second round asks again
    assert "with y" in shown.stderr
    if answers is None:
        assert len(peer.asked) == 1
    else:
        assert [(a["question"], a["answer"]) for a in peer.asked[1]["answers"]] == answers
        assert peer.asked[1]["ir"] == json.loads(IR_TEXT)


def test_without_being_told_to_it_asks_nothing(peer: Peer) -> None:
    peer.content = told(response("likely").model_copy(update={"questions": (HOLE,)}))
    shown = run(peer, "count")
    assert (shown.exit_code, len(peer.asked)) == (0, 1)
    assert "Which vowels?" in shown.stdout


def test_a_problem_is_told_in_its_own_words(peer: Peer) -> None:
    peer.status = 503
    peer.content = Problem(
        title="No engine is available", status=503, detail="no running replica of Engine"
    ).model_dump_json()
    shown = run(peer, "double")
    assert shown.exit_code == 2
    assert "no running replica of Engine" in " ".join(shown.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["", "--n", "1"], "prompt"), (["x", "--n", "0"], "n:"), (["x", "--timeout", "-1"], "timeout_s")],
)
def test_a_bad_request_is_not_sent(peer: Peer, arguments: list[str], named: str) -> None:
    shown = run(peer, *arguments)
    assert shown.exit_code == 2
    assert named in shown.stderr
    assert not peer.asked


def test_no_service_is_said_with_the_remedy() -> None:
    shown = CliRunner().invoke(app, ["generate", "x", "--url", "http://127.0.0.1:9"])
    assert shown.exit_code == 2
    assert "lift serve" in shown.stderr


def test_another_service_is_not_taken_for_ours(peer: Peer) -> None:
    peer.status, peer.content = 404, "<html>"
    assert "not as lift-sys does" in " ".join(run(peer, "double").stderr.split())
