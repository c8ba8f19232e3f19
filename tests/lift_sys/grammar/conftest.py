"""A vocabulary as small as can be, so that the tests of grammars need no tokenizer's files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import xgrammar
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from lift_sys.grammar.tree import Node
from lift_sys.proof.backends import Compiled, XGrammar, admits
from lift_sys.proof.vocabulary import Vocabulary

STOP = 256
TOKENS = [
    *(bytes([b]) for b in range(256)),
    b"<stop>",
    b'"}', b'","', b'":"', b"\\u00", b"]}", b"    ", b"``", b"\n```", b"\\\\", b'"\\', b"\xa4\xed", "日本".encode(),
    b"<pad>",
]  # fmt: skip
"""Every byte, the end, and tokens that reach over the borders of rules as those of real vocabularies do."""

Admits = Callable[[Node, str | bytes], bool]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    info = xgrammar.TokenizerInfo(TOKENS, stop_token_ids=[STOP])
    return Vocabulary(Path(), info, Tokenizer(WordLevel({"": 0}, unk_token="")), STOP)


@pytest.fixture(scope="session")
def start(vocabulary: Vocabulary) -> Callable[[Node], Compiled]:
    return cache(XGrammar(vocabulary).compile)


@pytest.fixture(scope="session")
def admitted(start: Callable[[Node], Compiled]) -> Admits:
    """Whether a text, byte by byte, is one of the tree's."""
    return lambda root, text: admits(start(root), list(text.encode() if isinstance(text, str) else text))
