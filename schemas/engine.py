"""What passes between a stage and an engine."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.wire import Wire

FinishReason = Literal["stop", "length", "abort", "grammar"]
"""`stop`: the grammar was complete. `length`: cut at the limit. `abort`: the engine gave up. `grammar`: it gave up
because the grammar was not compiled, or not in time."""


class Message(Wire):
    role: Literal["system", "user", "assistant"]
    content: str


class Chat(Wire):
    """A conversation, and how it is to go on."""

    messages: tuple[Message, ...]
    grammar: str
    """The name of one of the grammars that the engine holds: no other can be asked for."""
    opening: str = ""
    """How the answer begins. It is part of the prompt: the model writes, and the grammar holds, what follows."""
    n: Annotated[int, Field(ge=1, le=64)] = 1
    """In how many ways."""


class Sampling(Wire):
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)]
    priority: Annotated[int, Field(ge=0, le=3)] = 0
    """Of those that wait in an engine, the highest begins first (`lift_sys/priorities.py`)."""


class Piece(Wire):
    """Of a text that is being written. The pieces from one that `begins` on, put together, are the text so far."""

    text: str
    begins: bool = False
    """Whether what came before is void, as when another attempt is made, or another engine asked."""


class Completion(Wire):
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    model: str | None = None
    """Of the fallback, where that wrote it."""
    ttft_s: float | None = None
    """Until the first token, from when the engine was asked. None where the engine does not tell."""
    tpot_s: float | None = None
    """For each token after the first. None where there are none, or the engine does not tell."""
