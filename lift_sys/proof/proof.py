"""Does a grammar hold? Adversaries write by it, and every text must end in time, be valid, and be readable again."""

import json
from collections import Counter
from collections.abc import Iterator

import jsonschema
import numpy as np
from pydantic import Field

from lift_sys.grammar.bound import STOP_TOKENS, worst_case
from lift_sys.grammar.code_frame import CODE, PLANNED_CODE, opening, require_frame
from lift_sys.grammar.tree import Grammar
from lift_sys.outputs import Refused, read_json
from lift_sys.proof.adversaries import ADVERSARIES, Choose, DeadEnd
from lift_sys.proof.backends import Compiled, admits
from lift_sys.proof.instances import sample
from lift_sys.proof.vocabulary import Vocabulary
from schemas import IR, IR_JSON_SCHEMA
from schemas.wire import Wire

_IR_JUDGE = jsonschema.Draft202012Validator(IR_JSON_SCHEMA)
INSTANCES = "instances"
"""The writer that is no adversary: Hypothesis, whose texts must all be admitted."""
WRITERS = (*ADVERSARIES, INSTANCES)


class Tally(Wire):
    """What came of one writer and one grammar."""

    grammar: str
    writer: str
    runs: int = 0
    tokens: int = 0
    longest: int = 0
    """Tokens of the longest text, its end included."""
    bound: int
    """What `longest` may not exceed."""
    failures: dict[str, int] = Field(default_factory=dict)
    samples: tuple[str, ...] = ()
    """The first texts that failed, for a look."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            grammar=self.grammar,
            writer=self.writer,
            runs=self.runs + other.runs,
            tokens=self.tokens + other.tokens,
            longest=max(self.longest, other.longest),
            bound=self.bound,
            failures=dict(Counter(self.failures) + Counter(other.failures)),
            samples=(self.samples + other.samples)[:3],
        )


def prove(grammar: Grammar, writer: str, start: Compiled, vocabulary: Vocabulary, *, runs: int, seed: int) -> Tally:
    """So many texts of one writer, held to a grammar from its `start`."""
    tally = Tally(grammar=grammar.name, writer=writer, bound=worst_case(grammar.root) + STOP_TOKENS)
    found = _instances if writer == INSTANCES else _attacks
    return sum(found(tally, grammar, start, vocabulary, runs, seed), tally)


def _attacks(
    none: Tally, grammar: Grammar, start: Compiled, vocabulary: Vocabulary, runs: int, seed: int
) -> Iterator[Tally]:
    choose = ADVERSARIES[none.writer](vocabulary)
    rng = np.random.default_rng([seed, WRITERS.index(none.writer)])
    for _ in range(runs):
        try:
            written = write(start, choose, rng, vocabulary.stop_id, limit=none.bound)
        except DeadEnd:
            yield none.model_copy(update={"runs": 1, "failures": {"dead end": 1}})
            continue
        text = b"".join(vocabulary.tokens[token] for token in written[:-1])
        wrong = "not ended" if written[-1] != vocabulary.stop_id else why_invalid(grammar.name, text)
        yield _one(none, len(written), wrong, text)


def _one(none: Tally, tokens: int, wrong: str, text: object) -> Tally:
    failed = {"failures": {wrong: 1}, "samples": (repr(text),)} if wrong else {}
    return none.model_copy(update={"runs": 1, "tokens": tokens, "longest": tokens, **failed})


def write(start: Compiled, choose: Choose, rng: np.random.Generator, stop_id: int, limit: int) -> list[int]:
    """The tokens of one text, each chosen among those admitted, to the stop token or the limit."""
    matcher = start()
    written: list[int] = []
    while len(written) < limit and stop_id not in written[-1:]:
        token = choose(matcher.mask(), rng)
        if token != stop_id and not matcher.accept(token):
            raise DeadEnd  # the mask admits what the matcher does not
        written.append(token)
    return written


def why_invalid(grammar: str, text: bytes) -> str:
    """What is wrong with a text that the grammar of this name admitted; nothing, if it is as it should be."""
    try:
        words = text.decode()
        if grammar in (CODE, PLANNED_CODE):
            require_frame(("" if grammar == PLANNED_CODE else opening()) + words)
        else:
            _IR_JUDGE.validate(json.loads(words))
            read_json(IR, words)
    except UnicodeDecodeError:
        return "no UTF-8"
    except Refused as refusal:
        return refusal.reason
    except (json.JSONDecodeError, jsonschema.ValidationError) as error:
        return type(error).__name__
    return ""


def _instances(
    none: Tally, grammar: Grammar, start: Compiled, vocabulary: Vocabulary, runs: int, seed: int
) -> Iterator[Tally]:
    """Every text is admitted token by token, as the tokenizer itself spells it."""
    for text in sample(grammar.root, runs, seed):
        tokens = vocabulary.encode(text)
        yield _one(none, len(tokens) + STOP_TOKENS, "" if admits(start, tokens) else "refused", text)
