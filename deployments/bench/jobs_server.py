"""An ingress with jobs around a service that answers from a script: `python -m deployments.bench.jobs_server …`.

Each attempt at a request gets an answer of its own, by its `request_id`, so that one done twice would be seen.
"""

import argparse
from pathlib import Path

import uvicorn

from deployments.api.routes import make_api
from deployments.bench.scripted_service import ScriptedService
from deployments.jobs.service import Jobs
from deployments.settings import ApiSettings, JobsSettings
from lift_sys.pipeline import Watch
from schemas import LiftRequest, LiftResponse


class Script(ScriptedService):
    """`log` gets a line at the beginning of each attempt."""

    def __init__(self, delay_s: float, log: Path) -> None:
        super().__init__()
        self.delay_s = delay_s
        self._log = log

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{request.prompt}\n")
        return await super().lift(request, request_id, watch)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--delay-s", type=float, default=0.05)
    parser.add_argument("--lease-s", type=float, default=1.0)
    given = parser.parse_args()
    settings = JobsSettings(database=given.database, concurrency=4, lease_s=given.lease_s, most_attempts=100)
    api = make_api(Script(given.delay_s, given.log).service(), ApiSettings(), jobs=Jobs(settings, {}))
    uvicorn.run(api, host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
