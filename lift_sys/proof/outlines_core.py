"""outlines-core 0.1, for comparison only: it compiles regular expressions, and cannot count tokens."""

import re
from typing import Any

import interegular
import numpy as np
from outlines_core.fsm.outlines_core_rs import build_regex_from_schema
from outlines_core.fsm.regex import create_fsm_index_tokenizer, make_byte_level_fsm, make_deterministic_fsm

from lift_sys.grammar.tree import Array, Fixed, Leaf, Lines, Node, Object, OneOf, Pattern, Rule, Sequence, Text, keys
from lift_sys.proof.backends import Compiled
from lift_sys.proof.vocabulary import Vocabulary


class OutlinesCore:
    name = "outlines-core"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tokenizer = _Tokenizer(vocabulary)

    def compile(self, root: Node) -> Compiled:
        """The tree without its budgets. Raises `ValueError` with the engine's words."""
        return self._start(regex_of(root))

    def compile_schema(self, schema: str) -> Compiled:
        try:
            return self._start(build_regex_from_schema(schema, ""))
        except (NotImplementedError, RecursionError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    def _start(self, regex: str) -> Compiled:
        try:
            pattern: Any = interegular.parse_pattern(regex)
            fsm = make_byte_level_fsm(pattern.to_fsm().reduce(), keep_utf8=True)
        except (interegular.Unsupported, interegular.InvalidSyntax) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
        deterministic, _ = make_deterministic_fsm(fsm)
        index, _ = create_fsm_index_tokenizer(deterministic, self._tokenizer)
        return lambda: _Matcher(index, self._tokenizer.size)


class _Matcher:
    def __init__(self, index: Any, size: int) -> None:
        self._index = index
        self._state: int = index.get_initial_state()
        self._words = np.zeros((size + 31) // 32, dtype=np.uint32)

    def mask(self) -> Any:
        """Looks the admitted tokens up, and spreads them into words as the others have them."""
        ids = np.array(self._index.get_allowed_tokens(self._state) or [], dtype=np.int64)
        self._words[:] = 0
        np.bitwise_or.at(self._words, ids >> 5, np.uint32(1) << (ids & 31).astype(np.uint32))
        return self._words.view(np.int32)

    def accept(self, token: int) -> bool:
        state = self._index.get_next_state(self._state, token)
        if state is None:
            return False
        self._state = state
        return True

    def complete(self) -> bool:
        return bool(self._index.is_final_state(self._state))


class _Tokenizer:
    """A vocabulary as outlines-core asks for it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = {token: i for token, i in vocabulary.tokenizer.get_vocab().items() if i != vocabulary.stop_id}
        self.special_tokens = {token for token in self.vocabulary if token.startswith("<|")}
        self.eos_token_id = vocabulary.stop_id
        self.size = len(vocabulary.tokens)
        self._tokens = vocabulary.tokens

    def convert_token_to_string(self, token: str) -> str:
        return self._tokens[self.vocabulary[token]].decode(errors="replace")


def regex_of(node: Node) -> str:
    """One regular expression for the whole tree, its texts without an end."""
    match node:
        case OneOf(options):
            return "(" + "|".join(map(regex_of, options)) + ")"
        case Sequence(parts):
            return "".join(map(regex_of, parts))
        case Object(members):
            pairs = zip(keys(node), members, strict=True)
            return "".join(re.escape(key) + regex_of(value) for key, (_, value) in pairs) + r"\}"
        case Array(item, least, most):
            one = regex_of(item)
            filled = f"{one}(,{one}){{{max(least - 1, 0)},{most - 1}}}"
            return rf"\[{filled}\]" if least else rf"\[({filled})?\]"
        case Rule(_, inner):
            return regex_of(inner)
        case _:
            return _leaf(node)


def _leaf(leaf: Leaf) -> str:
    match leaf:
        case Fixed(text):
            return re.escape(text)
        case Pattern(regex):
            return regex
        case Text(regex):
            return f"({_characters(regex)})?"
        case Lines(_, line, closing):
            one = f"({_characters(line.regex)})?"
            return f"{one}(\n{one})*{re.escape(closing)}"


def _characters(regex: str) -> str:
    """The regex with its characters beyond ASCII written out: interegular knows no code points in braces."""
    return re.sub(r"\\u\{(\w+)\}", lambda found: chr(int(found[1], 16)), regex)
