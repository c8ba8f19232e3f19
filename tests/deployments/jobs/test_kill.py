"""Two real ingresses on one database, of either kind, killed with SIGKILL in the middle of their work."""

from pathlib import Path

import pytest

from deployments.bench.jobs import Siege

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_accepted_jobs_survive_the_death_of_every_process_and_are_done_once(
    tmp_path: Path, database: str
) -> None:
    siege = Siege(tmp_path, seed=3, database=database)
    rows = await siege.run(2)
    assert siege.kills == 2
    assert sum(row["items"] for row in rows) > 0
    assert {(row["lost"], row["changed"], row["failed"]) for row in rows} == {(0, 0, 0)}
    assert siege.strays == 0, "no job was made twice"
