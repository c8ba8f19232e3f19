"""The way without us: ask the model for code in a markdown block, and take the first block there is."""

import re

from schemas.api import LiftRequest
from schemas.engine import Chat, Message

FREE = "free"
"""The name of no grammar."""
_BLOCK = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)


def direct_chat(request: LiftRequest) -> Chat:
    words = "\n".join([request.prompt, *request.examples])
    ask = f"Write a Python function for this, whole with its imports, in one markdown code block:\n\n{words}"
    return Chat(messages=(Message(role="user", content=ask),), grammar=FREE)


def source_in(answer: str) -> str:
    """The first code block of an answer, or all of it where it has none."""
    block = _BLOCK.search(answer)
    return (block[1] if block else answer).rstrip()
