"""`lift keys`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.security.key_file import read_keys

ANN = ["create", "ann", "--scope", "lift", "--scope", "jobs"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def ran(file: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["keys", *arguments, "--file", str(file)])
    assert done.exit_code == code, done.output
    return done.output.strip()


def who(file: Path, key: str, after: timedelta = timedelta()) -> str | None:
    caller = read_keys(file).caller(key, datetime.now(UTC) + after)
    return caller.name if caller else None


def test_a_key_is_said_once_and_then_only_known_by_its_hash(file: Path) -> None:
    key = ran(file, *ANN, "--expires", "90d", "--concurrent", "3")
    assert who(file, key) == "ann"
    assert who(file, key, timedelta(days=91)) is None
    secret = key.rpartition("_")[2]
    assert secret not in file.read_text(encoding="utf-8") + ran(file, "list")
    [kept] = read_keys(file).keys
    assert (kept.scopes, kept.quota.concurrent) == (("lift", "jobs"), 3)


def test_a_rotation_leaves_both_keys_valid_for_a_while(file: Path) -> None:
    first = ran(file, *ANN)
    second = ran(file, "rotate", "ann", "--grace", "2h")
    assert [who(file, key) for key in (first, second)] == ["ann", "ann"]
    assert [who(file, key, timedelta(hours=3)) for key in (first, second)] == [None, "ann"]
    old, new = read_keys(file).keys
    assert old.scopes == new.scopes
    assert "has 2 valid keys" in ran(file, "rotate", "ann", code=2)


def test_a_rotation_does_not_make_a_key_last_longer(file: Path) -> None:
    first = ran(file, *ANN, "--expires", "1h")
    ran(file, "rotate", "ann", "--grace", "7d")
    assert who(file, first, timedelta(hours=2)) is None


def test_revoked_keys_let_nobody_in_and_are_listed_as_such(file: Path) -> None:
    first, second = ran(file, *ANN), ran(file, "rotate", "ann")
    ran(file, "revoke", "ann", "--id", first.split("_")[1])
    assert [who(file, key) for key in (first, second)] == [None, "ann"]
    ran(file, "revoke", "ann")
    assert who(file, second) is None
    assert ran(file, "list").count("revoked") == 2
    assert who(file, ran(file, *ANN)) == "ann", "a name may come back"


@pytest.mark.parametrize(("arguments", "said"), [
    (["create", "bob", "--scope", "all"], "--scope 'all' is none of lift, validate, jobs, admin"),
    (["create", "Ann Lee", "--scope", "lift"], "name: String should match"),
    (["create", "bob", "--scope", "lift", "--expires", "soon"], "'soon' is no time"),
    (["create", "bob", "--scope", "lift", "--concurrent", "0"], "concurrent: Input should be greater"),
    (["create", "ann", "--scope", "lift"], "`lift keys rotate ann`"),
    (["rotate", "bob"], "'bob' has 0 valid keys"), (["revoke", "bob"], "'bob' has no such key"),
    (["revoke", "ann", "--id", "1"], "'ann' has no such key"),
])  # fmt: skip
def test_a_mistake_is_said_by_name_and_changes_nothing(file: Path, arguments: list[str], said: str) -> None:
    ran(file, *ANN)
    before = file.read_bytes()
    assert said in " ".join(ran(file, *arguments, code=2).split())
    assert file.read_bytes() == before


def test_a_file_that_is_not_there_is_said(file: Path) -> None:
    assert "lift keys create" in ran(file, "list", code=2)
