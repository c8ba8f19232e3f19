"""Does a grammar hold? Adversaries write by it, and every text must end in time, be valid, and be readable again."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jsonschema
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from lift_sys.grammar.bound import STOP_TOKENS, worst_case
from lift_sys.grammar.code_frame import CODE, PLANNED_CODE, opening, require_frame
from lift_sys.grammar.tree import Grammar
from lift_sys.outputs import Refused, read_json
from lift_sys.proof.adversaries import ADVERSARIES, Choose, DeadEnd
from lift_sys.proof.backends import Backend, Compiled, admits
from lift_sys.proof.instances import texts
from lift_sys.proof.vocabulary import Vocabulary
from schemas import IR, IR_JSON_SCHEMA

_IR_JUDGE = jsonschema.Draft202012Validator(IR_JSON_SCHEMA)
Tell = Callable[[int], None]
"""Hears of so many more texts."""


@dataclass
class Tally:
    """What came of one writer and one grammar."""

    grammar: str
    writer: str
    runs: int = 0
    tokens: int = 0
    longest: int = 0
    """Tokens of the longest text, its end included."""
    bound: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    """The first texts that failed, for a look."""


def prove(
    grammar: Grammar, backend: Backend, vocabulary: Vocabulary, *, runs: int, seed: int, tell: Tell
) -> Iterator[Tally]:
    """One tally an adversary, and one of the instances. Raises `ValueError` if the backend refuses the grammar."""
    start = backend.compile(grammar.root)
    bound = worst_case(grammar.root) + STOP_TOKENS
    for index, (name, adversary) in enumerate(ADVERSARIES.items()):
        tally = Tally(grammar.name, name, bound=bound)
        choose, rng = adversary(vocabulary), np.random.default_rng([seed, index])
        for _ in range(runs):
            _attack(grammar, start, vocabulary, choose, rng, tally)
            tell(1)
        yield tally
    yield _instances(grammar, start, vocabulary, runs, tell)


def _attack(
    grammar: Grammar, start: Compiled, vocabulary: Vocabulary, choose: Choose, rng: np.random.Generator, tally: Tally
) -> None:
    tally.runs += 1
    try:
        written = write(start, choose, rng, vocabulary.stop_id, limit=tally.bound)
    except DeadEnd:
        tally.failures["dead end"] += 1
        return
    tally.tokens += len(written)
    tally.longest = max(tally.longest, len(written))
    text = b"".join(vocabulary.tokens[token] for token in written[:-1])
    wrong = "not ended" if written[-1] != vocabulary.stop_id else why_invalid(grammar.name, text)
    if wrong:
        tally.failures[wrong] += 1
        tally.samples = [*tally.samples, repr(text)][:3]


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


def _instances(grammar: Grammar, start: Compiled, vocabulary: Vocabulary, runs: int, tell: Tell) -> Tally:
    """Every text that Hypothesis makes of the tree is admitted, token by token as the tokenizer itself spells it."""
    tally = Tally(grammar.name, "instances", bound=worst_case(grammar.root) + STOP_TOKENS)

    @settings(max_examples=runs, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(texts(grammar.root))
    def admit(text: str) -> None:
        tokens = vocabulary.encode(text)
        tally.runs += 1
        tally.tokens += len(tokens)
        tally.longest = max(tally.longest, len(tokens) + STOP_TOKENS)
        tell(1)
        if not admits(start, tokens):
            tally.failures["refused"] += 1
            tally.samples = [*tally.samples, repr(text)][:3]

    admit()
    return tally
