"""The marks of a chat template, such as `<|im_end|>`: in somebody's words they are words."""

from collections.abc import Iterable


def inert(words: str, marks: Iterable[str]) -> str:
    """The words with every mark broken by a space: none can end a message and begin one in another name."""
    for mark in marks:
        words = words.replace(mark, f"{mark[:1]} {mark[1:]}")
    return words
