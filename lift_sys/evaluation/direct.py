"""The ways without us: ask the model for code in a markdown block, or in a JSON string, and take it as it comes."""

import re
from typing import Annotated

from lift_sys.grammar.from_model import tree_of
from lift_sys.grammar.tree import Grammar
from lift_sys.outputs import Refused, read_json
from schemas.api import LiftRequest
from schemas.engine import Chat, Message
from schemas.wire import Text
from schemas.written import Written

FREE = "free"
"""The name of no grammar."""
JSON = "json"
DIRECT_TOKENS = 1_200
"""More than any grammar of code admits."""
_BLOCK = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)


class Source(Written):
    """Code as many services have it written: in a string of a JSON object."""

    source: Annotated[str, Text(max_tokens=512)]


_SAMPLE_JSON = Source(source="import math\n\ndef area(radius):\n    return math.pi * radius**2\n").model_dump_json()


def json_grammar(max_tokens: int) -> Grammar:
    return Grammar(JSON, tree_of(Source), max_tokens)


def direct_chat(request: LiftRequest) -> Chat:
    ask = f"Write a Python function for this, whole with its imports, in one markdown code block:\n\n{request.words}"
    return Chat(messages=(Message(role="user", content=ask),), grammar=FREE)


def json_chat(request: LiftRequest) -> Chat:
    """With a sample: without one a small model leaves the string empty."""
    ask = (
        "Write a Python function for this, whole with its imports. Answer with a JSON object of one key, `source`, "
        f"whose value is the code as a string, such as {_SAMPLE_JSON}\n\n{request.words}"
    )
    return Chat(messages=(Message(role="user", content=ask),), grammar=JSON)


def source_in(answer: str) -> str:
    """The first code block of an answer, or all of it where it has none."""
    block = _BLOCK.search(answer)
    return (block[1] if block else answer).rstrip()


def source_in_json(answer: str) -> str:
    """The code in a JSON object, or what there is in place of one."""
    try:
        return read_json(Source, answer).source
    except Refused:
        return answer
