"""An Engine on somebody's OpenAI-compatible chat completions, which cannot be held to our grammars.

An IR is asked for under its JSON Schema. Code is taken from the code block of an answer, and brought into the frame
that the grammar would have held. What then does not fit is refused by the stages, like any output.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ValidationError

from deployments.settings import UpstreamSettings
from lift_sys.errors import EngineUnavailable
from lift_sys.grammar.code_frame import OPENING_FENCE
from lift_sys.hearing import listener
from lift_sys.ir_stage import IR_GRAMMAR
from schemas import IR_JSON_SCHEMA, Chat, Completion, Piece, Sampling

_BLOCK = re.compile(r"^```[a-z]*[ \t]*\n(.*?)\n```[ \t]*$", re.DOTALL | re.MULTILINE)
_IR_FORMAT = {"type": "json_schema", "json_schema": {"name": "ir", "schema": IR_JSON_SCHEMA, "strict": True}}


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message
    finish_reason: Literal["stop", "length"]


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Answer(BaseModel):
    choices: tuple[_Choice]
    usage: _Usage = _Usage()


def upstream_engine(settings: UpstreamSettings, environment: Mapping[str, str]) -> "UpstreamEngine":
    """Raises `ValueError` where the variable with the key is not set."""
    name = settings.key_variable
    if name and name not in environment:
        raise ValueError(f"fallback.upstream.key_variable: the environment has no {name!r}")
    headers = {"authorization": f"Bearer {environment[name]}"} if name else {}
    # Of the system's proxies none is meant for this.
    client = httpx.AsyncClient(
        base_url=settings.base_url, headers=headers, timeout=settings.timeout_s, follow_redirects=False, trust_env=False
    )
    return UpstreamEngine(client, settings.model)


class UpstreamEngine:
    def __init__(self, client: httpx.AsyncClient, model: str) -> None:
        """`client` has the address, the key and the time limits."""
        self._client = client
        self._model = model

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        """Raises `EngineUnavailable` for whatever is no answer."""
        return await asyncio.gather(*(self._complete(chat, sampling) for chat in chats for _ in range(chat.n)))

    async def _complete(self, chat: Chat, sampling: Sampling) -> Completion:
        begun = time.monotonic()
        answer = await self._ask(_asked(chat, sampling, self._model))
        [choice] = answer.choices
        content = choice.message.content
        text = content if chat.grammar == IR_GRAMMAR else framed(content, chat.opening)
        if hear := listener():
            hear(Piece(text=text, begins=True))
        return Completion(
            text=text,
            finish_reason=choice.finish_reason,
            prompt_tokens=answer.usage.prompt_tokens,
            cached_tokens=0,
            completion_tokens=answer.usage.completion_tokens,
            seconds=time.monotonic() - begun,
        )

    async def _ask(self, body: Mapping[str, Any]) -> _Answer:
        try:
            answer = await self._client.post("chat/completions", json=body)
            answer.raise_for_status()
            return _Answer.model_validate_json(answer.content)
        except httpx.HTTPStatusError as error:
            raise EngineUnavailable(f"the fallback answers with status {error.response.status_code}") from None
        except httpx.HTTPError as error:
            raise EngineUnavailable(f"the fallback cannot be reached: {type(error).__name__}") from None
        except ValidationError:
            raise EngineUnavailable("the fallback's answer is no chat completion") from None


def _asked(chat: Chat, sampling: Sampling, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [message.model_dump() for message in chat.messages],
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        **({"response_format": _IR_FORMAT} if chat.grammar == IR_GRAMMAR else {}),
    }


def framed(content: str, opening: str) -> str:
    """What follows the opening, had the model gone on from it, with the code of an answer that did not.

    Where the code does not begin as the opening does, it stands behind it, and defines the function once more.
    """
    blocks: list[str] = _BLOCK.findall(content)
    source = max(blocks, key=len) if blocks else content
    _, fence, begun = opening.rpartition(OPENING_FENCE)
    before = "" if fence else f"In Python:\n{OPENING_FENCE}"
    return f"{before}{source.removeprefix(begun)}\n```"
