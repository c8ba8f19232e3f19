"""A streamed request that is cancelled while its code runs, down to the process that runs it."""

import asyncio

import httpx
import psutil
import pytest
from httpx_sse import EventSource

from deployments.api.routes import Service, make_api
from deployments.settings import ApiSettings, ValidatorSettings
from deployments.stages import Validator
from lift_sys.code_stage import Wave
from lift_sys.pipeline import Effort, Stages, Watch, lift
from schemas import IR, Code, LiftRequest, LiftResponse, StageReport, ValidateRequest
from tests.deployments.scripted_service import IR_, ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ENDLESS = Code(function="double", imports=(), source="def double(x: int) -> int:\n    while True:\n        x += 1")
BODY = {"prompt": "Double a number: double(2) == 4", "stream": True}


class Running(ScriptedService):
    """What is written runs for a minute, in the real executor."""

    def __init__(self) -> None:
        super().__init__()
        self.validator = Validator(ValidatorSettings(call_s=60, run_s=60, allow_weak_sandbox=True))

    async def jails(self) -> set[int]:
        """The processes that wait for runs, once there are all."""
        good = ValidateRequest(code="def f(x):\n    return x", function="f", examples=("f(1) == 1",))
        assert (await self.validator.validate(good)).level == "verified"
        return {process.pid for process in psutil.Process().children(recursive=True) if not process.children()}

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        stages = Stages(self._write_ir, self._write_endless, self.validator.choose)
        return await lift(request, request_id, stages, Effort(1, 1, 0, 1), "scripted", watch=watch)

    async def _write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
        return IR_, StageReport(stage="ir", seconds=0.1, attempts=1)

    async def _write_endless(
        self, request: LiftRequest, ir: IR, wave: Wave, session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        return (ENDLESS,), StageReport(stage="code", seconds=0.1, attempts=1)


async def test_no_process_runs_on_for_a_request_that_was_cancelled() -> None:
    service = Running()
    jails = await service.jails()
    api = make_api(Service(service.lift, service.validate, service.missing), ApiSettings())
    async with served(api) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        async with client.stream("POST", "/v1/lift", json=BODY) as answer:
            runs = await runs_in(jails)
            cancelled = await client.delete(f"/v1/lift/{answer.headers['x-request-id']}")
            told = [event.event async for event in EventSource(answer).aiter_sse() if event.data]
        assert cancelled.status_code == 204
        assert told[-1] == "problem"
        _, alive = await asyncio.to_thread(psutil.wait_procs, runs, 2)
        assert alive == []
        assert (await service.validator.record_autoscaling_stats())["running"] == 0


async def runs_in(jails: set[int]) -> list[psutil.Process]:
    """A jail forks itself for each run; those that are under way, once there are some."""
    async with asyncio.timeout(30):
        while True:
            below = psutil.Process().children(recursive=True)
            if runs := [process for process in below if process.is_running() and parent_of(process) in jails]:
                return runs
            await asyncio.sleep(0.02)


def parent_of(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return 0
