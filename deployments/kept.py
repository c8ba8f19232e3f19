"""What an ingress tells of the work that it keeps for others to fetch: streams, and items of jobs."""

import asyncio
import contextlib

from deployments.api.streams import Streams
from deployments.jobs.service import Jobs
from deployments.jobs.stored import stored
from deployments.metrics import JOB_ITEMS, STREAMS, Tell
from lift_sys.errors import StoreUnavailable

_WATCH_S = 1.0
"""Ray forgets a gauge that is not told again."""
_ASK_EVERY = 5
"""The database is asked in one of so many rounds."""


async def watch_kept(streams: Streams, jobs: Jobs | None, tell: Tell) -> None:
    """Without end, every second."""
    items: dict[str, int] = {}
    rounds = 0
    while True:
        working = streams.working
        tell(STREAMS, working, state="working")
        tell(STREAMS, len(streams) - working, state="ended")
        if jobs and rounds % _ASK_EVERY == 0:
            # While it is away, what was last heard would mislead.
            items = {}
            with contextlib.suppress(StoreUnavailable):
                items = await stored(jobs.store.load)
        for state, count in items.items():
            tell(JOB_ITEMS, count, state=state)
        rounds += 1
        await asyncio.sleep(_WATCH_S)
