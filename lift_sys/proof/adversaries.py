"""Writers that no model would be: each chooses among the admitted tokens as it is most likely to break the grammar."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lift_sys.proof.backends import Mask
from lift_sys.proof.vocabulary import Vocabulary

Ids: TypeAlias = NDArray[np.int64]
Choose = Callable[[Mask, np.random.Generator], int]
"""A mask and a source of randomness to a token. Raises `DeadEnd` if none is admitted."""

_CLOSERS = b'"]}`\n'
_DRAWS = 64
_FEW_WORDS = 128


class DeadEnd(Exception):
    """No token is admitted, and the text is not complete."""


def admitted(mask: Mask, ids: Ids) -> NDArray[np.bool_]:
    """Whether each of these tokens is admitted: booleans in the shape of `ids`."""
    found: NDArray[np.bool_] = (mask[ids >> 5] >> (ids & 31)) & 1 == 1
    return found


def bits(mask: Mask, words: Ids, size: int) -> Ids:
    """The admitted tokens among those of these words of the mask, of a vocabulary of so many."""
    ids = (words[:, None] * 32 + np.arange(32)).ravel()
    ids = ids[ids < size]
    return ids[admitted(mask, ids)]


def _by_preference(groups: Sequence[Ids], size: int) -> Choose:
    """Any admitted token of the first group that has one. Every token is in some group."""
    groups = [group for group in groups if group.size]
    rank = np.full(size, len(groups))
    for place, group in reversed(list(enumerate(groups))):
        rank[group] = place

    def choose(mask: Mask, rng: np.random.Generator) -> int:
        words = np.flatnonzero(mask)
        if words.size <= _FEW_WORDS:
            ids = bits(mask, words, size)
            if not ids.size:
                raise DeadEnd
            best = ids[rank[ids] == rank[ids].min()]
            return int(best[rng.integers(best.size)])
        return next(found for group in groups if (found := _one_of(group, mask, rng)) is not None)

    return choose


def _one_of(group: Ids, mask: Mask, rng: np.random.Generator) -> int | None:
    """An admitted token of the group, if there is one. In a large group mostly some draw is."""
    drawn = group[rng.integers(group.size, size=_DRAWS)]
    found = drawn[admitted(mask, drawn)]
    if not found.size:
        found = rng.permutation(group[admitted(mask, group)])
    return int(found[0]) if found.size else None


def at_random(vocabulary: Vocabulary) -> Choose:
    """Each admitted token is as likely as any other."""
    return _by_preference([np.arange(len(vocabulary.tokens))], len(vocabulary.tokens))


def shortest(vocabulary: Vocabulary) -> Choose:
    """Byte after byte, and nothing that could close a text as long as there is anything else."""
    plain = np.array([not any(byte in _CLOSERS for byte in token) for token in vocabulary.tokens])
    lengths = vocabulary.lengths
    groups = [np.flatnonzero((lengths == n) & plain) for n in (1, 2, 3)]
    return _by_preference([*groups, np.flatnonzero((lengths > 0) & plain), np.arange(len(lengths))], len(lengths))


def longest(vocabulary: Vocabulary) -> Choose:
    lengths = vocabulary.lengths
    groups = [np.flatnonzero(lengths == n) for n in sorted(set(lengths.tolist()), reverse=True)]
    return _by_preference(groups, len(lengths))


def lover_of_escapes(vocabulary: Vocabulary) -> Choose:
    """Leaves characters, escapes and fences half written, and closes the last by what opens the next."""
    tokens = vocabulary.tokens
    half = [i for i, token in enumerate(tokens) if _ends_half_written(token)]
    marks = [i for i, token in enumerate(tokens) if any(mark in token for mark in (b"\\", b"`", b"\n"))]
    return _by_preference([np.array(half), np.array(marks), np.arange(len(tokens))], len(tokens))


def _ends_half_written(token: bytes) -> bool:
    if (len(token) - len(token.rstrip(b"\\"))) % 2:
        return True
    return any(token[-n:][:1] >= lead for n, lead in ((1, b"\xc0"), (2, b"\xe0"), (3, b"\xf0")))


def at_the_edges(vocabulary: Vocabulary) -> Choose:
    """The first admitted token, the last one, or one beside a token that is not: where a mask may be off by one."""
    size = len(vocabulary.tokens)

    def choose(mask: Mask, rng: np.random.Generator) -> int:
        some = np.flatnonzero(mask)
        partly = some[mask[some] != -1]
        edges = partly if partly.size else some
        if not some.size:
            raise DeadEnd
        words = (some[:1], some[-2:], edges[rng.integers(edges.size, size=1)])[rng.integers(3)]
        ids = bits(mask, words, size)
        if not ids.size:  # only bits beyond the vocabulary: there may be others
            ids = bits(mask, some, size)
        if not ids.size:
            raise DeadEnd
        return int(ids[rng.choice((0, -1))])

    return choose


ADVERSARIES: dict[str, Callable[[Vocabulary], Choose]] = {
    "random": at_random,
    "shortest": shortest,
    "longest": longest,
    "escapes": lover_of_escapes,
    "edges": at_the_edges,
}
