"""API keys: who calls, what the caller may do, and how much. Only hashes of keys are kept.

A key is `lift_<id>_<secret>`, its secret 256 random bits. Against so many nobody guesses, so one round of SHA-256 hides
it as well as a slow hash would: slowness only helps where people choose the secret.
"""

import hashlib
import hmac
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Scope = Literal["lift", "validate", "jobs", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
_KEY = re.compile(r"lift_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
_NO_HASH = "0" * 64
"""Compared with where the id is unknown, so that the time of a refusal does not tell."""
MOST_VALID = 2
"""Keys of one name, so that one can take over from the other."""


class Quota(BaseModel):
    """What one caller may use. Null: as the deployment's default says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tokens_per_day: Annotated[int, Field(ge=1, le=10**12)] | None = None
    concurrent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Requests at once, in each ingress."""

    def over(self, default: "Quota") -> "Quota":
        """These limits, and the default's where there is none."""
        return Quota.model_validate(default.model_dump() | self.model_dump(exclude_none=True))


UNSAID = Quota()


@dataclass(frozen=True)
class Caller:
    name: str
    scopes: frozenset[Scope]
    key_id: str | None = None
    quota: Quota = UNSAID


class Key(BaseModel):
    """A key as it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    name: Name
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    expires: AwareDatetime | None = None
    revoked: bool = False
    quota: Quota = UNSAID

    def is_valid(self, now: datetime) -> bool:
        return not self.revoked and (self.expires is None or now < self.expires)

    @property
    def caller(self) -> Caller:
        return Caller(self.name, frozenset(self.scopes), self.id, self.quota)


class Keys(BaseModel):
    """The content of a keys file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _are_apart(self) -> "Keys":
        if twice := [key_id for key_id, times in Counter(key.id for key in self.keys).items() if times > 1]:
            raise ValueError(f"the key id {twice[0]} stands there twice")
        now = datetime.now(UTC)
        for name, times in Counter(key.name for key in self.keys if key.is_valid(now)).items():
            if times > MOST_VALID:
                raise ValueError(f"{name!r} has {times} valid keys, and {MOST_VALID} are allowed; revoke one")
        return self

    def named(self, name: str) -> tuple[Key, ...]:
        return tuple(key for key in self.keys if key.name == name)

    def caller(self, text: str, now: datetime) -> Caller | None:
        """Whose key it is; none where it is no key, unknown, wrong, expired or revoked."""
        match = _KEY.fullmatch(text)
        found = next((key for key in self.keys if match and key.id == match[1]), None)
        same = hmac.compare_digest(hashed(text), found.hash if found else _NO_HASH)
        return found.caller if found and same and found.is_valid(now) else None


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def new_key(
    name: str, scopes: tuple[Scope, ...], *, expires: datetime | None = None, quota: Quota = UNSAID
) -> tuple[Key, str]:
    """A key as it is kept, and the text that its owner is told once."""
    key_id = secrets.token_hex(6)
    text = f"lift_{key_id}_{secrets.token_hex(32)}"
    kept = Key(id=key_id, name=name, hash=hashed(text), scopes=scopes, expires=expires, quota=quota)
    return kept, text


NOBODY = Caller("anonymous", frozenset())
"""Who calls where keys are, and sends none that is valid."""
ANYBODY = Caller("anonymous", frozenset(SCOPES))
"""Who calls where no keys are, and only this machine is let in."""
STRANGER = Caller("anonymous", frozenset(SCOPES) - {"admin"})
"""Who calls where everybody is let in."""
