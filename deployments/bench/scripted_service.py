"""A service without a model, for what is asked of the API alone: it answers at once, or fails as it is told."""

import asyncio

from deployments.api.routes import Service
from deployments.scripted_engine import IR_TEXT
from lift_sys.pipeline import Watch
from schemas import IR, Code, Evidence, LiftRequest, LiftResponse, StageReport, ValidateRequest, Verdict

_PASSED = Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses")
VERDICT = Verdict(level="verified", reason="all hold", evidence=(_PASSED,), sandbox="namespaces")
TOKENS = 120
"""That every answer takes."""


class ScriptedService:
    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.delay_s = 0.0

    def service(self) -> Service:
        return Service(self.lift, self.validate, self.missing)

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        await self._work()
        return LiftResponse(
            request_id=request_id,
            verdict=VERDICT,
            code=Code(function="double", imports=(), source="def double(x: int) -> int:\n    return 2 * x\n"),
            ir=IR.model_validate_json(IR_TEXT),
            model="scripted",
            variations=1,
            stages=(StageReport(stage="ir", seconds=0.1, attempts=1, prompt_tokens=100, completion_tokens=20),),
            seconds=0.1,
        )

    async def validate(self, request: ValidateRequest) -> Verdict:
        await self._work()
        return VERDICT

    async def missing(self) -> tuple[str, ...]:
        return ()

    async def _work(self) -> None:
        await asyncio.sleep(self.delay_s)
        if self.failure:
            raise self.failure
