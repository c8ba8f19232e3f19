"""The hub's own library against a server that speaks as much of the hub's protocol as a download needs."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub import is_offline_mode

from deployments.models.hub import Hub, HubUnavailable, is_hub_id

MODEL = "some/model"
COMMIT = "a" * 40
ONLINE = pytest.mark.skipif(is_offline_mode(), reason="HF_HUB_OFFLINE forbids even this machine's own server")
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"the same weights again"}


class TinyHub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        body = self._body()
        self.send_response(404 if body is None else 200)
        for name, value in {"Content-Length": len(body or b""), "ETag": "etag", "X-Repo-Commit": COMMIT}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if with_body:
            self.wfile.write(body or b"")

    def _body(self) -> bytes | None:
        path = self.path.partition("?")[0]
        if path in (f"/api/models/{MODEL}", f"/api/models/{MODEL}/revision/main"):
            return json.dumps({"id": MODEL, "sha": COMMIT}).encode()
        if path == f"/api/models/{MODEL}/tree/{COMMIT}":
            tree = [{"type": "file", "path": name, "size": len(data), "oid": name} for name, data in FILES.items()]
            return json.dumps(tree).encode()
        return FILES.get(path.removeprefix(f"/{MODEL}/resolve/{COMMIT}/"))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), TinyHub)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Hub(endpoint=f"http://127.0.0.1:{server.server_port}", cache=tmp_path / "hub")
    server.shutdown()
    thread.join()
    server.server_close()


@ONLINE
def test_a_download_is_complete_found_again_and_listed(hub: Hub) -> None:
    hub.probe(MODEL)
    assert hub.cached(MODEL) is None
    assert hub.missing_bytes(MODEL) == len(b"{}" + b"weights")
    folder = hub.download(MODEL)
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert hub.cached(MODEL) == folder
    assert hub.missing_bytes(MODEL) == 0
    assert [(stored.model, stored.folder) for stored in hub.stored()] == [(MODEL, folder)]


@ONLINE
def test_a_config_comes_alone_and_is_found_again(hub: Hub) -> None:
    assert hub.cached_config(MODEL) is None
    config = hub.download_config(MODEL)
    assert [file.name for file in config.parent.iterdir()] == ["config.json"]
    assert hub.cached_config(MODEL) == config
    assert hub.cached(MODEL) is None


@ONLINE
def test_a_model_that_the_hub_lacks_is_refused(hub: Hub) -> None:
    with pytest.raises(HubUnavailable, match="404"):
        hub.probe("some/other")


@ONLINE
def test_a_hub_that_does_not_answer_is_refused(no_hub: Hub) -> None:
    with pytest.raises(HubUnavailable, match=r"http://127\.0\.0\.1:9: .*Connection refused"):
        no_hub.probe(MODEL)
    assert no_hub.cached(MODEL) is None
    assert no_hub.stored() == []


@ONLINE
def test_a_hub_that_keeps_silent_is_not_waited_for(no_hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HubUnavailable, match="timed out"):
            replace(no_hub, endpoint=endpoint, probe_timeout_s=0.1).probe(MODEL)


def test_hf_hub_offline_is_respected() -> None:
    # The library reads the variable when it is imported.
    probe = "from deployments.models.hub import Hub; Hub().probe('some/model')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    child = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=False)
    assert "HubUnavailable" in child.stderr
    assert "offline mode is enabled" in child.stderr


@pytest.mark.parametrize("name", ["owner/name", "Qwen/Qwen2.5-Coder-0.5B-Instruct", "a/b_c"])
def test_owner_and_name_make_a_hub_id(name: str) -> None:
    assert is_hub_id(name)


@pytest.mark.parametrize("name", ["name", "./name", "/etc/name", "a/b/c", "a--b/c", "a b/c", "owner/", ""])
def test_all_else_is_no_hub_id(name: str) -> None:
    assert not is_hub_id(name)
