"""Errors cross process borders, and their tree is drawn."""

import pickle
import re

import pytest

from lift_sys import errors
from lift_sys.errors import LiftError

ALL = LiftError.__subclasses__()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_type_and_words_through_a_pickle(kind: type[LiftError]) -> None:
    error = kind("examples.2", "cannot be read")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert back.args == error.args


def test_the_drawn_tree_names_every_error() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert drawn == [kind.__name__ for kind in ALL]


def test_the_tree_is_flat() -> None:
    assert [kind.__subclasses__() for kind in ALL] == [[]] * len(ALL)
