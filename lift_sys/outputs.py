"""What a model wrote, read back and never trusted: a value of a public schema, or the reason why it is none."""

from collections.abc import Callable
from typing import Literal, TypeVar

from pydantic import ValidationError

from schemas.engine import Completion
from schemas.wire import Wire

Stage = Literal["ir", "code"]
Reason = Literal["cut", "aborted", "grammar", "json", "schema", "frame", "unusable"]
"""Why an output is refused: it reached the limit; the engine gave up, or had no grammar in time; it is no JSON; it does
not fit the public schema; its code is not in its frame; or it fits, and yet no function can be held to it. A grammar
prevents all but the second, the third and the last."""
CountInvalid = Callable[[Stage, Reason], None]
Value = TypeVar("Value", bound=Wire)


class Refused(Exception):
    """`Refused(reason, detail)`: one output; another attempt may do better."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def require_whole(completion: Completion) -> None:
    """Raises `Refused` for an output that did not end by itself."""
    match completion.finish_reason:
        case "length":
            raise Refused("cut", f"reached the limit of {completion.completion_tokens} tokens")
        case "abort":
            raise Refused("aborted", "the engine gave up")
        case "grammar":
            raise Refused("grammar", "its grammar was not compiled in time")


def read_json(model: type[Value], text: str) -> Value:
    """The value, checked against the public schema with its lengths. Raises `Refused`."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused("json" if first["type"] == "json_invalid" else "schema", f"{where}: {first['msg']}") from None
