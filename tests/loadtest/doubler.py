"""An ingress with jobs around a service that doubles, as a process: `python -m tests.loadtest.doubler DATABASE PORT`.

With `--mixed-up` one of the first answers is for the example of another.
"""

import sys

import uvicorn

from deployments.api.routes import make_api
from deployments.bench.scripted_service import VERDICT, ScriptedService
from deployments.jobs.service import Jobs
from deployments.settings import ApiSettings, JobsSettings
from lift_sys.pipeline import Watch
from schemas import LiftRequest, LiftResponse


class Doubler(ScriptedService):
    def __init__(self, *, mixed_up: bool) -> None:
        super().__init__()
        self.delay_s = 0.05
        self._mixed_up = mixed_up

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        kind, _, example = request.prompt.partition(" a number: ")
        if self._mixed_up:
            example = example.replace("double(10020)", "double(10010)")
        verdict = VERDICT.model_copy(update={"level": "verified" if kind == "Double" else "rejected"})
        answer = await super().lift(request, request_id, watch)
        return answer.model_copy(update={"examples": (example,), "verdict": verdict})


if __name__ == "__main__":
    database, port, *options = sys.argv[1:]
    service = Doubler(mixed_up="--mixed-up" in options).service()
    jobs = Jobs(JobsSettings(database=database, lease_s=1.0), {})
    uvicorn.run(make_api(service, ApiSettings(), jobs=jobs), host="127.0.0.1", port=int(port), log_level="warning")
