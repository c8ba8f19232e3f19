"""What jobs and idempotency keys need of a database. The methods block: call them in a thread.

Work is leased. Whoever takes it gets a lease, a name for this one attempt. All that is said later is said in that name,
and counts as long as nobody else has taken the work since. So the first result that is written stands, and there is no
other. That does not hang on clocks: they only say when work may be taken from an ingress that is silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from schemas.jobs import Job, Url

Kind = Literal["lift", "webhook"]
"""`webhook`: to tell that a job has ended. There is that work from the moment in which it has."""


@dataclass(frozen=True)
class NewJob:
    id: str
    owner: str
    items: Sequence[str]
    """What is to be done for each, as JSON."""
    webhook: Url | None = None


@dataclass(frozen=True)
class Taken:
    lease: str
    job_id: str
    owner: str
    index: int
    body: str
    """The item's JSON, or the address of the webhook."""
    attempt: int
    """Counts from 1."""


class JobStore(Protocol):
    def accept(self, job: NewJob) -> bool:
        """In one transaction. False if there is a job of this id already. Raises `Overloaded`."""

    def job(self, owner: str, job_id: str) -> Job:
        """Raises `JobUnknown`, and `JobExpired` when its results are forgotten."""

    def jobs(self, owner: str, limit: int, before: str | None = None) -> tuple[Job, ...]:
        """The newest first, from the one after `before`."""

    def results(self, job_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        """Of items that are done or failed, by their index, beginning after that one."""

    def cancel(self, owner: str, job_id: str) -> Job:
        """Items that are not done will not be; leases on them end. A job that has ended stays as it is."""

    def take(self, kind: Kind, most: int) -> list[Taken]:
        """Work that waits or whose lease ran out, the oldest first."""

    def renew(self, leases: Sequence[str]) -> set[str]:
        """Those that still hold, for another while."""

    def finish(self, lease: str, result: str, *, ok: bool) -> bool:
        """Write the result. False, and nothing written, if the lease does not hold any more."""

    def put_back(self, lease: str, wait_s: float, *, counts: bool) -> bool:
        """Have it done by another attempt, after a while. `counts`: whether this was one."""

    def sweep(self) -> None:
        """Forget what was kept long enough."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reserved:
    lease: str
    nonce: str
    """The same at every attempt at this key's request: what it makes can carry it, and so be made only once."""


class KeyStore(Protocol):
    def reserve(self, owner: str, key: str, fingerprint: str) -> Reserved | Answer:
        """The answer that was given. Raises `KeyBusy` while it is being made, `KeyReused` for another request's key."""

    def hold(self, lease: str) -> bool:
        """Say that the answer is still being made."""

    def answer(self, lease: str, answer: Answer) -> bool:
        """Keep the answer. False, and not kept, if the lease does not hold any more."""

    def give_up(self, lease: str) -> None:
        """There is no answer; the request may be tried again."""
