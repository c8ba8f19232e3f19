"""The ways in which a model can be asked for one piece of code.

Each is worth having beside the others only as far as it is right where they are wrong, or cheaper: what each does to
correctness and cost is measured by `lift bench takes` and `lift eval`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lift_sys.grammar.code_frame import CODE, PLANNED_CODE, opening
from lift_sys.ir_stage import ir_chat
from lift_sys.signatures import header
from lift_sys.stub import stub
from schemas.api import LiftRequest
from schemas.engine import Chat, Message
from schemas.ir import IR
from schemas.verdict import Evidence

_EXPERT = "You are an expert Python programmer."
_ANSWER = f"{_EXPERT} Answer with one Python code block: imports, and the complete function with docstring."
_MOST_FINDINGS = 4
_PLAN_FIRST = "Before the code block, plan it in a few short lines of plain words."

Begin = Callable[[LiftRequest, IR], str | None]
"""The code that an answer begins with, known before the model writes; None where the request gives none."""


def _nothing(request: LiftRequest, ir: IR) -> str | None:
    return ""


def _stub(request: LiftRequest, ir: IR) -> str | None:
    return stub(request.prompt)


def _documented(request: LiftRequest, ir: IR) -> str | None:
    """The function's first line, and the user's words as its docstring."""
    words = request.words.strip().strip('"').strip()
    if '"""' in words or "\\" in words or stub(request.prompt) is not None:
        return None
    lines = "\n".join(f"    {line}".rstrip() for line in words.splitlines())
    names = ", ".join(p.name for p in ir.signature.parameters)
    return f'def {ir.signature.name}({names}):\n    """\n{lines}\n    """\n'


def _pinned(request: LiftRequest, ir: IR) -> str | None:
    """The imports that the IR names and the function's first line, so that neither is the model's to choose."""
    first_line = header(ir.signature)
    # A model wrote its names and types: with a line break or a fence among them it would not be one line.
    if not first_line.isprintable() or "`" in first_line:
        return None
    imports = "".join(f"import {module}\n" for module in ir.effects.imports)
    return f"{imports and imports + chr(10)}{first_line}\n"


@dataclass(frozen=True)
class Framing:
    system: str = ""
    ask: str = ""
    """Before the user's words."""
    lead: str = ""
    """How the answer begins before its code block."""
    begin: Begin = field(default=_nothing)
    follows_ir: bool = False
    """Go on from the IR call, whose words the prefix cache still holds, instead of from the user's words."""
    planned: bool = False
    """Let the model plan in its own words before the code."""

    @property
    def suits_all(self) -> bool:
        """Whether any request can be asked for in this way."""
        return self.begin is _nothing

    def chat(self, request: LiftRequest, ir: IR, n: int = 1) -> Chat | None:
        """None where the request does not lend itself to this."""
        code = self.begin(request, ir)
        if code is None or any(line.startswith("`") for line in code.splitlines()):
            return None
        messages = self._after_ir(request, ir) if self.follows_ir else self._alone(request, ir)
        if self.planned:
            return Chat(messages=messages, grammar=PLANNED_CODE, n=n)
        return Chat(messages=messages, grammar=CODE, opening=f"{self.lead}{opening(code)}", n=n)

    def _alone(self, request: LiftRequest, ir: IR) -> tuple[Message, ...]:
        """By the user's words: a small model's IR is a bad script. Where they name no function, its header does."""
        words = request.words
        task = "" if re.search(rf"\b{ir.signature.name}\b", words) else f"\n\n{_task(ir)}"
        user = Message(role="user", content=f"{self.ask}{words}{task}")
        return (*([Message(role="system", content=self._system)] if self._system else []), user)

    def _after_ir(self, request: LiftRequest, ir: IR) -> tuple[Message, ...]:
        return (
            *ir_chat(request).messages,
            Message(role="assistant", content=ir.model_dump_json()),
            Message(role="user", content=f"{_task(ir)}\n{self._system}"),
        )

    @property
    def _system(self) -> str:
        return f"{self.system} {_PLAN_FIRST}".strip() if self.planned else self.system


_SCRIPT = "Write a self-contained Python script that solves this problem, in one markdown code block:\n\n"
_LEAD = "Here is a self-contained Python script that solves the problem and meets its examples:\n\n"
_COMPLETE = "Complete this Python function. Answer with the whole function in one markdown code block:\n\n"

FRAMINGS = {
    "script": Framing(ask=_SCRIPT),
    "complete": Framing(system=_ANSWER),
    "lead": Framing(ask=_SCRIPT, lead=_LEAD),
    "stub": Framing(ask=_COMPLETE, begin=_stub),
    "documented": Framing(ask=_SCRIPT, begin=_documented),
    "simple": Framing(
        ask="Solve this in Python in the simplest and most literal way; speed does not matter. "
        "Answer with one markdown code block:\n\n",
    ),
    "careful": Framing(
        ask="Solve this in Python. Mind every rule and every example that is given, and the empty and odd inputs. "
        "Answer with one markdown code block:\n\n"
    ),
    "pinned": Framing(ask=_SCRIPT, begin=_pinned),
    "planned": Framing(system=_ANSWER, planned=True),
    "ir": Framing(system=_ANSWER, follows_ir=True),
}


def _task(ir: IR) -> str:
    return f"Write this function:\n```python\n{header(ir.signature)}\n```"


def mending_chat(request: LiftRequest, ir: IR, source: str, findings: Sequence[Evidence]) -> Chat:
    """Ask to mend code that was rejected: by the user's words, the code, and what it did wrong on which inputs."""
    words = FRAMINGS["script"].chat(request, ir)
    assert words
    listed = "\n".join(f"- {finding.detail}" for finding in findings[:_MOST_FINDINGS])
    wrong = f"That is wrong:\n{listed}\n\nFind the mistake, and write the whole script again, in one code block."
    messages = (
        *words.messages,
        Message(role="assistant", content=f"{opening(source)}\n```"),
        Message(role="user", content=wrong),
    )
    return Chat(messages=messages, grammar=CODE, opening=opening())
