"""The worst case of a grammar: no writer can go beyond it, and an engine that has less room refuses by name."""

from collections.abc import Callable

import numpy as np
import pytest

from lift_sys.grammar.bound import STOP_TOKENS, BoundExceeded, by_field, require_fit, worst_case
from lift_sys.grammar.code_frame import code_grammar, planned_code_grammar
from lift_sys.grammar.from_model import tree_of
from lift_sys.grammar.tree import Array, Fixed, Grammar, Lines, Node, Object, OneOf, Pattern, Rule, Sequence, Text
from lift_sys.ir_stage import ir_grammar
from lift_sys.proof.adversaries import ADVERSARIES
from lift_sys.proof.backends import Compiled
from lift_sys.proof.proof import write
from lift_sys.proof.vocabulary import Vocabulary
from schemas import IR

TEXT = Text("[a-z]", "é", 2, 10)
NODES: dict[str, tuple[Node, int]] = {
    "fixed": (Fixed("abc"), 3),
    "fixed, beyond ASCII": (Fixed("日本"), 6),
    "the longest of several": (OneOf((Fixed("a"), Fixed("abcd"))), 4),
    "one after the other": (Sequence((Fixed("ab"), Fixed("cd"))), 4),
    "an object with its keys": (Object((("k", Fixed("1")), ("l", Fixed("2")))), len('{"k":1,"l":2}')),
    "as many items as there may be": (Array(Fixed("12"), 0, 3), len("[12,12,12]")),
    "a rule": (Rule("r", Fixed("ab")), 2),
    "a pattern": (Pattern("[a-z]{1,7}", 7), 7),
    "a text, and a unit behind it": (TEXT, 12),
    "lines with their closing": (Lines("body", TEXT, "\n```"), 16),
}


@pytest.mark.parametrize(("node", "tokens"), NODES.values(), ids=NODES)
def test_the_worst_case_of_a_node_is_a_token_a_byte(node: Node, tokens: int) -> None:
    assert worst_case(node) == tokens


@pytest.mark.parametrize(
    ("text", "most"),
    [("", 0), ("x", 1), ("ab", 2), ('","', 3), ("日本", 6)],
)
def test_a_tokenizer_with_a_token_for_each_byte_needs_no_less(vocabulary: Vocabulary, text: str, most: int) -> None:
    assert vocabulary.most_tokens(text) == most


@pytest.mark.parametrize("writer", ADVERSARIES)
@pytest.mark.parametrize(
    "grammar", [ir_grammar(3_500), code_grammar(64), planned_code_grammar(128, 32)], ids=lambda g: g.name
)
def test_no_adversary_goes_beyond_the_worst_case(
    vocabulary: Vocabulary, start: Callable[[Node], Compiled], writer: str, grammar: Grammar
) -> None:
    choose, rng = ADVERSARIES[writer](vocabulary), np.random.default_rng(7)
    most = worst_case(grammar.root) + STOP_TOKENS
    written = write(start(grammar.root), choose, rng, vocabulary.stop_id, limit=most)
    assert written[-1] == vocabulary.stop_id


def test_the_worst_case_can_be_reached(admitted: Callable[[Node, str], bool]) -> None:
    """A bound that nothing comes near would waste a context."""
    longest = "x" * 55 + "👍" + "\n```"
    assert admitted(code_grammar(64).root, longest)
    assert len(longest.encode()) + STOP_TOKENS == worst_case(code_grammar(64).root) + STOP_TOKENS == 64


def test_an_answer_that_may_not_fit_its_limit_is_refused_by_the_largest_fields() -> None:
    grammar = ir_grammar(1_536)
    with pytest.raises(BoundExceeded, match=r"ir\.max_tokens is 1536, and an answer can take 3500 tokens") as refusal:
        require_fit(grammar, 8_192)
    assert "examples[5].arguments" in str(refusal.value)
    require_fit(ir_grammar(3_500), 8_192)


def test_a_limit_that_leaves_no_room_for_a_prompt_is_refused() -> None:
    with pytest.raises(BoundExceeded, match=r"no room for a prompt in engine\.context_tokens, 4000"):
        require_fit(ir_grammar(4_000), 4_000)


def test_every_field_of_the_ir_is_told_with_what_it_takes() -> None:
    fields = dict(by_field(tree_of(IR)))
    assert fields["intent.summary"] == 2 + 48 + 6
    assert fields["examples[5].value"] == 5 * (2 + 48 + 6)
    assert fields["signature.parameters[6].name"] == 6 * (2 + 48)
    assert len(fields) == 25
    assert sum(fields.values()) < worst_case(tree_of(IR))
