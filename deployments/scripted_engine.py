"""An engine without a model: the same answer each time, after a set delay. For tests and benchmarks of the plumbing."""

import asyncio
from collections.abc import Sequence

from lift_sys.evaluation.direct import FREE, JSON, Source
from lift_sys.grammar.code_frame import CODE, OPENING_FENCE, PLANNED_CODE
from lift_sys.ir_stage import IR_GRAMMAR
from schemas import IR, Chat, Completion, Sampling

IR_TEXT = IR.model_validate(
    {
        "intent": {"summary": "Double a number.", "rationale": "scripted", "asks_for": "function"},
        "signature": {
            "name": "double",
            "parameters": [{"name": "x", "type": "int", "kind": "positional", "default": None}],
            "returns": "int",
            "is_async": False,
        },
        "examples": [
            {"origin": "inferred", "arguments": "2", "expect": "returns", "value": "4", "covers": "typical"},
            {"origin": "inferred", "arguments": "0", "expect": "returns", "value": "0", "covers": "boundary"},
        ],
        "assertions": [{"kind": "ensures", "expr": "result == x + x", "origin": "implied"}],
        "effects": {"pure": True, "allowed": [], "raises": [], "imports": []},
        "holes": [],
    }
).model_dump_json()
CODE_TEXT = "def double(x: int) -> int:\n    return 2 * x\n```"
_TEXTS = {
    IR_GRAMMAR: IR_TEXT,
    CODE: CODE_TEXT,
    PLANNED_CODE: f"Double it.\n{OPENING_FENCE}{CODE_TEXT}",
    FREE: f"Here it is:\n{OPENING_FENCE}{CODE_TEXT}",
    JSON: Source(source="def double(x): return x").model_dump_json(),
}


class ScriptedEngine:
    def __init__(self, delay_s: float = 0.0, *, cut: bool = False) -> None:
        self._delay_s = delay_s
        self._cut = cut

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        await asyncio.sleep(self._delay_s)
        return [self._completion(_TEXTS[chat.grammar]) for chat in chats for _ in range(chat.n)]

    async def warm_up(self, chats: Sequence[Chat]) -> None:
        """Nothing to warm."""

    async def check_health(self) -> None:
        """Always well."""

    async def load(self) -> dict[str, float]:
        return {"running": 0, "waiting": 0, "token_usage": 0}

    def _completion(self, text: str) -> Completion:
        return Completion(
            text=text[:-9] if self._cut else text,
            finish_reason="length" if self._cut else "stop",
            prompt_tokens=0,
            cached_tokens=0,
            completion_tokens=len(text.split()),  # there is no tokenizer
            seconds=0.0,
        )
