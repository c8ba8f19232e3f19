"""The service as tools of the Model Context Protocol, for assistants that write code.

https://modelcontextprotocol.io/specification
"""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Annotated

import httpx
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from lift_sys.client import AsyncClient, ServiceProblem
from schemas import LiftRequest, LiftResponse, Question, ValidateRequest, Verdict
from schemas.events import Answer
from schemas.wire import Wire

_INSTRUCTIONS = (
    "Writes small Python functions and checks them in a sandbox. Believe the verdict's level, not the code's looks: "
    "`verified` and `likely` code may be used, `rejected` code fails its evidence, with a counterexample."
)
Examples = Annotated[
    tuple[str, ...],
    Field(description="What it must do, as comparisons such as `f([1, 2]) == 3` or `f(0) raises KeyError`"),
]


class Lifted(Wire):
    """A function, and how far it can be believed."""

    code: str
    verdict: Verdict
    questions: tuple[Question, ...]
    """What the request left open. Ask the user, and say the answer in another request."""


def mcp_server(url: str, api_key: str | None = None) -> MCPServer:
    """Its tools ask the service at `url`; what goes wrong there is theirs to tell."""
    server: MCPServer = MCPServer("lift-sys", version=version("lift-sys"), instructions=_INSTRUCTIONS)

    @contextlib.asynccontextmanager
    async def service() -> AsyncIterator[AsyncClient]:
        try:
            async with AsyncClient(url, api_key=api_key) as client:
                yield client
        except (ServiceProblem, ValidationError) as error:
            raise ToolError(_words(error)) from None
        except httpx.TransportError as error:
            raise ToolError(f"no service at {url}: {error}") from None

    @server.tool()
    async def lift_function(
        prompt: Annotated[str, Field(description="What the function shall do, in natural language")],
        context: Context,
        examples: Examples = (),
    ) -> Lifted:
        """Write a Python function from its description, and check it in a sandbox. Takes seconds to minutes."""
        async with service() as client:
            response = await _watched(client, LiftRequest(prompt=prompt, examples=examples), context)
        return Lifted(code=response.code.source, verdict=response.verdict, questions=response.questions)

    @server.tool()
    async def validate_function(
        code: Annotated[str, Field(description="A Python module that defines the function")],
        function: Annotated[str, Field(description="The function's name")],
        examples: Examples = (),
    ) -> Verdict:
        """Check a Python function that you have against examples, in a sandbox."""
        async with service() as client:
            return await client.validate(ValidateRequest(code=code, function=function, examples=examples))

    return server


async def _watched(client: AsyncClient, request: LiftRequest, context: Context) -> LiftResponse:
    """The answer; every step before it is told as progress."""
    async with contextlib.aclosing(client.stream(request)) as stream:
        number = 0
        async for event in stream:
            if isinstance(event, Answer):
                return event.response
            number += 1
            await context.report_progress(number, message=event.event)
    raise AssertionError("a stream ends with an answer, or raises")


def _words(error: ServiceProblem | ValidationError) -> str:
    if isinstance(error, ServiceProblem):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
