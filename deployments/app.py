"""`build(settings)`: the graph on Ray Serve. How many replicas of what size is said in cluster/*.yaml."""

import asyncio
import os
import time
from typing import Any, cast

from fastapi import FastAPI
from ray import serve
from ray.serve import Application, Deployment
from ray.serve.config import RequestRouterConfig
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter
from ray.serve.handle import DeploymentHandle

from deployments.admission import Estimate, Gate, Line
from deployments.api.routes import Service, make_api
from deployments.api.streams import Streams
from deployments.grammars import grammars_of
from deployments.jobs.service import Jobs
from deployments.kept import watch_kept
from deployments.log import logger
from deployments.meter import count_run, tell
from deployments.metered import metered, watch_admission, watch_engine, watch_sandbox
from deployments.metrics import ANSWER_SECONDS
from deployments.remote import Replicas, again, any_of_all, quick
from deployments.serve_config import FALLBACK, engine_names, fallback_names, stage_names
from deployments.settings import EngineSettings, Settings, ValidatorSettings
from deployments.stages import EngineReplica, Validator
from deployments.tracing import Tracing
from deployments.writers import Pools, RemoteCodeStage, RemoteIRStage, code_writer, ir_writer
from lift_sys.errors import SpecificationInvalid
from lift_sys.grammar.tree import Grammar
from lift_sys.pipeline import Stages, Watch, lift
from schemas import LiftRequest, LiftResponse, ValidateRequest, Verdict

Handle = DeploymentHandle[Any]

_POINTS = 1_000
"""Of a replica on the router's ring. With Serve's own 100, one of two gets 57 % once in twenty; with these 52 %."""


def build(settings: Settings) -> Application:
    """The application that `serve run` and `serve deploy` start. Serve checks `args:` against `Settings` first."""
    engines = [_engine(name, settings.engine, settings) for name in engine_names(settings)]
    other = settings.fallback
    second = _engine(FALLBACK, other.engine, settings) if other and other.engine else None
    ir, code = (Pools(engine, second, other) for engine in (engines[0], engines[-1]))
    validator = _deployment(MeteredValidator, "Validator").bind(settings.validator)
    ingress = _deployment(serve.ingress()(Ingress), "Ingress")
    if settings.model_stages == "ingress":
        return ingress.bind(ir, code, validator, settings)
    return ingress.bind(
        _deployment(RemoteIRStage, "IRStage").bind(ir, settings.ir),
        _deployment(RemoteCodeStage, "CodeStage").bind(code, settings.code),
        validator,
        settings,
    )


def _deployment(cls: Any, name: str, **options: Any) -> Deployment:
    return cast("Deployment", serve.deployment(cls)).options(name=name, **options)


def _engine(name: str, engine: EngineSettings, settings: Settings) -> Application:
    # Both model calls of a request share a prefix cache when they meet on one replica: the session decides which.
    router = RequestRouterConfig.model_validate(
        {"request_router_class": ConsistentHashRouter, "request_router_kwargs": {"num_virtual_nodes": _POINTS}}
    )
    deployment = _deployment(MeteredEngineReplica, name, request_router_config=router)
    return deployment.bind(engine, grammars_of(settings))


class MeteredEngineReplica(EngineReplica):
    async def __init__(self, settings: EngineSettings, grammars: tuple[Grammar, ...]) -> None:  # type: ignore[misc]
        await super().__init__(settings, grammars)
        watch = watch_engine(self._engine.load, self._grammar_s, settings.usd_per_hour, tell)
        self._watch = asyncio.create_task(watch)


class MeteredValidator(Validator):
    async def __init__(self, settings: ValidatorSettings) -> None:  # type: ignore[misc]
        super().__init__(settings, count_run)
        self._watch = asyncio.create_task(watch_sandbox(self._sandbox, settings.concurrency, tell))


class Ingress:
    """The HTTP API and the pipeline, in one replica: it waits for the stages, and does nothing heavy itself."""

    async def __init__(  # type: ignore[misc]
        self, ir: Pools | Handle, code: Pools | Handle, validator: Handle, settings: Settings
    ) -> None:
        self._settings = settings
        validator = quick(validator)
        self._judge = again("Validator", validator.validate, tell)
        self._tracing = Tracing(settings.engine.model, content=settings.tracing.content)
        remote = Stages(
            write_ir=ir_writer(ir, settings.ir),
            write_code=code_writer(code, settings.code),
            choose_code=again("Validator", validator.choose, tell),
        )
        self._stages = self._tracing.stages(metered(remote, tell))
        line = Line(settings.admission)
        self._gate = Gate(line, Estimate(settings.ir, settings.code))
        self._watch_line = asyncio.create_task(watch_admission(line, tell))
        engines = () if settings.fallback and settings.fallback.upstream else engine_names(settings)
        instead = {name: other for name in engines for other in fallback_names(settings)}
        self._replicas = Replicas((*stage_names(settings), *engines), instead)
        self._watch = asyncio.create_task(self._replicas.watch(tell))
        self._jobs = Jobs(settings.jobs, os.environ) if settings.jobs else None
        self._streams = Streams(settings.api.stream_kept_s, settings.api.streams_kept)
        self._watch_kept = asyncio.create_task(watch_kept(self._streams, self._jobs, tell))

    def __serve_build_asgi_app__(self) -> FastAPI:
        model, price = self._settings.engine.model, self._settings.engine.usd_per_hour
        elsewhere = any_of_all("Ingress", "cancel_here")
        service = Service(self._lift, self._validate, self._replicas.missing, model, elsewhere)
        return make_api(service, self._settings.api, tell, jobs=self._jobs, streams=self._streams, usd_per_hour=price)

    async def cancel_here(self, owner: str, request_id: str) -> bool:
        """Another ingress asks: it has no such stream, and does not know which of all has."""
        return self._streams.cancel(owner, request_id)

    async def _lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        most = self._settings.code.max_n
        if request.n is not None and request.n > most:
            raise SpecificationInvalid("n", f"{request.n} variations asked for; this deployment gives at most {most}")
        settings = self._settings
        effort, model = settings.effort(request.n), settings.engine.model
        async with self._gate.admitted(request):
            with self._tracing.workflow(request, request_id) as span:
                response = await lift(request, request_id, self._stages, effort, model, watch=watch)
                self._tracing.answered(span, response)
        self._gate.learn(request, response)
        tell(ANSWER_SECONDS, response.seconds, route="lift", level=response.verdict.level)
        _log(response)
        return response

    async def _validate(self, request: ValidateRequest) -> Verdict:
        begun = time.monotonic()
        verdict: Verdict = await self._judge(request)
        tell(ANSWER_SECONDS, time.monotonic() - begun, route="validate", level=verdict.level)
        return verdict


def _log(response: LiftResponse) -> None:
    """One line for each answer, without a word of what was asked or written."""
    logger.info(
        "answered",
        extra={
            "lift_request_id": response.request_id,
            "level": response.verdict.level,
            "variations": response.variations,
            "seconds": response.seconds,
            "stages": {report.stage: report.seconds for report in response.stages},
        },
    )
