"""The intermediate representation (IR): a specification of one function, written by a model, read by the validator.

Every field is required, and their order is the order in which the model writes them: reasons before decisions.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from schemas.wire import Identifier, Text
from schemas.written import Written

Sentence = Annotated[str, Text(max_tokens=48)]
TypeText = Annotated[str, Text(max_tokens=20)]
"""A Python annotation, such as `list[int]`."""
LiteralText = Annotated[str, Text(max_tokens=48)]
"""A Python literal, such as `[1, 2]`."""
DefaultText = Annotated[str, Text(max_tokens=24)]
ArgumentsText = Annotated[str, Text(max_tokens=64)]
"""What stands between the parentheses of a call: literals, `name=literal` for a keyword argument."""
Predicate = Annotated[str, Text(max_tokens=48)]
Choice = Annotated[str, Text(max_tokens=16)]

Kind = Literal["positional", "keyword_only", "var_positional", "var_keyword"]
Effect = Literal["stdout", "mutates_arguments", "reads_clock", "random"]
ErrorName = Literal[
    "ValueError", "TypeError", "KeyError", "IndexError", "ZeroDivisionError", "OverflowError", "RuntimeError"
]
Module = Literal[
    "bisect", "collections", "datetime", "decimal", "fractions", "functools", "hashlib", "heapq", "itertools",
    "json", "math", "operator", "random", "re", "statistics", "string", "typing", "unicodedata",
]  # fmt: skip


class Intent(Written):
    summary: Sentence
    """What the function is for."""
    rationale: Sentence
    """How the request is understood where it leaves a choice."""
    asks_for: Literal["function", "other"]
    """`other`: what no function from arguments to a value can be, such as prose, or work on files and machines."""


class Parameter(Written):
    name: Identifier
    type: TypeText
    kind: Kind
    default: DefaultText | None
    """Null when the argument is required."""


class Signature(Written):
    name: Identifier
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=6)]
    returns: TypeText
    is_async: StrictBool


class Example(Written):
    """One call and what must come of it."""

    origin: Literal["user", "inferred"]
    """`user`: the request states it. `inferred`: the model made it up, so it is a vote and never a veto."""
    arguments: ArgumentsText
    expect: Literal["returns", "raises"]
    value: LiteralText
    """The result as a literal, or the name of the exception."""
    covers: Literal["typical", "boundary", "empty", "error"]

    def text(self, function: str) -> str:
        """As a comparison in Python, or with `raises`."""
        expected = f"raises {self.value}" if self.expect == "raises" else f"== {self.value}"
        return f"{function}({self.arguments}) {expected}"


class Assertion(Written):
    """A predicate in Python over the parameters, `result`, and `old_<parameter>` for an argument before the call."""

    kind: Literal["requires", "ensures"]
    expr: Predicate
    origin: Literal["stated", "implied", "guess"]


class Effects(Written):
    pure: StrictBool
    allowed: Annotated[tuple[Effect, ...], Field(max_length=2)]
    raises: Annotated[tuple[ErrorName, ...], Field(max_length=3)]
    imports: Annotated[tuple[Module, ...], Field(max_length=4)]


class Hole(Written):
    """A question that the request leaves open, and the answer that was assumed."""

    question: Sentence
    options: Annotated[tuple[Choice, ...], Field(min_length=2, max_length=3)]
    assumed: Choice


class IR(Written):
    intent: Intent
    signature: Signature
    examples: Annotated[tuple[Example, ...], Field(min_length=2, max_length=5)]
    assertions: Annotated[tuple[Assertion, ...], Field(max_length=5)]
    effects: Effects
    holes: Annotated[tuple[Hole, ...], Field(max_length=2)]
