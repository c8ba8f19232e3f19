"""The base of every value that crosses a process border, and the words it is spelt with."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

LONGEST_TOKEN_CHARS = 128
"""The most characters that one token of the supported vocabularies (Qwen2.5, Qwen3) spells."""


class Wire(BaseModel):
    """Immutable, and refuses fields it does not know. What is refused is not repeated: an error may reach a log."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def schema_text(cls) -> str:
        """The JSON Schema as checked-in text. Key order is kept: a model writes in the order of its grammar."""
        return json.dumps(cls.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Text:
    """Annotates a string that a model writes: at most `max_tokens` tokens long.

    The grammar enforces the budget in tokens. The length in characters that the schema states follows from it (one more
    token may reach in over the opening quote), so that nothing the grammar admits can fail the schema.
    """

    max_tokens: int

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(max_length=(self.max_tokens + 1) * LONGEST_TOKEN_CHARS)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "x-max-tokens": self.max_tokens}


Identifier = Annotated[str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_]{0,47}$")]
"""A name in Python. The bound stands inside the pattern: XGrammar drops maxLength beside a pattern."""
