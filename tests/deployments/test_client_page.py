"""What docs/client.md shows is run, and what it lists is complete."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from schemas.events import Event
from tests.deployments.scripted_service import STEPS, ScriptedService, served

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with served(ScriptedService().api()) as url:
        yield url


async def test_the_python_runs(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In order, as one program: a block may use what one before it imported."""
    names: dict[str, Any] = {}
    for block in blocks("python"):
        await asyncio.to_thread(exec, block.replace(URL, url), names)
    shown = capsys.readouterr().out.splitlines()
    assert shown.count("verified all hold") == 1
    assert "422 ['examples.0']" in shown
    assert {"Double a number.", "passed parse", "verified"} <= set(shown)


async def test_curl_shows_every_event(url: str) -> None:
    [command] = blocks("sh")
    asked = await asyncio.to_thread(
        subprocess.run, command.replace(URL, url), shell=True, capture_output=True, text=True, timeout=30, check=True
    )
    assert re.findall("^event: (.*)$", asked.stdout, re.MULTILINE) == STEPS


def test_the_assistant_is_told_of_a_command_that_there_is() -> None:
    [block] = blocks("json")
    lift = json.loads(block)["mcpServers"]["lift"]
    assert lift["command"] == "lift"
    assert CliRunner().invoke(app, [*lift["args"], "--help"]).exit_code == 0


def test_the_table_of_events_is_complete() -> None:
    union, _ = get_args(Event)
    rows = dict(re.findall(r"^\| `([a-z.]+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE))
    assert list(rows) == [model.model_fields["event"].default for model in get_args(union)]
    for model, row in zip(get_args(union), rows.values(), strict=True):
        assert set(re.findall(r"`(\w+)`", row)) - {"stream"} == set(model.model_fields) - {"event"}
