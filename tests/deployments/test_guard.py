"""The guard's questions to whatever answers at Prometheus's address: bounded, and never believed too soon."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.guard import Guard, GuardSettings, Unusable, ask

Write = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(write: Write) -> Iterator[str]:
    """A server on loopback whose every answer is what `write` makes of it; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                write(self)
            except OSError:
                self.close_connection = True  # the client has heard enough

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def body(content: str | bytes, status: int = 200, header: tuple[str, str] = ("content-type", "text/html")) -> Write:
    data = content.encode() if isinstance(content, str) else content

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header(*header)
        handler.end_headers()
        handler.wfile.write(data)

    return write


def vector(*values: str) -> str:
    samples = [{"metric": {"of": str(i)}, "value": [1_700_000_000.0, value]} for i, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": samples}})


def flood(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65_536)


def trickle(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def headers_without_end(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.flush_headers()
    while True:
        handler.wfile.write(b"x: y\r\n" * 50_000)


SCALAR = '{"status":"success","data":{"resultType":"scalar","result":[1,"0.25"]}}'
BAD: dict[str, tuple[Write, str]] = {
    "HTML": (body("<html>log in</html>"), "not an answer of Prometheus"),
    "a redirect": (body("", 302, ("location", "http://127.0.0.1:1/")), "status 302"),
    "an error": (body('{"status":"error"}', 503), "status 503"),
    "an error that says it is none": (body('{"status":"error","error":"no"}'), "not an answer"),
    "a flood": (flood, "more than 65536 bytes"),
    "a trickle": (trickle, "no answer within 0.5 s"),
    "headers without end": (headers_without_end, "Receive buffer too long"),
    "depth": (body("[" * 60_000), "not an answer"),
    "a huge number": (body(vector("9" * 5_000)), "inf is no multiple"),
    "a zip": (body(b"\x1f\x8b\x08" + b"\0" * 99, 200, ("content-encoding", "gzip")), "not an answer"),
    "a matrix": (body('{"status":"success","data":{"resultType":"matrix","result":[]}}'), "not an answer"),
    "NaN": (body(vector("0.5", "NaN")), "nan is no multiple"),
    "a negative number": (body(vector("-1")), "-1.0 is no multiple"),
    "1e300": (body(vector("1e300")), "1e\\+300 is no multiple"),
    "infinity": (body(vector("+Inf")), "inf is no multiple"),
    "no data": (body(vector()), "no data"),
    "words": (body(vector("many")), "not an answer"),
}


@pytest.mark.parametrize(("write", "named"), BAD.values(), ids=BAD)
def test_what_is_no_number_is_named(write: Write, named: str) -> None:
    begun = time.monotonic()
    with answering(write) as address, pytest.raises(Unusable, match=named):
        asyncio.run(ask(address, "up", 0.5))
    assert time.monotonic() - begun < 3


def test_nobody_there_is_named() -> None:
    with pytest.raises(Unusable, match="ConnectError"):
        asyncio.run(ask("http://127.0.0.1:1", "up", 2))


@pytest.mark.parametrize(("content", "value"), [(vector("0.5"), 0.5), (vector("0.5", "2", "0"), 2.0), (SCALAR, 0.25)])
def test_the_worst_of_the_numbers_counts(content: str, value: float) -> None:
    with answering(body(content)) as address:
        assert asyncio.run(ask(address, "up", 2)) == value


def test_a_guard_is_known_as_long_as_its_answers_are_fresh(caplog: pytest.LogCaptureFixture) -> None:
    answers = {"now": vector("1.5")}

    def write(handler: BaseHTTPRequestHandler) -> None:
        body(answers["now"])(handler)

    with answering(write) as address:
        settings = {"address": address, "queries": {"ttft": "a", "errors": "b"}, "every_s": 0.2, "stale_after_s": 1}
        guard = Guard(GuardSettings.model_validate(settings))
        for content, wanted in ((vector("1.5"), 1.5), (vector("NaN"), math.nan), (vector("0.1"), 0.1)):
            answers["now"] = content
            assert until(guard, wanted), content
    assert until(guard, math.nan), "nobody answers any more"
    told = [record.message for record in caplog.records]
    assert sum("guard ttft" in message and "nan is no multiple" in message for message in told) == 1


def until(guard: Guard, wanted: float) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        worst = guard.worst()
        if worst == wanted or (math.isnan(worst) and math.isnan(wanted)):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"adress": "x"}, "adress"),
        ({"address": "ftp://a"}, "address"),
        ({"address": "http://a/b?c"}, "address"),
        ({"queries": {}}, "queries"),
        ({"queries": {"a": ""}}, "queries.a"),
        ({"every_s": 0}, "every_s"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    good = {"address": "http://127.0.0.1:9090", "queries": {"ttft": "up"}}
    with pytest.raises(ValidationError, match=named):
        GuardSettings.model_validate({**good, **wrong})
