"""API keys: what is kept of them, who is let in with one, and a file that changes while it is used."""

import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from deployments.security.key_file import KeyFile, KeysInvalid, edit_keys, read_keys
from deployments.security.keys import Caller, Key, Keys, Quota, new_key

NOW = datetime(2026, 11, 27, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def kept(name: str = "ann", *, expires: datetime | None = None, revoked: bool = False) -> tuple[Keys, str]:
    key, text = new_key(name, ("lift", "jobs"), expires=expires, quota=Quota(concurrent=3))
    return Keys(keys=(key.model_copy(update={"revoked": revoked}),)), text


def test_a_key_tells_who_calls_and_what_is_allowed() -> None:
    keys, text = kept()
    assert keys.caller(text, NOW) == Caller("ann", frozenset({"lift", "jobs"}), keys.keys[0].id, Quota(concurrent=3))


def test_the_secret_is_long_and_is_not_kept() -> None:
    keys, text = kept()
    secret = text.rpartition("_")[2]
    assert len(bytes.fromhex(secret)) * 8 >= 128
    assert secret not in keys.model_dump_json()
    assert kept()[1] != text


@pytest.mark.parametrize(("expires", "revoked", "valid"), [
    (None, False, True), (LATER, False, True), (NOW, False, False), (EARLIER, False, False), (None, True, False),
])  # fmt: skip
def test_a_key_that_is_over_lets_nobody_in(expires: datetime | None, revoked: bool, valid: bool) -> None:
    keys, text = kept(expires=expires, revoked=revoked)
    assert (keys.caller(text, NOW) is not None) is valid


@pytest.mark.parametrize("spoil", [
    lambda text: "", lambda text: text[:-1], lambda text: text + "0", lambda text: text.upper(),
    lambda text: f" {text}", lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
    lambda text: f"lift_{'0' * 12}_{text.rpartition('_')[2]}",
    lambda text: text.rpartition("_")[2], lambda text: "lift_\u0660" + text[6:], lambda text: "\udcff" * 100,
])  # fmt: skip
def test_what_is_nearly_a_key_lets_nobody_in(spoil: Callable[[str], str]) -> None:
    keys, text = kept()
    assert keys.caller(spoil(text), NOW) is None


def test_two_keys_of_a_name_are_valid_at_once_and_not_three() -> None:
    (first, a), (second, b) = new_key("ann", ("lift",)), new_key("ann", ("lift",))
    keys = Keys(keys=(first, second))
    assert keys.caller(a, NOW) != keys.caller(b, NOW)
    third = new_key("ann", ("lift",))[0]
    with pytest.raises(ValidationError, match="'ann' has 3 valid keys"):
        Keys(keys=(first, second, third))
    revoked = third.model_copy(update={"revoked": True})
    assert len(Keys(keys=(first, second, revoked)).named("ann")) == 3


@pytest.mark.parametrize(("change", "named"), [
    ({"scopes": ["all"]}, "scopes.0"), ({"scopes": []}, "scopes"), ({"hash": "lift_clear_secret"}, "hash"),
    ({"expires": "2027-01-01T00:00:00"}, "expires"), ({"nam": "x"}, "nam"), ({"name": "Ann Lee"}, "name"),
    ({"quota": {"concurrent": 0}}, "quota.concurrent"), ({"id": "1"}, "id"),
])  # fmt: skip
def test_a_mistake_in_the_file_is_named_without_its_value(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(yaml.safe_dump({"keys": [kept()[0].keys[0].model_dump(mode="json") | change]}), encoding="utf-8")
    with pytest.raises(KeysInvalid, match=rf"keys\.0\.{named}") as refusal:
        read_keys(path)
    assert "clear_secret" not in str(refusal.value)


@pytest.mark.parametrize(("content", "said"), [(b"a: [", "not YAML"), (b"\xff", "not YAML"), (b"- a", "dictionary")])
def test_what_is_no_keys_file_is_said_to_be_none(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "keys.yaml").write_bytes(content)
    with pytest.raises(KeysInvalid, match=said):
        read_keys(tmp_path / "keys.yaml")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeysInvalid, match="lift keys create"):
        KeyFile(tmp_path / "keys.yaml", lambda *event: None)


def add(path: Path, key: Key) -> None:
    edit_keys(path, lambda known: Keys(keys=(*known.keys, key)))


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    add(tmp_path / "keys.yaml", kept()[0].keys[0])
    assert stat.S_IMODE((tmp_path / "keys.yaml").stat().st_mode) == 0o600


def test_a_change_is_seen_and_one_that_is_broken_leaves_what_was(tmp_path: Path) -> None:
    path, heard = tmp_path / "keys.yaml", []
    (first, a), (second, b) = new_key("ann", ("lift",)), new_key("bob", ("lift",))
    add(path, first)
    file = KeyFile(path, lambda *event: heard.append(event))
    add(path, second)
    assert file.look()
    assert {file.keys().caller(text, NOW).name for text in (a, b)} == {"ann", "bob"}  # type: ignore[union-attr]
    path.write_text("keys: 3", encoding="utf-8")
    assert not file.look()
    path.unlink()
    assert not file.look()
    assert file.keys().caller(a, NOW)
    assert [event for event, _ in heard] == ["keys.loaded", "keys.refused", "keys.refused"]


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    """As a mounted secret of Kubernetes changes."""
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    (first, a), (second, b) = new_key("ann", ("lift",)), new_key("ann", ("lift",))
    add(tmp_path / "1" / "keys.yaml", first)
    add(tmp_path / "2" / "keys.yaml", second)
    link = tmp_path / "now"
    link.symlink_to(tmp_path / "1")
    file = KeyFile(link / "keys.yaml", lambda *event: None)
    assert file.keys().caller(a, NOW)
    (tmp_path / "next").symlink_to(tmp_path / "2")
    os.replace(tmp_path / "next", link)
    time.sleep(1.1)
    assert file.keys().caller(b, NOW), "seen without being told to look"
    assert not file.keys().caller(a, NOW)
