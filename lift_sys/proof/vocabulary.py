"""The tokens of a real tokenizer, as bytes."""

import json
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xgrammar
from tokenizers import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    folder: Path
    info: Any
    """XGrammar's view of it: an `xgrammar.TokenizerInfo`."""
    tokenizer: Tokenizer
    stop_id: int

    @cached_property
    def tokens(self) -> list[bytes]:
        """What each id spells. Ids beyond the tokenizer's own, which pad the model's output layer, spell nothing."""
        return [bytes(token) for token in self.info.decoded_vocab]

    @cached_property
    def lengths(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Bytes of each token."""
        return np.array([len(token) for token in self.tokens])

    @property
    def longest_bytes(self) -> int:
        return int(self.lengths.max())

    @cached_property
    def _sorted(self) -> list[bytes]:
        return sorted(set(self.tokens) - {b""})

    def most_tokens(self, text: str) -> int:
        """The most tokens that can begin within a text: it is spelt as wastefully as can be, the last may reach out."""
        rest, most = text.encode(), [0]
        for begin in reversed(range(len(rest))):
            ends = [most[-end] for end in range(1, len(rest) - begin + 1) if self._has(rest[begin : begin + end])]
            reaches_out = self._begins(rest[begin:])
            most.append(1 + max(ends, default=0) if ends or reaches_out else 0)
        return max(most)

    def _has(self, token: bytes) -> bool:
        at = bisect_left(self._sorted, token)
        return self._sorted[at : at + 1] == [token]

    def _begins(self, text: bytes) -> bool:
        at = bisect_left(self._sorted, text)
        return any(token.startswith(text) for token in self._sorted[at : at + 1])

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def load(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder. Raises `FileNotFoundError` that names the file which is not there."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    size, stop = config["vocab_size"], config["eos_token_id"]
    spelt = [tokenizer.id_to_token(i) or "" for i in range(size)]
    info = xgrammar.TokenizerInfo(spelt, xgrammar.VocabType.BYTE_LEVEL, vocab_size=size, stop_token_ids=[stop])
    return Vocabulary(folder, info, tokenizer, stop)
