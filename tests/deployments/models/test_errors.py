import pickle
from pathlib import Path

import pytest

from deployments.models.errors import (
    ChecksumMismatch,
    ConversionFailed,
    DiskTooFull,
    FetchFailed,
    PieceUnavailable,
    ReaderMissing,
    WeightsMissing,
    WeightsProblem,
)

EXAMPLES = [
    WeightsMissing("owner/name", "Run `lift model fetch owner/name`.", "a folder", "a cache"),
    WeightsMissing("owner/name", "Run `lift model fetch owner/name`."),
    ReaderMissing("a package", "Run `pip install`."),
    FetchFailed("owner/name", "no route to host"),
    DiskTooFull(Path("models"), 2_000_000_000, 1_000_000_000),
    PieceUnavailable("part1==1.0", "No matching distribution"),
    ChecksumMismatch(Path("model.gguf"), "aa", "bb"),
    ConversionFailed(Path("model.gguf"), "not a GGUF file"),
]


def test_every_error_has_an_example() -> None:
    assert {type(example) for example in EXAMPLES} == set(WeightsProblem.__subclasses__())


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling(error: WeightsProblem) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_text_names_all_that_the_error_knows(error: WeightsProblem) -> None:
    if isinstance(error, DiskTooFull):
        assert str(error) == "models needs 2.0 GB of free space, its disk has 1.0 GB"
    else:
        assert all(str(argument) in str(error) for argument in error.args)
