"""`build(settings)`: the graph on Ray Serve. How many replicas of what size is said in cluster/*.yaml."""

from typing import Any, cast

from fastapi import FastAPI
from ray import serve
from ray.serve import Application, Deployment
from ray.serve.config import RequestRouterConfig
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter
from ray.serve.handle import DeploymentHandle

from deployments.grammars import grammars_of
from deployments.http_api import Service, make_api
from deployments.metrics import invalid_outputs, sandbox_tier
from deployments.remote import RemoteEngine, Replicas, call
from deployments.serve_config import engine_names
from deployments.settings import CodeSettings, IRSettings, Settings, ValidatorSettings
from deployments.stages import CodeStage, EngineReplica, IRStage, Validator
from lift_sys.errors import SpecificationInvalid
from lift_sys.pipeline import Stages, lift
from schemas import LiftRequest, LiftResponse, ValidateRequest, Verdict

Handle = DeploymentHandle[Any]

_POINTS = 1_000
"""Of a replica on the router's ring. With Serve's own 100, one of two gets 57 % once in twenty; with these 52 %."""


def build(settings: Settings) -> Application:
    """The application that `serve run` and `serve deploy` start. Serve checks `args:` against `Settings` first."""
    engines = _engines(settings)
    return _deployment(serve.ingress()(Ingress), "Ingress").bind(
        _deployment(RemoteIRStage, "IRStage").bind(engines[0], settings.ir),
        _deployment(RemoteCodeStage, "CodeStage").bind(engines[-1], settings.code),
        _deployment(MeteredValidator, "Validator").bind(settings.validator),
        settings,
    )


def _deployment(cls: Any, name: str, **options: Any) -> Deployment:
    return cast("Deployment", serve.deployment(cls)).options(name=name, **options)


def _engines(settings: Settings) -> list[Application]:
    # Both model calls of a request share a prefix cache when they meet on one replica: the session decides which.
    router = RequestRouterConfig.model_validate(
        {"request_router_class": ConsistentHashRouter, "request_router_kwargs": {"num_virtual_nodes": _POINTS}}
    )
    return [
        _deployment(EngineReplica, name, request_router_config=router).bind(settings.engine, grammars_of(settings))
        for name in engine_names(settings)
    ]


class RemoteIRStage(IRStage):
    def __init__(self, engine: Handle, settings: IRSettings) -> None:
        super().__init__(RemoteEngine(engine), settings, invalid_outputs())


class RemoteCodeStage(CodeStage):
    def __init__(self, engine: Handle, settings: CodeSettings) -> None:
        super().__init__(RemoteEngine(engine), settings, invalid_outputs())


class MeteredValidator(Validator):
    def __init__(self, settings: ValidatorSettings) -> None:
        super().__init__(settings, sandbox_tier())


class Ingress:
    """The HTTP API and the pipeline, in one replica: it waits for the stages, and does nothing heavy itself."""

    def __init__(self, ir: Handle, code: Handle, validator: Handle, settings: Settings) -> None:
        self._settings = settings
        self._validator = validator
        self._stages = Stages(
            write_ir=lambda *args: call(ir.write.remote(*args)),
            write_code=lambda *args: call(code.write.remote(*args)),
            choose_code=lambda *args: call(validator.choose.remote(*args)),
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        replicas = Replicas(("IRStage", "CodeStage", "Validator", *engine_names(self._settings)))
        return make_api(Service(self._lift, self._validate, replicas.missing), self._settings.api)

    async def _lift(self, request: LiftRequest, request_id: str) -> LiftResponse:
        most = self._settings.code.max_n
        if request.n is not None and request.n > most:
            raise SpecificationInvalid("n", f"{request.n} variations asked for; this deployment gives at most {most}")
        settings = self._settings
        return await lift(request, request_id, self._stages, settings.effort(request.n), settings.engine.model)

    async def _validate(self, request: ValidateRequest) -> Verdict:
        verdict: Verdict = await call(self._validator.validate.remote(request))
        return verdict
