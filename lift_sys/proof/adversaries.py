"""Writers that no model would be: each chooses among the admitted tokens as it is most likely to break the grammar."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lift_sys.proof.vocabulary import Vocabulary

Ids = "np.ndarray[Any, np.dtype[np.int64]]"
Choose = Callable[[Any, np.random.Generator], int]
"""A mask (see `backends.Mask`) and a source of randomness to a token. Raises `DeadEnd` if none is admitted."""

_CLOSERS = b'"]}`\n'
_DRAWS = 256


class DeadEnd(Exception):
    """No token is admitted, and the text is not complete."""


def admitted(mask: Any, ids: Any) -> Any:
    """Whether each of these tokens is admitted: booleans in the shape of `ids`."""
    return (mask[ids >> 5] >> (ids & 31)) & 1 == 1


def bits(mask: Any, words: Any) -> Any:
    """The admitted tokens among those of these words of the mask."""
    ids = (words[:, None] * 32 + np.arange(32)).ravel()
    return ids[admitted(mask, ids)]


def _by_preference(groups: Sequence[Any]) -> Choose:
    """Any admitted token of the first group that has one."""
    groups = [np.asarray(group) for group in groups if len(group)]

    def choose(mask: Any, rng: np.random.Generator) -> int:
        for group in groups:
            if len(group) > 4 * _DRAWS:  # mostly some draw is admitted, and the whole group need not be looked at
                drawn = group[rng.integers(len(group), size=_DRAWS)]
                if (found := drawn[admitted(mask, drawn)]).size:
                    return int(found[0])
            if (found := group[admitted(mask, group)]).size:
                return int(rng.choice(found))
        raise DeadEnd

    return choose


def at_random(vocabulary: Vocabulary) -> Choose:
    """Each admitted token is as likely as any other."""
    return _by_preference([np.arange(len(vocabulary.tokens))])


def shortest(vocabulary: Vocabulary) -> Choose:
    """Byte after byte, and nothing that could close a text as long as there is anything else."""
    plain = np.array([not any(byte in _CLOSERS for byte in token) for token in vocabulary.tokens])
    lengths = vocabulary.lengths
    groups = [np.flatnonzero((lengths == n) & plain) for n in (1, 2, 3)]
    return _by_preference([*groups, np.flatnonzero((lengths > 0) & plain), np.arange(len(lengths))])


def longest(vocabulary: Vocabulary) -> Choose:
    lengths = vocabulary.lengths
    return _by_preference([np.flatnonzero(lengths == n) for n in sorted(set(lengths.tolist()), reverse=True)])


def lover_of_escapes(vocabulary: Vocabulary) -> Choose:
    """Leaves characters, escapes and fences half written, and closes the last by what opens the next."""
    tokens = vocabulary.tokens
    half = [i for i, token in enumerate(tokens) if _ends_half_written(token)]
    marks = [i for i, token in enumerate(tokens) if any(mark in token for mark in (b"\\", b"`", b"\n"))]
    return _by_preference([np.array(half), np.array(marks), np.arange(len(tokens))])


def _ends_half_written(token: bytes) -> bool:
    if (len(token) - len(token.rstrip(b"\\"))) % 2:
        return True
    return any(token[-n:][:1] >= lead for n, lead in ((1, b"\xc0"), (2, b"\xe0"), (3, b"\xf0")))


def at_the_edges(vocabulary: Vocabulary) -> Choose:
    """The first admitted token, the last one, or one beside a token that is not: where a mask may be off by one."""

    def choose(mask: Any, rng: np.random.Generator) -> int:
        some = np.flatnonzero(mask)
        if not some.size:
            raise DeadEnd
        partly = some[mask[some] != -1]
        match int(rng.integers(3)):
            case 0:
                return int(bits(mask, some[:1])[0])
            case 1:
                return int(bits(mask, some[-1:])[-1])
            case _:
                return int(rng.choice(bits(mask, rng.choice(partly if partly.size else some, size=1))))

    return choose


ADVERSARIES: dict[str, Callable[[Vocabulary], Choose]] = {
    "random": at_random,
    "shortest": shortest,
    "longest": longest,
    "escapes": lover_of_escapes,
    "edges": at_the_edges,
}
