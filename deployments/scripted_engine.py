"""An engine without a model: the same answer each time, after a set delay. For tests and benchmarks of the plumbing."""

import asyncio
from collections.abc import Sequence

from schemas import IR, Chat, Completion, Sampling

IR_TEXT = IR.model_validate(
    {
        "intent": {"summary": "Double a number.", "rationale": "scripted"},
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
CODE_TEXT = "```python\ndef double(x: int) -> int:\n    return 2 * x\n```"


class ScriptedEngine:
    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    async def generate(self, chats: Sequence[Chat], grammar: str, sampling: Sampling, session: str) -> list[Completion]:
        await asyncio.sleep(self._delay_s)
        text = CODE_TEXT if grammar.startswith('root ::= "```python') else IR_TEXT
        completion = Completion(
            text=text, finish_reason="stop", prompt_tokens=0, cached_tokens=0, completion_tokens=0, seconds=0.0
        )
        return [completion] * sum(chat.n for chat in chats)

    async def warm_up(self, grammars: Sequence[str], chats: Sequence[Chat]) -> None:
        """Nothing to warm."""

    async def check_health(self) -> None:
        """Always well."""

    async def load(self) -> dict[str, float]:
        return {"running": 0, "waiting": 0, "token_usage": 0}
