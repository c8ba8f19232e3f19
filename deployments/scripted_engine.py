"""An engine without a model: the same answer each time, after a set delay, so many at once as it has places.

For tests and benchmarks of the plumbing, and of what scales it.
"""

import asyncio
from collections.abc import Sequence

from lift_sys.evaluation.direct import FREE, JSON, Source
from lift_sys.grammar.code_frame import CODE, OPENING_FENCE, PLANNED_CODE
from lift_sys.ir_stage import IR_GRAMMAR
from lift_sys.scaling import Load
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


_PLACE_TOKENS = 1_024
"""What a place holds of the cache that there is not, and what an answer in it uses."""


class ScriptedEngine:
    def __init__(self, delay_s: float = 0.0, *, places: int = 1_024, cut: bool = False) -> None:
        self._delay_s = delay_s
        self._cut = cut
        self._places = asyncio.Semaphore(places)
        self._capacity_tokens = 2 * places * _PLACE_TOKENS
        self._running = 0
        self._waiting = 0

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        return await asyncio.gather(*(self._complete(_TEXTS[chat.grammar]) for chat in chats for _ in range(chat.n)))

    async def _complete(self, text: str) -> Completion:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        self._running += 1
        try:
            await asyncio.sleep(self._delay_s)
        finally:
            self._running -= 1
            self._places.release()
        return self._completion(text)

    async def warm_up(self, chats: Sequence[Chat]) -> None:
        """Nothing to warm."""

    async def check_health(self) -> None:
        """Always well."""

    async def load(self) -> Load:
        return Load(
            running=self._running,
            waiting=self._waiting,
            used_tokens=self._running * _PLACE_TOKENS,
            capacity_tokens=self._capacity_tokens,
            uncached_tokens=self._waiting * _PLACE_TOKENS // 2,
        )

    def _completion(self, text: str) -> Completion:
        return Completion(
            text=text[:-9] if self._cut else text,
            finish_reason="length" if self._cut else "stop",
            prompt_tokens=0,
            cached_tokens=0,
            completion_tokens=len(text.split()),  # there is no tokenizer
            seconds=0.0,
        )
