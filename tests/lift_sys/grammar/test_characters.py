"""Free text is UTF-8, to the byte: neither a dead end nor a byte sequence that no decoder takes."""

from collections.abc import Callable
from itertools import product
from typing import Annotated

import pytest

from lift_sys.grammar.characters import BEYOND_ASCII, printable_except
from lift_sys.grammar.code_frame import code_grammar
from lift_sys.grammar.from_model import tree_of
from lift_sys.grammar.tree import Node
from lift_sys.proof.backends import Compiled
from schemas.wire import Text
from schemas.written import Written

LEADS, TAILS = range(0x80, 0x100), (0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
BORDERS = [0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000,
           0xFFFFF, 0x100000, 0x10FFFF, 0x200D, 0x202E, 0xFEFF]  # fmt: skip


class Note(Written):
    text: Annotated[str, Text(max_tokens=16)]


GRAMMARS: dict[str, tuple[Node, bytes]] = {
    "JSON": (tree_of(Note), b'{"text":"'),
    "code": (code_grammar(64).root, b""),
}


def begins_utf8(data: bytes) -> bool:
    """Whether some bytes can follow that make it UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


@pytest.mark.parametrize(("root", "before"), GRAMMARS.values(), ids=GRAMMARS)
def test_free_text_admits_the_beginnings_of_utf8_and_no_others(
    start: Callable[[Node], Compiled], root: Node, before: bytes
) -> None:
    compiled = start(root)
    wrong = []
    for lead, second, third in product(LEADS, TAILS[3:9], TAILS[3:9]):
        matcher = compiled()
        taken = [matcher.accept(byte) for byte in before]
        data = bytes([lead, second, third])
        taken = [matcher.accept(byte) for byte in data[:1]]
        for size in (2, 3):
            if all(taken):
                taken.append(matcher.accept(data[size - 1]))
        if all(taken) and len(taken) == 3 and not begins_utf8(data):
            wrong.append(data)
        if begins_utf8(data) and not (all(taken) and len(taken) == 3):
            wrong.append(data)
    assert wrong == []


@pytest.mark.parametrize("codepoint", BORDERS, ids=hex)
def test_every_border_of_unicode_can_be_written(admitted: Callable[[Node, str], bool], codepoint: int) -> None:
    assert admitted(GRAMMARS["JSON"][0], f'{{"text":"{chr(codepoint)}"}}')
    assert admitted(GRAMMARS["code"][0], f"x = '{chr(codepoint)}'\n```")


def test_the_classes_cover_all_but_controls_and_surrogates() -> None:
    import re

    pattern = re.compile(
        re.sub(r"\\u\{(\w+)\}", lambda m: f"\\U{int(m[1], 16):08x}", f"{printable_except('')}|{BEYOND_ASCII}")
    )
    outside = [c for c in range(0x110000) if not pattern.fullmatch(chr(c))]
    assert outside == [*range(0x20), 0x7F, *range(0xD800, 0xE000)]
