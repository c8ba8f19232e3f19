"""The requests and answers of the HTTP API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from schemas.code import Code
from schemas.engine import FinishReason
from schemas.ir import IR
from schemas.verdict import Verdict
from schemas.wire import Identifier, Wire


def _printable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain a NUL character")
    if not value.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return value


Words = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_printable)]
ExampleText = Annotated[str, Field(max_length=2_000), AfterValidator(_printable)]
"""An example as a comparison, such as `f([1, 2]) == 3`."""
Examples = Annotated[tuple[ExampleText, ...], Field(max_length=32)]
TimeoutS = Annotated[StrictFloat, Field(gt=0, le=3_600)]
Priority = Literal["interactive", "batch"]


class Answered(Wire):
    """A question of an earlier response, and what the user says to it."""

    question: Annotated[str, Field(max_length=2_000), AfterValidator(_printable)]
    answer: ExampleText
    """One of the options, or other words. An example, such as `f([]) == 0`, is law like the others."""


class LiftRequest(Wire):
    prompt: Words
    """What the function shall do, in natural language. Examples in it (doctests, asserts, `f(1) == 2`) are used."""
    examples: Examples = ()
    answers: Annotated[tuple[Answered, ...], Field(max_length=16)] = ()
    """To the `questions` of an earlier response."""
    ir: IR | None = None
    """Of an earlier response. It is used again, unless an answer says in words what it left open."""
    n: Annotated[StrictInt, Field(ge=1, le=64)] | None = None
    """How many variations of the code to sample. Default: the deployment's."""
    temperature: Annotated[StrictFloat, Field(ge=0, le=2)] | None = None
    """Of the code stage. Default: the deployment's."""
    timeout_s: TimeoutS | None = None
    """After this the answer is a 504 and the work is aborted. Default and ceiling: the deployment's."""
    stream: StrictBool = False
    """Whether the answer is a `text/event-stream` of what is done, while it is done."""
    priority: Priority = "interactive"
    """Somebody waits for an `interactive` answer. Where not all can be served at once, `batch` comes after."""

    @property
    def words(self) -> str:
        """All that the user says: the prompt, then the examples, then the answers."""
        return "\n".join([self.prompt, *self.examples, *(f"{a.question} {a.answer}" for a in self.answers)])


class StageReport(Wire):
    """What a stage cost in this request, summed over its attempts."""

    stage: Literal["ir", "code", "validate"]
    seconds: float
    engine_s: float = 0.0
    """Of these, those in which an engine wrote; the rest is the stage's own work and its way to the engine."""
    attempts: int
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """How many of the prompt's tokens the engine had in its prefix cache."""
    completion_tokens: int = 0
    finish_reasons: tuple[FinishReason, ...] = ()
    """Why each completion ended, in the order of the variations."""
    fallback: str | None = None
    """The model that wrote in place of the deployment's own, which could not. Null where that wrote."""


class Question(Wire):
    """What only the user can say. The next request may say it in its `answers`."""

    question: str
    options: tuple[str, ...]
    assumed: str | None
    """The option that this response went by. Null where it went by none, because examples contradict each other."""


class LiftResponse(Wire):
    request_id: str
    verdict: Verdict
    code: Code
    ir: IR
    examples: tuple[str, ...] = ()
    """The user's examples that the code was held to, as they were understood."""
    questions: tuple[Question, ...] = ()
    """Where the user's examples contradict each other, where the IR found something open, and where variations that are
    nearly as many as those that do as the chosen one do otherwise."""
    model: str
    """Which wrote the code."""
    fallback: bool = False
    """Whether a model in place of the deployment's own wrote the IR or some of the code."""
    variations: int
    """How many variations of the code this one was chosen from."""
    stages: tuple[StageReport, ...]
    seconds: float


class ValidateRequest(Wire):
    """A piece of code, and what it shall do: an IR, or a function's name with examples."""

    code: Annotated[str, Field(min_length=1, max_length=200_000), AfterValidator(_printable)]
    ir: IR | None = None
    function: Identifier | None = None
    examples: Examples = ()
    timeout_s: TimeoutS | None = None

    @model_validator(mode="after")
    def _names_a_function(self) -> "ValidateRequest":
        if self.ir is None and self.function is None:
            raise PydanticCustomError("function", "say which function: give `ir`, or `function` with `examples`")
        return self


class FieldError(Wire):
    field: str
    """Where in the body, with dots: `examples.2`."""
    message: str


class Problem(Wire):
    """Problem details for HTTP APIs: https://www.rfc-editor.org/rfc/rfc9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
