"""What an ingress has for jobs: the store, the keys and the workers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError
from standardwebhooks import Webhook

from deployments.jobs.attempt import Doer
from deployments.jobs.database import connect
from deployments.jobs.sql_jobs import SqlJobs, Terms
from deployments.jobs.sql_keys import SqlKeys
from deployments.jobs.store import Kind
from deployments.jobs.stored import stored
from deployments.jobs.webhook import Telling, signers
from deployments.jobs.worker import Worker
from deployments.log import logger
from deployments.settings import JobsSettings
from lift_sys.errors import StoreUnavailable

_SWEEP_S = 60.0
_WEBHOOKS_AT_ONCE = 4
_AGAIN_S = 1.0


class Jobs:
    def __init__(self, settings: JobsSettings, environment: Mapping[str, str]) -> None:
        """Raises `ValueError` where a variable is missing or a secret is none, or the database cannot be used."""
        self.settings = settings
        database = settings.database or _variable(environment, settings.database_env)
        try:
            self._engine = engine = connect(database)
        except (SQLAlchemyError, OSError) as error:
            # The words of the error could hold the URL, and that a password.
            raise ValueError(f"jobs: the database cannot be used: {type(error).__name__}") from None
        terms = Terms(settings.lease_s, settings.keep_s, settings.most_queued)
        self.store = SqlJobs(engine, terms)
        self.keys = SqlKeys(engine, settings.lease_s, settings.keep_keys_s)
        self.signers = self._signers(environment)
        self._lifting: Worker | None = None

    def _signers(self, environment: Mapping[str, str]) -> tuple[Webhook, ...]:
        if self.settings.webhook_secret_env is None:
            return ()
        return signers(_variable(environment, self.settings.webhook_secret_env))

    def wake(self) -> None:
        if self._lifting:
            self._lifting.wake()

    def drop(self, job_id: str) -> None:
        if self._lifting:
            self._lifting.drop(job_id)

    @contextlib.asynccontextmanager
    async def working(self, lifting: Doer) -> AsyncIterator[None]:
        """While this is entered, jobs are worked on. At its end what is in work is put back."""
        settings = self.settings
        telling = Telling(
            self.store, self.signers, private=settings.webhook_private, timeout_s=settings.webhook_timeout_s
        )
        self._lifting = self._worker("lift", lifting, settings.concurrency, settings.most_attempts)
        others = self._worker("webhook", telling, _WEBHOOKS_AT_ONCE, settings.webhook_attempts)
        endless = (self._lifting.run, others.run, self._sweep)
        tasks = [asyncio.create_task(_kept_up(run)) for run in endless]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._engine.dispose()

    def _worker(self, kind: Kind, doer: Doer, concurrency: int, most: int) -> Worker:
        lease_s = self.settings.lease_s
        return Worker(self.store, kind, doer, concurrency=concurrency, lease_s=lease_s, most=most)

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await stored(self.store.sweep)
            await asyncio.sleep(min(_SWEEP_S, self.settings.keep_s))


async def _kept_up(run: Callable[[], Awaitable[None]]) -> None:
    """What nobody waits for must not end unseen."""
    while True:
        try:
            await run()
        except Exception:
            logger.exception("jobs: begins again after an unexpected error")
        await asyncio.sleep(_AGAIN_S)


def _variable(environment: Mapping[str, str], name: str | None) -> str:
    if not name or not environment.get(name):
        raise ValueError(f"jobs: the environment variable {name!r} is not set")
    return environment[name]
