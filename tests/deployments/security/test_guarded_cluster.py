"""What strangers can do to a real Ray Serve with keys: at its port, at Ray's own, and to its logs."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deployments.security.key_file import edit_keys
from deployments.security.keys import Keys, new_key
from tests.deployments.security.guarded import LIFT, bearer

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
Serve = Callable[[dict[str, Any]], AbstractContextManager[Any]]
CANARY = "canary0that0belongs0into0no0log"


@dataclass
class Held:
    service: Any
    key: str

    def connection(self) -> socket.socket:
        url = self.service.client.base_url
        return socket.create_connection((url.host, url.port), timeout=10)

    def send(self, *pieces: bytes) -> bytes:
        """The beginning of what a connection answers to these bytes."""
        with closing(self.connection()) as connection:
            for piece in pieces:
                connection.sendall(piece)
            return connection.recv(65_536)

    @property
    def post(self) -> bytes:
        return f"POST /v1/lift HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n".encode()


@pytest.fixture(scope="module")
def held(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    path = tmp_path_factory.mktemp("keys") / "keys.yaml"
    key, text = new_key("ann", ("lift", "validate"))
    edit_keys(path, lambda known: Keys(keys=(key,)))
    api = {"keys_file": str(path), "max_body_bytes": 100_000, "body_timeout_s": 2, "quota": {"tokens_per_day": 10**9}}
    with serve({"engine": {"kind": "scripted"}, "repairs": 0, "api": api}) as service:
        yield Held(service, text)


def test_keys_hold_through_the_real_proxy(held: Held) -> None:
    client = held.service.client
    assert client.post("/v1/lift", json=LIFT).status_code == 401
    answers = [client.post("/v1/lift", json=LIFT, headers=bearer(held.key)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    left = [int(answer.headers["ratelimit"].partition(";r=")[2].partition(";")[0]) for answer in answers]
    assert 0 < left[1] < left[0] < 10**9, "the tokens of an answer are taken from the quota"
    assert client.get("/admin/keys", headers=bearer(held.key)).status_code == 403


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ABUSES: dict[str, tuple[bytes, int]] = {
    "a size of a chunk that is no number": (CHUNKED + b"ZZ\r\n", 400),
    "a negative size of a chunk": (CHUNKED + b"-1\r\n", 400),
    "a size of a chunk beyond 64 bits": (CHUNKED + b"FFFFFFFFFFFFFFFFFF\r\n", 400),
    "a length and chunks": (b"Content-Length: 3\r\n" + CHUNKED + b"0\r\n\r\n", 400),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "a negative length": (b"Content-Length: -3\r\n\r\nabc", 400),
    "a NUL in a header": (b"X-A: a\0b\r\n\r\n", 400),
    "chunks without end": (CHUNKED + (b"2710\r\n" + b"a" * 10_000 + b"\r\n") * 30, 413),
    "a body that stays away": (b"Content-Length: 50\r\n\r\n{", 408),
    "a header of a megabyte": (b"X-A: " + b"a" * 2**20 + b"\r\n\r\n", 431),
    "thousands of headers": (b"".join(b"X-%d: 1\r\n" % n for n in range(10_000)) + b"\r\n", 431),
}


@pytest.mark.parametrize(("rest", "status"), ABUSES.values(), ids=ABUSES)
def test_what_is_no_decent_request_is_refused(held: Held, rest: bytes, status: int) -> None:
    assert held.send(held.post + rest).startswith(f"HTTP/1.1 {status} ".encode())


def test_who_says_nothing_more_keeps_nobody_else_out(held: Held) -> None:
    """Half a header holds a connection of the proxy without end, and no place of an ingress."""
    with ExitStack() as stack:
        for beginning in (b"POST /v1/lift HTTP/1.1\r\nX-A: ", held.post + b"Content-Length: 50\r\n\r\n{"):
            for _ in range(100):
                stack.enter_context(closing(held.connection())).sendall(beginning)
        answer = held.service.client.post("/v1/lift", json=LIFT, headers=bearer(held.key), timeout=30)
        assert answer.status_code == 200, "after the bodies that stay away were given up"


def dashboard(pid: int) -> str:
    """Ray's own HTTP API, which can run anything on the cluster."""
    for process in psutil.Process(pid).children(recursive=True):
        if any("dashboard.py" in argument for argument in process.cmdline()):
            ports = [at for at in process.net_connections("tcp") if at.status == psutil.CONN_LISTEN]
            return next(f"http://{at.laddr.ip}:{at.laddr.port}" for at in ports if at.laddr.ip == "127.0.0.1")
    raise LookupError("no dashboard")


@pytest.mark.parametrize("path", ["/api/jobs/", "/api/serve/applications/", "/nodes?view=summary"])
def test_rays_own_api_asks_for_its_token(held: Held, path: str) -> None:
    token = (Path.home() / ".ray" / "auth_token").read_text(encoding="utf-8").strip()
    with httpx.Client(base_url=dashboard(held.service.pid), trust_env=False, timeout=30) as ray:
        assert ray.get(path).status_code == 401
        assert ray.get(path, headers=bearer("0" * len(token))).status_code == 403
        assert ray.get(path, headers=bearer(token)).status_code == 200


def test_no_log_has_a_key_or_a_word_of_what_was_asked(held: Held) -> None:
    client = held.service.client
    prompt = {"prompt": f"Double a number, {CANARY}: double(2) == 4"}
    assert client.post("/v1/lift", json=prompt, headers=bearer(held.key)).status_code == 200
    assert client.post("/v1/lift", json=prompt, headers=bearer(f"lift_{CANARY}")).status_code == 401
    assert client.post("/v1/lift", json={**prompt, "n": CANARY}, headers=bearer(held.key)).status_code == 422
    [folder] = {
        Path(file.path).parent.parent
        for file in held.service.replica("Ingress").open_files()
        if Path(file.path).parent.name == "serve"
    }
    logs = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    written = b"".join(logs.values())
    assert b'"event": "denied"' in written, "the audit log is among them, in JSON"
    secret = held.key.rpartition("_")[2].encode()
    assert not [path for path, content in logs.items() if secret in content or CANARY.encode() in content]
