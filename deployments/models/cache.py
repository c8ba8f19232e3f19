"""Our folder of weights: `<owner>--<name>/` each, complete as soon as it exists, and `.work/` for what is not."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from deployments.models.errors import DiskTooFull
from deployments.models.progress import Progress


@dataclass(frozen=True, slots=True)
class Stored:
    model: str
    folder: Path
    size_bytes: int


def root() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(caches) / "lift-sys" / "models").absolute()


def folder(model: str) -> Path:
    return root() / _key(model)


def workshop(model: str) -> Path:
    """Where a model is made, on the same disk as `folder`: the last step is a rename."""
    return root() / ".work" / _key(model)


def stored() -> list[Stored]:
    # A hub id holds no "--": the first one is the slash.
    folders = sorted(config.parent for config in root().glob("[!.]*--*/config.json"))
    return [Stored(each.name.replace("--", "/", 1), each, size_bytes(each)) for each in folders]


def size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raises DiskTooFull; `folder` need not exist yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < needed_bytes:
        raise DiskTooFull(folder, needed_bytes, free_bytes)


@contextmanager
def sole(model: str, progress: Progress) -> Iterator[None]:
    """Hold the model against every other process that would fetch it; waits for the one that does."""
    path = root() / ".work" / f"{_key(model)}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("Waiting for another process to fetch it", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _key(model: str) -> str:
    return model.replace("/", "--")
