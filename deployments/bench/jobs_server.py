"""An ingress with jobs around a service that answers from a script: `python -m deployments.bench.jobs_server …`.

Each attempt at a request gets an answer of its own, by its `request_id`, so that one done twice would be seen.
"""

import argparse
import asyncio
from pathlib import Path

import uvicorn

from deployments.http_api import Service, make_api
from deployments.jobs.service import Jobs
from deployments.scripted_engine import CODE_TEXT, IR_TEXT
from deployments.settings import ApiSettings, JobsSettings
from lift_sys.pipeline import Watch
from schemas import IR, Code, Evidence, LiftRequest, LiftResponse, StageReport, ValidateRequest, Verdict

_PARSED = Evidence(clause="parse", kind="static", origin="rule", outcome="skipped", detail="a script")
_VERDICT = Verdict(level="unverified", reason="nothing was run", evidence=(_PARSED,), sandbox="namespaces")


class Script:
    """`log` gets a line at the beginning of each attempt."""

    def __init__(self, delay_s: float, log: Path) -> None:
        self._delay_s = delay_s
        self._log = log

    def service(self) -> Service:
        return Service(self.lift, self.validate, self.missing)

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{request.prompt}\n")
        await asyncio.sleep(self._delay_s)
        source = CODE_TEXT.removesuffix("```")
        return LiftResponse(
            request_id=request_id,
            verdict=_VERDICT,
            code=Code(function="double", imports=(), source=source),
            ir=IR.model_validate_json(IR_TEXT),
            model="scripted",
            variations=1,
            stages=(StageReport(stage="ir", seconds=self._delay_s, attempts=1),),
            seconds=self._delay_s,
        )

    async def validate(self, request: ValidateRequest) -> Verdict:
        return _VERDICT

    async def missing(self) -> tuple[str, ...]:
        return ()


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
