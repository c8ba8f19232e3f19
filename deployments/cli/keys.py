"""`lift keys`: who may call a service, and what each may use."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, get_args

import typer
from pydantic import ValidationError
from rich.table import Table

from deployments.cli.console import fail, out, plain
from deployments.security.key_file import KeysInvalid, edit_keys, read_keys
from deployments.security.keys import SCOPES, Key, Keys, Quota, Scope, new_key

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}

keys = typer.Typer(
    help="Make, list, rotate and revoke API keys. A service reads the file again by itself.", no_args_is_help=True
)
File = Annotated[Path, typer.Option("--file", help="The keys file, which api.keys_file of a Serve config names.")]
Name = Annotated[str, typer.Argument(help="Who calls: small letters, digits, and . _ - between them.")]
_FILE = Path("keys.yaml")


@keys.command()
def create(
    name: Name,
    scope: Annotated[list[str], typer.Option(help=f"Of {', '.join(SCOPES)}; repeat it for several.")],
    expires: Annotated[
        str | None, typer.Option(help="After how long, such as 90d or 12h; or a date. Default: never.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Default: the deployment's.")] = None,
    tokens_per_day: Annotated[int | None, typer.Option(help="Of the model. Default: the deployment's.")] = None,
    concurrent: Annotated[
        int | None, typer.Option(help="Requests at once, of each ingress. Default: the deployment's.")
    ] = None,
    file: File = _FILE,
) -> None:
    """Make a key for a new caller, and print it: this once, since only its hash is kept."""
    quota = {"requests_per_minute": requests_per_minute, "tokens_per_day": tokens_per_day, "concurrent": concurrent}
    made: list[str] = []

    def change(known: Keys) -> Keys:
        if any(key.is_valid(_now()) for key in known.named(name)):
            fail(f"{name!r} has a valid key; `lift keys rotate {name}` makes the next one")
        key, text = new_key(name, _scopes(scope), expires=_when(expires), quota=Quota.model_validate(quota))
        made.append(text)
        return Keys(keys=(*known.keys, key))

    _edit(file, change)
    out.print(made[0], soft_wrap=True, highlight=False)


@keys.command(name="list")
def show(file: File = _FILE) -> None:
    """Say which keys there are, without a secret."""
    try:
        known = read_keys(file)
    except KeysInvalid as error:
        fail(str(error))
    table = Table("name", "id", "scopes", "expires", "state", "quota", box=None)
    for key in known.keys:
        expires = key.expires.isoformat(timespec="minutes") if key.expires else "never"
        quota = ", ".join(f"{what} {most}" for what, most in key.quota.model_dump(exclude_none=True).items())
        table.add_row(plain(key.name), key.id, " ".join(key.scopes), expires, _state(key), quota or "default")
    out.print(table)


@keys.command()
def revoke(
    name: Name,
    key_id: Annotated[str | None, typer.Option("--id", help="Only this one of the caller's keys.")] = None,
    file: File = _FILE,
) -> None:
    """Refuse the keys of a caller from now on."""

    def change(known: Keys) -> Keys:
        meant = [key for key in known.named(name) if key_id in (None, key.id)]
        if not meant:
            fail(f"{name!r} has no such key in {file}; `lift keys list` says which there are")
        return Keys(keys=tuple(_with(key, revoked=True) if key in meant else key for key in known.keys))

    _edit(file, change)


@keys.command()
def rotate(
    name: Name,
    grace: Annotated[
        str, typer.Option(help="How long the key that is followed stays valid, such as 24h or 7d.")
    ] = "24h",
    expires: Annotated[str | None, typer.Option(help="Of the new key. Default: never.")] = None,
    file: File = _FILE,
) -> None:
    """Make the key that follows a caller's, with its scopes and quota, and print it. Both are valid for a while."""
    made: list[str] = []

    def change(known: Keys) -> Keys:
        valid = [key for key in known.named(name) if key.is_valid(_now())]
        if len(valid) != 1:
            fail(f"{name!r} has {len(valid)} valid keys, and one can be followed; `create` or `revoke --id` one first")
        end = _when(grace)
        assert end
        old = valid[0]
        last = _with(old, expires=min(old.expires or end, end))
        key, text = new_key(name, old.scopes, expires=_when(expires), quota=old.quota)
        made.append(text)
        return Keys(keys=(*(last if one == old else one for one in known.keys), key))

    _edit(file, change)
    out.print(made[0], soft_wrap=True, highlight=False)


def _edit(file: Path, change: Callable[[Keys], Keys]) -> None:
    try:
        edit_keys(file, change)
    except (KeysInvalid, OSError) as error:
        fail(str(error))
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)))


def _scopes(given: list[str]) -> tuple[Scope, ...]:
    for one in given:
        if one not in SCOPES:
            fail(f"--scope {one!r} is none of {', '.join(SCOPES)}")
    return tuple(scope for scope in get_args(Scope) if scope in given)


def _when(text: str | None) -> datetime | None:
    """A time from now such as `90d`, or a date."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d{1,5})([hd])", text):
        return _now() + int(match[1]) * _UNITS[match[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time; write it as 12h, 90d or 2027-01-31")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _state(key: Key) -> str:
    if key.is_valid(_now()):
        return "valid"
    return "revoked" if key.revoked else "expired"


def _with(key: Key, **changed: object) -> Key:
    return Key.model_validate(key.model_dump() | changed)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
