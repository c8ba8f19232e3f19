"""What an engine wrote once, kept so that everything behind it can be compared on the same words, without the engine.

A tape is a file of JSON lines, one a chat. `Recorder` writes one while a real engine answers; `Tape` is an engine that
answers from one.
"""

import hashlib
import json
from collections import Counter
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
        self._file.flush()  # what was said is not lost with whoever listens
        return completions


class Tape:
    """An engine that repeats what was recorded, to each session from the beginning.

    `part` (k, of): only the k-th of so many equal parts of a chat's completions, where it has more than one.
    """

    def __init__(self, paths: Sequence[Path], *, part: tuple[int, int] = (0, 1)) -> None:
        lines = (line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
        takes = map(Take.model_validate_json, lines)
        self._takes = {take.key: _part(take.completions, *part) for take in takes}
        self._played: Counter[tuple[str, str]] = Counter()

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        return [completion for chat in chats for completion in self._repeat(chat, sampling, session)]

    def _repeat(self, chat: Chat, sampling: Sampling, session: str) -> Sequence[Completion]:
        """What the session has not heard yet. Raises `NotOnTape`."""
        key = key_of(chat, sampling)
        held = self._takes.get(key, ())
        begin = self._played[session, key]
        self._played[session, key] += chat.n
        if len(held) < begin + chat.n:
            raise NotOnTape(f"{len(held)} completions of {chat.messages[-1].content[:80]!r}, {begin + chat.n} wanted")
        return held[begin : begin + chat.n]


def _part(completions: Sequence[Completion], k: int, of: int) -> Sequence[Completion]:
    share = len(completions) // of
    return completions[k * share : (k + 1) * share] if len(completions) > 1 else completions
