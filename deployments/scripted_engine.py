"""An engine without a model: the same answer each time, after a set delay, so many at once as it has places.

For tests and benchmarks of the plumbing, and of what scales it.
"""

import asyncio
import heapq
import itertools
import re
import time
from collections.abc import Sequence

from lift_sys.evaluation.direct import FREE, JSON, Source
from lift_sys.grammar.code_frame import CODE, OPENING_FENCE, PLANNED_CODE
from lift_sys.hearing import listener
from lift_sys.ir_stage import IR_GRAMMAR
from lift_sys.scaling import Load
from schemas import IR, Chat, Completion, Piece, Sampling

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


class Places:
    """A semaphore whose free places go to the highest priority that waits, and within one to who came first."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._came = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, priority: int) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._came), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class ScriptedEngine:
    def __init__(self, delay_s: float = 0.0, *, places: int = 1_024, cut: bool = False) -> None:
        self._delay_s = delay_s
        self._cut = cut
        self._places = Places(places)
        self._capacity_tokens = 2 * places * _PLACE_TOKENS
        self._running = 0
        self._waiting = 0

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        return await asyncio.gather(*(self._complete(chat, sampling.priority) for chat in chats for _ in range(chat.n)))

    async def _complete(self, chat: Chat, priority: int) -> Completion:
        begun = time.monotonic()
        self._waiting += 1
        try:
            await self._places.acquire(priority)
        finally:
            self._waiting -= 1
        waited_s = time.monotonic() - begun
        self._running += 1
        try:
            await self._write(self._text(chat))
        finally:
            self._running -= 1
            self._places.release()
        return self._completion(chat, waited_s, time.monotonic() - begun)

    async def _write(self, text: str) -> None:
        hear = listener()
        if hear is None:
            await asyncio.sleep(self._delay_s)
            return
        words = re.findall(r"\w+\W*|\W+", text)
        for index, word in enumerate(words):
            await asyncio.sleep(self._delay_s / len(words))
            hear(Piece(text=word, begins=index == 0))

    def _text(self, chat: Chat) -> str:
        text = _TEXTS[chat.grammar]
        return text[:-9] if self._cut else text

    async def warm_up(self, chats: Sequence[Chat]) -> dict[str, float]:
        """Nothing to warm, and no grammars."""
        return {}

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

    def _completion(self, chat: Chat, waited_s: float, seconds: float) -> Completion:
        """There is no tokenizer: a word is a token. There is no cache: all but the last message counts as cached."""
        text = _TEXTS[chat.grammar]
        tokens = len(text.split())
        *cached, last = (len(message.content.split()) for message in chat.messages)
        return Completion(
            text=self._text(chat),
            finish_reason="length" if self._cut else "stop",
            prompt_tokens=sum(cached) + last,
            cached_tokens=sum(cached),
            completion_tokens=tokens,
            seconds=seconds,
            # As if it wrote evenly over its delay.
            ttft_s=waited_s + self._delay_s / tokens,
            tpot_s=self._delay_s / tokens,
        )
