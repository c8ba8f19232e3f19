"""The file of the API keys: read strictly, written whole, and read again when it changes."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import yaml
from filelock import FileLock
from pydantic import ValidationError

from deployments.security.keys import Keys

_LOOK_S = 1.0
_Mark = tuple[int, int, int]


class KeysInvalid(ValueError):
    """`KeysInvalid(path, why)`: the file cannot be used. No word of its content is in it."""

    def __str__(self) -> str:
        path, why = self.args
        return f"keys file {path}: {why}"


def read_keys(path: Path) -> Keys:
    """Raises `KeysInvalid`."""
    try:
        return Keys.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise KeysInvalid(path, f"{error.strerror}; write one with `lift keys create`") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise KeysInvalid(path, "not YAML") from None
    except ValidationError as error:
        # Without the values: a key may stand there in clear by mistake.
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise KeysInvalid(path, "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)) from None


def edit_keys(path: Path, change: Callable[[Keys], Keys]) -> None:
    """Replace the file by what `change` makes of it, in one step. A file that is not there yet holds no keys."""
    with FileLock(f"{path}.lock"):
        changed = change(read_keys(path) if path.exists() else Keys())
        data = Keys.model_validate(changed.model_dump()).model_dump(mode="json", exclude_defaults=True)
        # mkstemp makes it readable for its owner only.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yaml.safe_dump(data, file, sort_keys=False)
        os.replace(temporary, path)


class KeyFile:
    """The keys as the file has them now. A change that cannot be used leaves those that were."""

    def __init__(self, path: Path, tell: Callable[[Literal["keys.loaded", "keys.refused"], str | None], None]) -> None:
        """Raises `KeysInvalid`. `tell(event, why)` hears of `keys.loaded` and `keys.refused`."""
        self._path = path
        self._tell = tell
        self._mark = _mark(path)
        self._keys = read_keys(path)
        self._looked = time.monotonic()

    def keys(self) -> Keys:
        if time.monotonic() - self._looked >= _LOOK_S:
            self.look()
        return self._keys

    def look(self) -> bool:
        """Read it again if it has changed. Whether what stands there can be used."""
        self._looked = time.monotonic()
        mark = _mark(self._path)
        if mark == self._mark:
            return True
        self._mark = mark
        try:
            self._keys = read_keys(self._path)
        except KeysInvalid as refused:
            self._tell("keys.refused", str(refused))
            return False
        self._tell("keys.loaded", None)
        return True


def _mark(path: Path) -> _Mark | None:
    """Changes with the file's content, and when a link leads to another file, as in a mounted secret."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
