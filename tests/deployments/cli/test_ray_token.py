"""The token of a Ray that is started here."""

import os
import stat
from pathlib import Path

import pytest

from deployments.cli.ray_token import ray_token


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".ray" / "auth_token"
    old = os.umask(0)
    try:
        assert ray_token({}, tmp_path) == {"RAY_AUTH_MODE": "token"}
    finally:
        os.umask(old)
    first = path.read_text(encoding="utf-8")
    assert len(bytes.fromhex(first)) * 8 >= 128
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    ray_token({}, tmp_path)
    assert path.read_text(encoding="utf-8") == first
    assert os.listdir(path.parent) == ["auth_token"]


def test_a_token_that_all_could_read_is_its_owners_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("of an earlier Ray", encoding="utf-8")
    path.chmod(0o644)
    ray_token({}, tmp_path)
    assert mode(path) == 0o600
    assert path.read_text(encoding="utf-8") == "of an earlier Ray"


@pytest.mark.parametrize("name", ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_who_says_how_callers_are_known_is_left_alone(tmp_path: Path, name: str) -> None:
    assert ray_token({name: "x"}, tmp_path) == {}
    assert not list(tmp_path.iterdir())
