"""The token by which Ray knows its own: whoever has it may run anything on the cluster.

Ray 2.60 asks for one on every cluster that it starts for a driver, and writes `~/.ray/auth_token` itself if need be,
readable for all users of the machine: https://docs.ray.io/en/latest/ray-security/token-auth.html. Written here first,
it is its owner's alone, and every tool of Ray finds it.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

_OWN = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def ray_token(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """What to add to the environment of a Ray that is started here. Nothing where it is said how callers are known."""
    if any(name in environment for name in _OWN):
        return {}
    path = home / ".ray" / "auth_token"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        _write(path)
    path.chmod(0o600)
    return {"RAY_AUTH_MODE": "token"}


def _write(path: Path) -> None:
    """Whole and private from the first moment. Of two at once, the first one's token stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    os.unlink(temporary)
