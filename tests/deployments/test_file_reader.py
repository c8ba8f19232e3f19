"""A file of weights, read by fastsafetensors as SGLang has it read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastsafetensors import SingleGroup
from fastsafetensors.allocation import live_allocation_bytes
from safetensors.torch import save_file

from deployments.file_reader import FileReader

WEIGHTS = {"in order": torch.arange(1_000.0), "ones": torch.ones(3, 4)}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[FileReader]:
    file = str(tmp_path / "model.safetensors")
    save_file(WEIGHTS, file)
    reader = FileReader(SingleGroup(), torch.device("cpu"), nogds=True)
    reader.add_filenames({0: [file]})
    yield reader
    assert live_allocation_bytes() == 0


def test_a_file_that_was_read_is_not_kept(reader: FileReader) -> None:
    files = reader.copy_files_to_device()
    copies = {name: files.get_tensor(name).clone() for name in WEIGHTS}
    assert live_allocation_bytes() > 4_000
    reader.close()
    assert live_allocation_bytes() == 0
    assert all(torch.equal(copies[name], weight) for name, weight in WEIGHTS.items())


def test_a_tensor_in_use_outlives_its_reader(reader: FileReader) -> None:
    tensor = reader.copy_files_to_device().get_tensor("in order")
    reader.close()
    assert torch.equal(tensor, WEIGHTS["in order"])


def test_a_reader_that_read_nothing_closes(reader: FileReader) -> None:
    reader.close()
    reader.close()
