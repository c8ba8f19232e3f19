"""Chat completions in OpenAI's form, as far as a request for a function has a meaning there.

https://platform.openai.com/docs/api-reference/chat
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictFloat

from schemas.api import LiftResponse
from schemas.events import Event
from schemas.wire import Wire


class TextPart(Wire):
    type: Literal["text"]
    text: str


class ChatMessage(Wire):
    """Of a conversation. Only the last one of the user is read: it is the request."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | tuple[TextPart, ...] | None = None

    @property
    def text(self) -> str:
        parts = (self.content,) if isinstance(self.content, str) else (part.text for part in self.content or ())
        return "\n".join(parts)


class StreamOptions(Wire):
    model_config = ConfigDict(extra="ignore")

    include_usage: StrictBool = False


class ChatRequest(Wire):
    """What would change what is written, and cannot here, is refused by its name."""

    model: str
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=1_000)]
    temperature: Annotated[StrictFloat, Field(ge=0, le=2)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    """One choice is given: the best of the variations."""
    # Taken and not heard: they steer how a text is sampled, and a grammar and a bound hold ours.
    max_tokens: Any = None
    max_completion_tokens: Any = None
    top_p: Any = None
    frequency_penalty: Any = None
    presence_penalty: Any = None
    seed: Any = None
    user: Any = None
    metadata: Any = None
    store: Any = None
    # SGLang's and vLLM's own, which their clients send unasked.
    ignore_eos: Any = None


class ChatUsage(Wire):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatAnswer(Wire):
    role: Literal["assistant"] = "assistant"
    content: str
    """The code, and nothing else."""


class ChatChoice(Wire):
    index: Literal[0] = 0
    message: ChatAnswer
    finish_reason: Literal["stop"] = "stop"


class ChatCompletion(Wire):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[ChatChoice]
    usage: ChatUsage
    lift: LiftResponse
    """The whole answer: verdict and evidence, IR, questions, costs."""


class ChatDelta(Wire):
    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChunkChoice(Wire):
    index: Literal[0] = 0
    delta: ChatDelta
    finish_reason: Literal["stop"] | None = None


class ChatChunk(Wire):
    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChatChunkChoice, ...]
    usage: ChatUsage | None = None
    lift: Event | None = None
    """The step that was done. The code comes with the last one."""


class ChatModel(Wire):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: Literal["lift-sys"] = "lift-sys"


class ChatModels(Wire):
    object: Literal["list"] = "list"
    data: tuple[ChatModel, ...]


class ChatError(Wire):
    message: str
    type: str
    param: str | None
    """The field that was wrong."""
    code: str | None


class ChatProblem(Wire):
    error: ChatError
