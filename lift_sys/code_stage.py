"""Stage 2: from the user's words, and for some of the variations the IR, to several pieces of code."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from lift_sys.engine import Engine
from lift_sys.framings import FRAMINGS, mending_chat
from lift_sys.grammar.code_frame import require_frame, source_of
from lift_sys.ledger import Ledger
from lift_sys.outputs import CountInvalid, Refused, require_whole
from schemas.api import LiftRequest, StageReport
from schemas.code import Code
from schemas.engine import Chat, Completion, Sampling
from schemas.ir import IR
from schemas.verdict import Evidence

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+(.+))", re.MULTILINE)
_MODULE = re.compile(r"(?:^|,)\s*([A-Za-z_]\w*)")


class Failure(NamedTuple):
    """Code that was rejected, and why."""

    code: Code
    findings: tuple[Evidence, ...]


class Wave(NamedTuple):
    """The variations `begin` to `end` of a request. With a failure, all of them are to mend it."""

    begin: int
    end: int
    failure: Failure | None = None


Mix = Mapping[str, int]
"""Framings by name, each with its weight, the most trusted first."""


async def write_code(
    request: LiftRequest,
    ir: IR,
    wave: Wave,
    session: str,
    *,
    engine: Engine,
    sampling: Sampling,
    mix: Mix,
    count: CountInvalid,
) -> tuple[tuple[Code, ...], StageReport]:
    """The variations of a wave in one engine call, in the framings of `mix`.

    `count` hears of every output that is not as the grammar has it; it is a variation all the same, and the validator's
    to reject.
    """
    ledger = Ledger("code")
    chats = ask(request, ir, wave, mix)
    completions = await ledger.charge(engine.generate(chats, sampling, session))
    openings = [chat.opening for chat in chats for _ in range(chat.n)]
    variations = []
    for begun, completion in zip(openings, completions, strict=True):
        try:
            require_answer(begun, completion)
        except Refused as refusal:
            count("code", refusal.reason)
        variations.append(to_code(ir.signature.name, begun + completion.text))
    return tuple(variations), ledger.report()


def ask(request: LiftRequest, ir: IR, wave: Wave, mix: Mix) -> list[Chat]:
    """The chats of a wave. A framing that the request does not lend itself to leaves its share to the others."""
    if wave.failure:
        source, findings = wave.failure.code.source, wave.failure.findings
        return [mending_chat(request, ir, source, findings).model_copy(update={"n": wave.end - wave.begin})]
    chats = {name: chat for name in mix if (chat := FRAMINGS[name].chat(request, ir))}
    turns = take_turns({name: mix[name] for name in chats})
    shares = Counter(islice(turns, wave.begin, wave.end))
    return [chat.model_copy(update={"n": shares[name]}) for name, chat in chats.items() if shares[name]]


def take_turns(mix: Mix) -> Iterator[str]:
    """Whose turn it is, without end: whoever has least of its weight. Of 2 and 1: first, first, second, first."""
    had = dict.fromkeys(mix, 0)
    while True:
        turn = min(mix, key=lambda name: (had[name] + 1) / mix[name])
        had[turn] += 1
        yield turn


def require_answer(begun: str, completion: Completion) -> None:
    """Raises `Refused` for an output that is cut or not in its frame."""
    require_whole(completion)
    require_frame(begun + completion.text)


def to_code(function: str, answer: str) -> Code:
    """Build the `CODE_GENERATION_SCHEMA` value around the raw text. Nothing is parsed: that is the sandbox's work."""
    source = source_of(answer)
    found = {name for one, several in _IMPORT.findall(source) for name in (_MODULE.findall(several) or [one])}
    return Code(function=function, imports=tuple(sorted(found))[:64], source=source or "pass")
