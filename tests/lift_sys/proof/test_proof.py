"""A proof that could not fail would be none: grammars that do not hold, and what the proof says of them."""

from pathlib import Path

import pytest
import xgrammar

from lift_sys.grammar.code_frame import code_grammar
from lift_sys.grammar.tree import Fixed, Grammar, Node, Sequence, Text
from lift_sys.proof.backends import XGrammar
from lift_sys.proof.campaign import Job, jobs, total
from lift_sys.proof.proof import WRITERS, Tally, prove, why_invalid
from lift_sys.proof.vocabulary import Vocabulary
from schemas import IR

TOKENS = [*(bytes([b]) for b in range(256)), b"<stop>"]
DEAD_END = Text(r"[\u{80}-\u{d7ff}\u{e000}-\u{ffff}]+", "z", 1, 8)
"""A class of several ranges, which XGrammar 0.2.7 spells wrongly."""

BROKEN: dict[str, tuple[str, Node, str, str]] = {
    "no JSON": ("ir", Fixed("{"), "random", "JSONDecodeError"),
    "no IR": ("ir", Fixed("{}"), "random", "ValidationError"),
    "code that is not closed": ("code", Fixed("x = 1"), "random", "frame"),
    "code that is closed twice": ("code", Fixed("x = 1\n```\n```"), "random", "frame"),
    "half a character": ("code", Sequence((DEAD_END, Fixed("\n```"))), "escapes", "dead end"),
}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    info = xgrammar.TokenizerInfo(TOKENS, stop_token_ids=[256])
    return Vocabulary(Path(), info, Tokenizer(WordLevel({"": 0}, unk_token="")), 256)


@pytest.mark.parametrize(("name", "root", "writer", "failure"), BROKEN.values(), ids=BROKEN)
def test_a_grammar_that_does_not_hold_is_found_out(
    vocabulary: Vocabulary, name: str, root: Node, writer: str, failure: str
) -> None:
    start = XGrammar(vocabulary).compile(root)
    tally = prove(Grammar(name, root, 64), writer, start, vocabulary, runs=100, seed=0)
    assert tally.runs == 100
    assert tally.failures[failure] > 0


def test_a_grammar_that_holds_has_no_failure(vocabulary: Vocabulary) -> None:
    grammar = code_grammar(32)
    start = XGrammar(vocabulary).compile(grammar.root)
    for writer in WRITERS[:-1]:
        tally = prove(grammar, writer, start, vocabulary, runs=20, seed=0)
        assert (tally.runs, tally.failures) == (20, {})
        assert 0 < tally.longest <= tally.bound == 32


def test_the_same_seed_writes_the_same_texts_and_another_does_not(vocabulary: Vocabulary) -> None:
    grammar = code_grammar(32)
    start = XGrammar(vocabulary).compile(grammar.root)
    one, again, other = (prove(grammar, "random", start, vocabulary, runs=5, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.tokens != other.tokens


@pytest.mark.parametrize(
    ("text", "wrong"), [(b"x\n```", ""), (b"\xff\n```", "no UTF-8"), (b"x", "frame"), (b"`\n```", "frame")]
)
def test_code_is_judged_by_its_frame(text: bytes, wrong: str) -> None:
    assert why_invalid("code", text) == wrong


def test_an_ir_is_judged_by_its_public_schema(ir: IR) -> None:
    assert why_invalid("ir", ir.model_dump_json().encode()) == ""
    assert why_invalid("ir", ir.model_dump_json().replace('"pure":true', '"pure":1').encode()) == "ValidationError"


def test_a_campaign_covers_every_writer_with_as_many_runs_as_are_asked_for() -> None:
    work = jobs(Path("model"), "xgrammar", [code_grammar(32)], runs=450, seed=3)
    assert {job.writer for job in work} == set(WRITERS)
    for writer in WRITERS:
        mine = [job for job in work if job.writer == writer]
        assert [job.runs for job in mine] == [200, 200, 50]
        assert len({job.seed for job in mine}) == 3
    assert all(isinstance(job, Job) for job in work)


def test_tallies_of_one_grammar_and_writer_add_up() -> None:
    one = Tally(
        grammar="g", writer="random", runs=2, tokens=10, longest=7, bound=9, failures={"cut": 1}, samples=("a",)
    )
    other = one.model_copy(
        update={"runs": 3, "longest": 8, "failures": {"cut": 1, "json": 2}, "samples": ("b", "c", "d")}
    )
    [sum_] = total([one, other])
    assert (sum_.runs, sum_.tokens, sum_.longest, sum_.bound) == (5, 20, 8, 9)
    assert sum_.failures == {"cut": 2, "json": 2}
    assert sum_.samples == ("a", "b", "c")
