"""What an engine wrote once, kept so that everything behind it can be compared on the same words, without the engine.

A tape is a file of JSON lines, one a chat. `Recorder` writes one while a real engine answers; `Tape` is an engine that
answers from one.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from lift_sys.engine import Engine
from schemas.engine import Chat, Completion, Sampling
from schemas.wire import Wire


class Take(Wire):
    """All that was written to one chat with one way of sampling."""

    key: str
    completions: tuple[Completion, ...]


class NotOnTape(LookupError):
    """A chat that the tape does not hold, or not so many completions of it: its prompt has changed since."""


def key_of(chat: Chat, sampling: Sampling) -> str:
    """The same for the same words in the same frame, however many completions are wanted."""
    asked = [chat.model_dump(exclude={"n"}), sampling.temperature]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


class Recorder:
    """An engine that answers by another, and writes down what it said."""

    def __init__(self, engine: Engine, file: TextIO) -> None:
        self._engine = engine
        self._file = file

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        completions = await self._engine.generate(chats, sampling, session)
        rest = iter(completions)
        for chat in chats:
            take = Take(key=key_of(chat, sampling), completions=tuple(next(rest) for _ in range(chat.n)))
            self._file.write(take.model_dump_json() + "\n")
        return completions


class Tape:
    """An engine that repeats what was recorded; `skip`: leave out so many completions of each chat that has more."""

    def __init__(self, path: Path, *, skip: int = 0) -> None:
        takes = (Take.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines())
        self._takes = {take.key: take.completions for take in takes}
        self._skip = skip

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        return [completion for chat in chats for completion in self._repeat(chat, sampling)]

    def _repeat(self, chat: Chat, sampling: Sampling) -> Sequence[Completion]:
        """Raises `NotOnTape`."""
        held = self._takes.get(key_of(chat, sampling), ())
        begin = self._skip if len(held) > self._skip else 0
        if len(held) < begin + chat.n:
            raise NotOnTape(f"{len(held)} completions of {chat.messages[-1].content[:80]!r}, {begin + chat.n} wanted")
        return held[begin : begin + chat.n]
