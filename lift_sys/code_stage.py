"""Stage 2: from the user's words, and for some of the variations the IR, to several pieces of code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lift_sys.engine import Engine
from lift_sys.grammar.code_frame import CODE, PLANNED_CODE, opening, require_frame, source_of
from lift_sys.ir_stage import ir_chat
from lift_sys.ledger import Ledger
from lift_sys.outputs import CountInvalid, Refused, require_whole
from schemas.api import LiftRequest, StageReport
from schemas.code import Code
from schemas.engine import Chat, Completion, Message, Sampling
from schemas.ir import IR, Parameter, Signature
from schemas.verdict import Evidence

_EXPERT = "You are an expert Python programmer."


class Telling(NamedTuple):
    """Words in which code is asked for: before the conversation, and before the user's own."""

    system: str
    ask: str = ""


TELLINGS = (
    Telling("", "Write a self-contained Python script that solves this problem, in one markdown code block:\n\n"),
    Telling(f"{_EXPERT} Answer with one Python code block: imports, and the complete function with docstring."),
)
"""Variations take them in equal parts. Asked for terse code, without docstring and comments, small models write worse
code: 37 against 57 of a hundred on HumanEval+ (1.5B), so nothing here asks for that."""
_PLAN_FIRST = "Before the code block, plan it in a few short lines of plain words."
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+(.+))", re.MULTILINE)
_MODULE = re.compile(r"(?:^|,)\s*([A-Za-z_]\w*)")
_STARS = {"var_positional": "*", "var_keyword": "**"}


def header(signature: Signature) -> str:
    """The function's first line in Python."""
    parts: list[str] = []
    for parameter in signature.parameters:
        if parameter.kind == "keyword_only" and "*" not in parts and not any(p[:1] == "*" for p in parts):
            parts.append("*")
        parts.append(_parameter(parameter))
    prefix = "async def" if signature.is_async else "def"
    return f"{prefix} {signature.name}({', '.join(parts)}) -> {signature.returns}:"


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" = {parameter.default}"
    return f"{_STARS.get(parameter.kind, '')}{parameter.name}: {parameter.type}{default}"


@dataclass(frozen=True)
class Framing:
    """How an answer begins, the same for all variations."""

    pinned: bool = False
    """With the imports that the IR names and the function's first line, so that neither is the model's to choose."""
    planned: bool = False
    """With a plan in the model's words, before the code."""

    def chat(self, messages: tuple[Message, ...], ir: IR, n: int) -> Chat:
        if self.planned:
            return Chat(messages=messages, grammar=PLANNED_CODE, n=n)
        first_line = header(ir.signature)
        # A model wrote its names and types: with a line break or a fence among them it would not be one line.
        pinned = self.pinned and first_line.isprintable() and "`" not in first_line
        known = opening(ir.effects.imports, first_line) if pinned else opening()
        return Chat(messages=messages, grammar=CODE, opening=known, n=n)


def request_messages(
    request: LiftRequest,
    ir: IR,
    findings: Sequence[Evidence] = (),
    telling: Telling = TELLINGS[0],
    *,
    planned: bool = False,
) -> tuple[Message, ...]:
    """Ask by the user's words: a small model's IR is a bad script. Where they name no function, its header does."""
    words = "\n".join([request.prompt, *request.examples])
    task = "" if re.search(rf"\b{ir.signature.name}\b", words) else f"\n\n{_task(ir)}"
    system = _system(telling, planned)
    user = Message(role="user", content=f"{telling.ask}{words}{task}{_complaint(findings)}")
    return (*([Message(role="system", content=system)] if system else []), user)


def ir_first_messages(
    request: LiftRequest, ir: IR, findings: Sequence[Evidence] = (), *, planned: bool = False
) -> tuple[Message, ...]:
    """Go on from the IR call, whose words the engine's prefix cache still holds: the code follows the IR."""
    return (
        *ir_chat(request).messages,
        Message(role="assistant", content=ir.model_dump_json()),
        Message(role="user", content=f"{_task(ir)}\n{_system(TELLINGS[-1], planned)}{_complaint(findings)}"),
    )


def _system(telling: Telling, planned: bool) -> str:
    return f"{telling.system} {_PLAN_FIRST}".strip() if planned else telling.system


def _task(ir: IR) -> str:
    return f"Write this function:\n```python\n{header(ir.signature)}\n```"


def _complaint(findings: Sequence[Evidence]) -> str:
    if not findings:
        return ""
    listed = "\n".join(f"- {finding.detail}" for finding in findings[:4])
    return f"\n\nAn earlier attempt was wrong:\n{listed}"


async def write_code(
    request: LiftRequest,
    ir: IR,
    findings: tuple[Evidence, ...],
    session: str,
    *,
    engine: Engine,
    sampling: Sampling,
    n: int,
    ir_first: int,
    count: CountInvalid,
    framing: Framing = Framing(),
) -> tuple[tuple[Code, ...], StageReport]:
    """`n` variations in one engine call, `ir_first` of which follow the IR; the others the user's words alone.

    `count` hears of every output that is not as the grammar has it; it is a variation all the same, and the validator's
    to reject.
    """
    ledger = Ledger("code")
    ir_first = min(ir_first, n - 1)
    planned = framing.planned
    chats = [
        framing.chat(request_messages(request, ir, findings, telling, planned=planned), ir, share)
        for telling, share in zip(TELLINGS, _shares(n - ir_first), strict=True)
        if share
    ]
    if ir_first:
        chats.append(framing.chat(ir_first_messages(request, ir, findings, planned=planned), ir, ir_first))
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


def _shares(n: int) -> tuple[int, ...]:
    """`n` in parts as equal as can be, the first ones larger: 3 is 2 and 1."""
    return tuple((n + len(TELLINGS) - 1 - i) // len(TELLINGS) for i in range(len(TELLINGS)))


def require_answer(begun: str, completion: Completion) -> None:
    """Raises `Refused` for an output that is cut or not in its frame."""
    require_whole(completion)
    require_frame(begun + completion.text)


def to_code(function: str, answer: str) -> Code:
    """Build the `CODE_GENERATION_SCHEMA` value around the raw text. Nothing is parsed: that is the sandbox's work."""
    source = source_of(answer)
    found = {name for one, several in _IMPORT.findall(source) for name in (_MODULE.findall(several) or [one])}
    return Code(function=function, imports=tuple(sorted(found))[:64], source=source or "pass")
