"""Stage 2: from the user's words, and for some of the variations the IR, to several pieces of code."""

import re
from collections.abc import Sequence

from lift_sys.engine import Engine
from lift_sys.grammar import code_grammar, fenced_source
from lift_sys.ir_stage import ir_chat
from lift_sys.ledger import Ledger
from schemas.api import LiftRequest, StageReport
from schemas.code import Code
from schemas.engine import Chat, Completion, Message, Sampling
from schemas.ir import IR, Parameter, Signature
from schemas.verdict import Evidence

_INSTRUCTIONS = (
    "You are an expert Python programmer. Answer with one Python code block: the imports it needs and the complete "
    "function, without comments, docstring, examples or tests."
)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+(.+))", re.MULTILINE)
_MODULE = re.compile(r"(?:^|,)\s*([A-Za-z_]\w*)")
_STARS = {"var_positional": "*", "var_keyword": "**"}


_FENCE_TOKENS = 16
"""More than enough for both fences and the end of the text."""


def grammar_of(max_tokens: int) -> str:
    """The grammar of an answer that is at most `max_tokens` long, fences included."""
    return code_grammar(max_tokens - _FENCE_TOKENS)


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


def request_chat(request: LiftRequest, ir: IR, findings: Sequence[Evidence], n: int) -> Chat:
    """Ask by the user's words and the signature alone: a small model's IR is a bad script."""
    words = "\n".join([request.prompt, *request.examples])
    messages = (
        Message(role="system", content=_INSTRUCTIONS),
        Message(role="user", content=f"{words}\n\n{_task(ir)}{_complaint(findings)}"),
    )
    return Chat(messages=messages, n=n)


def ir_first_chat(request: LiftRequest, ir: IR, findings: Sequence[Evidence], n: int) -> Chat:
    """Go on from the IR call, whose words the engine's prefix cache still holds: the code follows the IR."""
    messages = (
        *ir_chat(request).messages,
        Message(role="assistant", content=ir.model_dump_json()),
        Message(role="user", content=f"{_task(ir)}\n{_INSTRUCTIONS}{_complaint(findings)}"),
    )
    return Chat(messages=messages, n=n)


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
) -> tuple[tuple[Code, ...], StageReport]:
    """`n` variations in one engine call, `ir_first` of which follow the IR; the others the user's words alone."""
    ledger = Ledger("code")
    ir_first = min(ir_first, n - 1)
    chats = [request_chat(request, ir, findings, n - ir_first)]
    if ir_first:
        chats.append(ir_first_chat(request, ir, findings, ir_first))
    completions = await ledger.charge(engine.generate(chats, grammar_of(sampling.max_tokens), sampling, session))
    return tuple(to_code(ir.signature.name, completion) for completion in completions), ledger.report()


def to_code(function: str, completion: Completion) -> Code:
    """Build the `CODE_GENERATION_SCHEMA` value around the raw text. Nothing is parsed: that is the sandbox's work."""
    source = fenced_source(completion.text)
    found = {name for one, several in _IMPORT.findall(source) for name in (_MODULE.findall(several) or [one])}
    return Code(function=function, imports=tuple(sorted(found))[:64], source=source or "pass")
