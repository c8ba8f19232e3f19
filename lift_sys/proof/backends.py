"""The grammar engines that can hold a model to a grammar, behind one seam."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import llguidance.numpy
import numpy as np
import xgrammar
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from lift_sys.grammar.spelling import EBNF, LARK, spell
from lift_sys.grammar.tree import Node
from lift_sys.proof.vocabulary import Vocabulary

Mask: TypeAlias = NDArray[np.int32]
"""Shape (ceil(vocabulary / 32),): bit `i % 32` of word `i // 32` says whether token `i` is admitted.

Bits beyond the vocabulary mean nothing.
"""
BackendName = Literal["xgrammar", "llguidance"]


class Matcher(Protocol):
    """Follows one text, token by token."""

    def mask(self) -> Mask:
        """The tokens that may come next; the next call overwrites it."""

    def accept(self, token: int) -> bool:
        """Go on by a token; False if it is not admitted."""

    def complete(self) -> bool:
        """Whether the text may end here."""


Compiled = Callable[[], Matcher]
"""Makes a matcher at a text's beginning."""


class Backend(Protocol):
    name: BackendName

    def compile(self, root: Node) -> Compiled:
        """Raises `ValueError` with the engine's words if it refuses the grammar.

        Compiles as an engine does that has just started: of what earlier calls compiled it knows nothing.
        """


class XGrammar:
    name: BackendName = "xgrammar"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._info = vocabulary.info

    def compile(self, root: Node) -> Compiled:
        return self.compile_text(spell(root, EBNF))

    def compile_text(self, ebnf: str) -> Compiled:
        return self._start(lambda compiler: compiler.compile_grammar(ebnf))

    def compile_schema(self, schema: str) -> Compiled:
        """A JSON Schema by the engine's own front end, with compact separators."""
        return self._start(
            lambda compiler: compiler.compile_json_schema(schema, any_whitespace=False, separators=(",", ":"))
        )

    def _start(self, compile_by: Callable[[Any], Any]) -> Compiled:
        try:
            compiled = compile_by(xgrammar.GrammarCompiler(self._info))
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        return lambda: _XGrammarMatcher(compiled, self._info.vocab_size)


class _XGrammarMatcher:
    def __init__(self, compiled: Any, size: int) -> None:
        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._bits = xgrammar.allocate_token_bitmask(1, size)
        self._words: Mask = self._bits.numpy()[0]

    def mask(self) -> Mask:
        self._matcher.fill_next_token_bitmask(self._bits)
        return self._words

    def accept(self, token: int) -> bool:
        return bool(self._matcher.accept_token(token))

    def complete(self) -> bool:
        return bool(self._matcher.is_completed())


class LLGuidance:
    name: BackendName = "llguidance"

    def __init__(self, vocabulary: Vocabulary) -> None:
        text = (vocabulary.folder / "tokenizer.json").read_text(encoding="utf-8")
        self._tokenizer = LLTokenizer(text, n_vocab=vocabulary.info.vocab_size, eos_token=vocabulary.stop_id)

    def compile(self, root: Node) -> Compiled:
        return self.compile_text(spell(root, LARK))

    def compile_text(self, lark: str) -> Compiled:
        return self._start(LLMatcher.grammar_from_lark(lark))

    def compile_schema(self, schema: str) -> Compiled:
        """A JSON Schema by the engine's own front end, with compact separators."""
        return self._start(LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_flexible": False}))

    def _start(self, grammar: str) -> Compiled:
        first = LLMatcher(self._tokenizer, grammar, log_level=0)
        if first.is_error():
            raise ValueError(first.get_error())
        return lambda: _LLGuidanceMatcher(first.deep_copy(), self._tokenizer.vocab_size)


class _LLGuidanceMatcher:
    def __init__(self, matcher: LLMatcher, size: int) -> None:
        self._matcher = matcher
        self._bits = llguidance.numpy.allocate_token_bitmask(1, size)

    def mask(self) -> Mask:
        llguidance.numpy.fill_next_token_bitmask(self._matcher, self._bits, 0)
        words: Mask = self._bits[0]
        return words

    def accept(self, token: int) -> bool:
        return bool(self._matcher.consume_token(token))

    def complete(self) -> bool:
        return bool(self._matcher.is_accepting())


BACKENDS: dict[BackendName, Callable[[Vocabulary], Backend]] = {"xgrammar": XGrammar, "llguidance": LLGuidance}


def admits(start: Compiled, tokens: Sequence[int]) -> bool:
    """Whether a text, spelt by these tokens, is one of the grammar's.

    Asks the masks as an engine does: XGrammar 0.2.7 accepts a token beyond a budget which no mask admits.
    """
    matcher = start()
    return all(_is_set(matcher.mask(), token) and matcher.accept(token) for token in tokens) and matcher.complete()


def _is_set(mask: Mask, token: int) -> bool:
    return bool(mask[token >> 5] >> (token & 31) & 1)
