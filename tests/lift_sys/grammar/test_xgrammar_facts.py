"""What XGrammar 0.2.7 does that our grammars are spelt around. When one of these fails, a workaround can go."""

import pytest

from lift_sys.proof.backends import XGrammar, admits
from lift_sys.proof.vocabulary import Vocabulary

STRING = r"([a-z]|\\[\\n])*"


def follows(vocabulary: Vocabulary, ebnf: str, tokens: list[bytes]) -> int:
    """How many of the tokens the grammar takes."""
    matcher = XGrammar(vocabulary).compile_text(ebnf)()
    ids = [vocabulary.tokens.index(token) for token in tokens]
    return next((i for i, token in enumerate(ids) if not matcher.accept(token)), len(ids))


def test_a_budget_is_lifted_while_a_text_cannot_end(vocabulary: Vocabulary, capfd: pytest.CaptureFixture[str]) -> None:
    """Two backslashes close an escape and open the next: a model that goes on so is never stopped."""
    endless = [b"\\", *[b"\\\\"] * 200]
    budget_alone = f'root ::= "<" text ">"\ntext[max_tokens=8] ::= Regex("{STRING.replace(chr(92), chr(92) * 2)}")\n'
    assert follows(vocabulary, budget_alone, [b"<", *endless]) == 202
    assert "relaxed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("regex", "data"),
    [(r"[\\u{80}-\\u{d7ff}\\u{e000}-\\u{ffff}]", b"\xed\x9f\xbf"), (r"[^\\x00-\\x7f]", b"\xed\xa0\x80")],
    ids=["U+D7FF cannot be written", "a surrogate can"],
)
def test_a_class_of_several_ranges_is_spelt_wrongly(vocabulary: Vocabulary, regex: str, data: bytes) -> None:
    taken = follows(vocabulary, f'root ::= Regex("{regex}")\n', [bytes([byte]) for byte in data])
    assert (taken == 3) is not is_utf8(data)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_budget_is_kept_by_masks_alone(vocabulary: Vocabulary, capfd: pytest.CaptureFixture[str]) -> None:
    """A token that no mask admits is accepted all the same: whoever checks drafts by accepting them is not bounded."""
    bounded = 'root ::= text ">"\ntext[max_tokens=8] ::= Regex("[a-z]*")\n'
    assert follows(vocabulary, bounded, [b"a"] * 20) == 20
    assert not admits(XGrammar(vocabulary).compile_text(bounded), [*[ord("a")] * 9, ord(">")])
    assert admits(XGrammar(vocabulary).compile_text(bounded), [*[ord("a")] * 8, ord(">")])
    assert "relaxed" in capfd.readouterr().err


def test_an_optional_group_that_ends_in_a_star_loses_its_first_part(vocabulary: Vocabulary) -> None:
    assert follows(vocabulary, 'root ::= Regex("(ab*)?") "c"\n', [b"b", b"c"]) == 2


def test_special_tokens_are_taken_for_the_characters_of_their_names(vocabulary: Vocabulary) -> None:
    """Therefore `skip_special_tokens` is off: a text without them might be none of the grammar's."""
    assert follows(vocabulary, 'root ::= Regex("[<a-z>]*")\n', [b"<pad>", b"a"]) == 2
