"""A service whose stages do as a test says, behind the real HTTP API on a real port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI

from deployments.api.routes import Service, make_api
from deployments.scripted_engine import CODE_TEXT, IR_TEXT
from deployments.settings import ApiSettings
from lift_sys.code_stage import Wave
from lift_sys.pipeline import Effort, Stages, Watch, lift
from schemas import IR, Code, Evidence, Example, LiftRequest, LiftResponse, StageReport, ValidateRequest, Verdict
from tests.conftest import free_port

IR_ = IR.model_validate_json(IR_TEXT)
CODE = Code(function="double", imports=(), source=CODE_TEXT.removesuffix("\n```"))
EVIDENCE = (
    Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses"),
    Evidence(clause="examples[0]", kind="example", origin="user", outcome="passed", detail="double(2) == 4"),
    Evidence(clause="assertions[0]", kind="assertion", origin="guess", outcome="skipped", detail="no input"),
)
VERDICT = Verdict(level="verified", reason="all hold", evidence=EVIDENCE, sandbox="namespaces")
STEPS = ["accepted", "ir.done", *["candidate.done"] * 2, *["clause.checked"] * 2, "verdict", "usage", "answer"]
"""The events of a request to it."""


@dataclass
class ScriptedService:
    """The real pipeline over stages that answer at once. `closed` ones wait, and `failures` are raised instead."""

    closed: set[str] = field(default_factory=set)
    failures: dict[str, Exception] = field(default_factory=dict)
    began: int = 0
    cancelled: list[str] = field(default_factory=list)
    """The stages that were at work when they were cancelled."""
    asked: list[LiftRequest | ValidateRequest] = field(default_factory=list)

    def api(self, settings: ApiSettings | None = None) -> FastAPI:
        return make_api(Service(self.lift, self.validate, self.missing), settings or ApiSettings())

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        self.began += 1
        self.asked.append(request)
        stages = Stages(self._write_ir, self._write_code, self._choose_code)
        return await lift(request, request_id, stages, Effort(2, 2, 0, 2), "scripted", watch=watch)

    async def validate(self, request: ValidateRequest) -> Verdict:
        self.asked.append(request)
        await self._at("validate")
        return VERDICT

    async def missing(self) -> tuple[str, ...]:
        return ()

    async def _write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
        await self._at("ir")
        return IR_, StageReport(stage="ir", seconds=0.1, attempts=1, prompt_tokens=10, completion_tokens=20)

    async def _write_code(
        self, request: LiftRequest, ir: IR, wave: Wave, session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        await self._at("code")
        return (CODE, CODE), StageReport(stage="code", seconds=0.1, attempts=1, prompt_tokens=5, completion_tokens=7)

    async def _choose_code(
        self, ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...]
    ) -> tuple[Code, Verdict, StageReport]:
        await self._at("validate")
        return CODE, VERDICT, StageReport(stage="validate", seconds=0.1, attempts=1)

    async def _at(self, stage: str) -> None:
        try:
            while stage in self.closed:
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled.append(stage)
            raise
        if stage in self.failures:
            raise self.failures[stage]


@contextlib.asynccontextmanager
async def served(api: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    """The address of this application, on a port of its own, in the event loop of the test."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(api, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
