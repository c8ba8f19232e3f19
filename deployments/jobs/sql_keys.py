"""Idempotency keys in the same database."""

import json
import time
import uuid
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from deployments.jobs.database import keys
from deployments.jobs.sql_jobs import Clock
from deployments.jobs.store import Answer, Reserved
from lift_sys.errors import KeyBusy, KeyReused


class SqlKeys:
    """A KeyStore. `clock` gives seconds since 1970."""

    def __init__(self, engine: Engine, lease_s: float, keep_s: float, clock: Clock = time.time) -> None:
        self._engine = engine
        self._lease_s = lease_s
        self._keep_s = keep_s
        self._clock = clock

    def reserve(self, owner: str, key: str, fingerprint: str) -> Reserved | Answer:
        now = self._clock()
        mine = (keys.c.owner == owner) & (keys.c.key == key)
        try:
            with self._engine.begin() as connection:
                row = connection.execute(select(keys).where(mine).with_for_update()).one_or_none()
                if row is not None and row.kept_until < now and row.lease_until < now:
                    connection.execute(delete(keys).where(mine))
                    row = None
                if row is None:
                    return self._first(connection, owner, key, fingerprint)
                if row.fingerprint != fingerprint:
                    raise KeyReused("the Idempotency-Key was used for another request; take a new one for this")
                if row.status is not None:
                    return Answer(row.status, json.loads(row.headers), row.body)
                return self._again(connection, row)
        except IntegrityError:
            raise _busy() from None

    def hold(self, lease: str) -> bool:
        return self._set(lease, lease_until=self._clock() + self._lease_s)

    def answer(self, lease: str, answer: Answer) -> bool:
        headers = json.dumps(answer.headers)
        kept_until = self._clock() + self._keep_s
        said = {"status": answer.status, "headers": headers, "body": answer.body}
        return self._set(lease, lease=None, kept_until=kept_until, lease_until=0.0, **said)

    def give_up(self, lease: str) -> None:
        # The row stays, and its nonce: what the attempt made before it failed must not be made again.
        self._set(lease, lease=None, lease_until=0.0)

    def _first(self, connection: Connection, owner: str, key: str, fingerprint: str) -> Reserved:
        now = self._clock()
        reserved = Reserved(lease=uuid.uuid4().hex, nonce=uuid.uuid4().hex)
        terms = {"lease_until": now + self._lease_s, "kept_until": now + self._keep_s}
        named = {"owner": owner, "key": key, "fingerprint": fingerprint}
        connection.execute(insert(keys), {**named, **terms, "lease": reserved.lease, "nonce": reserved.nonce})
        return reserved

    def _again(self, connection: Connection, row: Any) -> Reserved:
        now = self._clock()
        if row.lease_until > now:
            raise _busy()
        lease = uuid.uuid4().hex
        mine = (keys.c.owner == row.owner) & (keys.c.key == row.key)
        connection.execute(update(keys).where(mine).values(lease=lease, lease_until=now + self._lease_s))
        return Reserved(lease, row.nonce)

    def _set(self, held: str, **values: object) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(update(keys).where(keys.c.lease == held).values(values)).rowcount == 1


def _busy() -> KeyBusy:
    return KeyBusy("the first request with this Idempotency-Key is still being answered")
