"""`lift load` and the locust behind it, against services on loopback that answer, stall, refuse or break off."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.security.key_file import edit_keys
from deployments.security.keys import Keys, new_key
from deployments.settings import ApiSettings
from tests.deployments.scripted_service import ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


ANSWERED = ["--slo", "total=20,ttft=20", "--context-words", "20", "--shared", "0.5", "--html", "answered.html"]


@dataclass(frozen=True)
class Ran:
    code: int
    said: str
    result: dict[str, Any]


async def load(url: str, folder: Path, name: str, *options: str) -> Ran:
    lift = str(Path(sys.executable).with_name("lift"))
    asked = ["--url", url, "--rate", "10", "--seconds", "1", "--record", name, *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        *(lift, "load", *asked),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    path = folder / "docs" / "results" / f"{name}.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Ran(process.returncode or 0, said.decode(), result)


@contextlib.asynccontextmanager
async def failing() -> AsyncIterator[str]:
    """A service that is well, but stalls at every other request and is gone in the middle of the rest."""
    asked = itertools.count()
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        elif next(asked) % 2:
            await over.wait()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(b"9\r\n: hello\n\n\r\n20\r\ndata: {")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        over.set()


async def test_what_was_measured_is_reported_whatever_the_service_does(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    key, _ = new_key("ann", ("lift",))
    edit_keys(keys, lambda known: Keys(keys=(*known.keys, key)))
    good = ScriptedService()
    async with (
        served(good.api()) as url,
        served(ScriptedService().api(ApiSettings(keys_file=keys))) as asking_for_keys,
        failing() as bad,
    ):
        answered, refused, failed = await asyncio.gather(
            load(url, tmp_path, "answered", *ANSWERED),
            load(asking_for_keys, tmp_path, "refused"),
            load(bad, tmp_path, "failed", "--timeout-s", "1"),
        )
    told, rows = answered.result["summary"], answered.result["rows"]
    assert told["attainment"] == 1, answered.said
    assert told["verdicts"] == {"verified": told["requests"]} == {"verified": len(rows)}
    assert all(one["lag_s"] <= one["first_output_s"] <= one["latency_s"] for one in rows)
    assert "whole answer" in (tmp_path / "answered.html").read_text(encoding="utf-8")
    assert len({request.words for request in good.asked if hasattr(request, "words")}) == len(rows)
    assert answered.code == (3 if told["self_check"]["faults"] else 0), answered.said
    assert set(refused.result["summary"]["statuses"]) == {"401"}
    assert "--api-key" in refused.said
    errors = failed.result["summary"]["errors"]
    assert set(failed.result["summary"]["statuses"]) == {"0"}, failed.said
    assert errors.pop("Stalled: no whole answer within 1 s") >= len(failed.result["rows"]) // 2
    assert errors, "and those that broke off"
    assert "not one request was answered" in failed.said
    assert all(ran.code in (1, 3) for ran in (refused, failed))


async def test_a_service_that_speaks_openai_is_asked_so(tmp_path: Path) -> None:
    async with served(ScriptedService().api()) as url:
        answered, refused = await asyncio.gather(
            load(url, tmp_path, "answered", "--chat", "lift"), load(url, tmp_path, "refused", "--chat", "nobody")
        )
    told = answered.result["summary"]
    assert told["verdicts"] == {"verified": told["requests"]}, answered.said
    assert set(refused.result["summary"]["statuses"]) == {"404"}


async def test_what_cannot_be_asked_is_refused_by_name() -> None:
    async with served(ScriptedService().api()) as url:
        for options, named in (
            (["--url", "http://127.0.0.1:1"], "no service at"),
            (["--url", url.replace("http:", "https:")], "TLS failed"),
            (["--url", url, "--slo", "p99=3"], "--slo: 'p99=3'"),
            (["capacity", "--url", url, "--slo", "p99=3"], "--slo: 'p99=3'"),
            (["capacity", "--url", url, "--beyond", "0.5"], "--beyond '0.5'"),
            (["capacity", "--url", url, "--against", "/nowhere"], "--against /nowhere"),
            (["capacity", "--url", "http://127.0.0.1:1"], "no service at"),
        ):
            ran = await asyncio.to_thread(CliRunner().invoke, app, ["load", *options], env={"COLUMNS": "300"})
            assert ran.exit_code == 2, ran.output
            assert named in ran.output
