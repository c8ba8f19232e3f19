"""The tools through the SDK's own client: within the process, and once as an assistant starts them."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult

from deployments.mcp_server import Lifted, mcp_server
from lift_sys.errors import EngineUnavailable
from schemas import LiftRequest, ValidateRequest, Verdict
from tests.deployments.scripted_service import CODE, STEPS, VERDICT, ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LIFT = {"prompt": "double a number", "examples": ["double(2) == 4"]}
VALIDATE = {"code": CODE.source, "function": "double", "examples": ["double(2) == 4"]}


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
async def url(service: ScriptedService) -> AsyncIterator[str]:
    async with served(service.api()) as url:
        yield url


async def called(url: str, tool: str, arguments: dict[str, Any], **more: Any) -> CallToolResult:
    async with Client(mcp_server(url)) as client:
        return await client.call_tool(tool, arguments, **more)


def words(result: CallToolResult) -> str:
    return " ".join(block.text for block in result.content if block.type == "text")


async def test_a_function_is_lifted_and_its_steps_are_progress(service: ScriptedService, url: str) -> None:
    told: list[str | None] = []

    async def progress(number: float, total: float | None, message: str | None) -> None:
        told.append(message)

    result = await called(url, "lift_function", LIFT, progress_callback=progress)
    assert Lifted.model_validate(result.structured_content).verdict == VERDICT
    assert CODE.function in words(result), "also for an assistant that reads only text"
    assert told == STEPS[:-1]
    assert service.asked == [LiftRequest(prompt="double a number", examples=("double(2) == 4",), stream=True)]


async def test_code_that_is_brought_gets_a_verdict(service: ScriptedService, url: str) -> None:
    result = await called(url, "validate_function", VALIDATE)
    assert Verdict.model_validate(result.structured_content) == VERDICT
    assert service.asked == [ValidateRequest.model_validate(VALIDATE)]


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("lift_function", {"prompt": " "}, "prompt"),
        ("lift_function", {"prompt": "double", "examples": ["nothing"]}, "examples.0"),
        ("lift_function", {}, "prompt"),
        ("validate_function", {**VALIDATE, "function": "not a name"}, "function"),
    ],
)
async def test_bad_input_is_refused_by_name(url: str, tool: str, arguments: dict[str, Any], named: str) -> None:
    result = await called(url, tool, arguments)
    assert result.is_error
    assert named in words(result)


async def test_what_the_service_says_is_told(service: ScriptedService, url: str) -> None:
    service.failures["ir"] = EngineUnavailable("no card is free")
    result = await called(url, "lift_function", LIFT)
    assert result.is_error
    assert "no card is free" in words(result)


async def test_no_service_is_said_with_its_address(own_port: int) -> None:
    url = f"http://127.0.0.1:{own_port}"
    result = await called(url, "validate_function", VALIDATE)
    assert result.is_error
    assert url in words(result)


async def test_an_assistant_starts_it_by_the_command(url: str) -> None:
    lift = str(Path(sys.executable).with_name("lift"))
    command = StdioServerParameters(command=lift, args=["mcp", "--url", url], env=dict(os.environ))
    async with Client(command) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"lift_function", "validate_function"}
        assert all(tool.description and tool.output_schema for tool in tools.values())
        result = await client.call_tool("lift_function", LIFT)
    assert Lifted.model_validate(result.structured_content).code == CODE.source
