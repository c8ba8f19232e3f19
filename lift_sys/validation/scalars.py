"""Numbers and texts for Hypothesis to draw: small ones, boundaries, and such as are known.

All is made of booleans, of integers below a hundred and of pools of fewer than a hundred. With anything larger, and
with its own texts and floats, Hypothesis mixes constants from the source of the modules that happen to be loaded, and
the same seed gives something else in another process.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

_LARGEST = 10**6
"""Not more: a candidate may count to it."""
_LONGEST_WORD = 12
_POOL = 99

_INTS = (0, 1, -1, 2, 10, 100, 255, 1000, -1000, _LARGEST, -_LARGEST)
_FLOATS = (0.0, 1.0, -1.0, 0.5, 0.1, 1e-9, 1e6, -1e6)
_TEXTS = ("", " ", "a", "aa", "Aa", "0", "-1", " a ", "a b", "é")
_PLAIN = "abcxyzABC 0129.,-_"
_UNUSUAL = "aAéßÅñж中\u0661²\u0301😀\u00a0\t\n\r'\"\\/%{}()[]<>"
_BYTES = b"ab\x00\x7f\x80\xff \n"


class Scalars(Protocol):
    def __call__(self, known: Sequence[Any], longest: int) -> Strategy:
        """Values of one type that lean towards the known ones of it, with so many characters or bytes at most."""


def _ints(known: Sequence[Any], longest: int) -> Strategy:
    near = (value + step for value in known if type(value) is int for step in (-1, 0, 1))
    return st.one_of(
        st.integers(-9, 9),
        st.integers(-99, 99),
        st.sampled_from(_INTS),
        _among(value for value in near if abs(value) <= _LARGEST),
    )


def _floats(known: Sequence[Any], longest: int) -> Strategy:
    numbers = (value for value in known if type(value) in (int, float) and abs(value) <= _LARGEST)
    return st.one_of(
        st.integers(-9, 9).map(float),
        st.integers(-99, 99).map(lambda tenths: tenths / 10),
        st.sampled_from(_FLOATS),
        _among(map(float, numbers)),
    )


def _complexes(known: Sequence[Any], longest: int) -> Strategy:
    return st.builds(complex, st.integers(-9, 9), st.integers(-9, 9))


def _texts(known: Sequence[Any], longest: int) -> Strategy:
    words = [value for value in known if type(value) is str]
    return st.one_of(
        _text(_PLAIN, longest),
        _text(_UNUSUAL, longest),
        st.sampled_from(_TEXTS),
        _text("".join(words) or "ab", longest),
        _among(word for word in words if len(word) <= _LONGEST_WORD),
    )


def _text(characters: str, longest: int) -> Strategy:
    return st.lists(_among(characters), max_size=longest).map("".join)


def _bytes(known: Sequence[Any], longest: int) -> Strategy:
    words = [value for value in known if type(value) is bytes]
    return st.lists(_among(b"".join([_BYTES, *words])), max_size=longest).map(bytes)


def _among(values: Iterable[Any]) -> Strategy:
    """None of them is drawn more often for standing there twice."""
    pool = list(dict.fromkeys(values))[:_POOL]
    return st.sampled_from(pool) if pool else st.nothing()


SCALARS: Mapping[type, Scalars] = {
    int: _ints,
    float: _floats,
    str: _texts,
    bool: lambda known, longest: st.booleans(),
    type(None): lambda known, longest: st.none(),
    bytes: _bytes,
    complex: _complexes,
}
