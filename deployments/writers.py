"""The two stages that ask a model, on engines behind handles: deployments of their own, or within the ingress."""

import functools
import os
from dataclasses import dataclass
from typing import Any

from deployments.breaker import Breaker
from deployments.fallback import FallbackEngine, Pool
from deployments.meter import count_invalid, tell
from deployments.metered import MeteredEngine
from deployments.metrics import FALLBACKS
from deployments.present import PresentEngine
from deployments.remote import RemoteEngine, Replicas, again, quick
from deployments.settings import CodeSettings, FallbackSettings, IRSettings
from deployments.stages import CodeStage, IRStage
from deployments.upstream import upstream_engine
from lift_sys.engine import Engine
from lift_sys.outputs import Stage
from lift_sys.pipeline import WriteCode, WriteIR

Handle = Any
"""Of a deployment. While the graph is built it is the application that Serve makes one of."""


@dataclass(frozen=True)
class Pools:
    """Whom a stage may ask."""

    own: Handle
    other: Handle | None
    """The fallback's engine, where that is one of ours."""
    fallback: FallbackSettings | None

    def engine(self, stage: Stage) -> Engine:
        found = self._with(self.fallback, stage) if self.fallback else RemoteEngine(self.own, tell)
        return MeteredEngine(found, stage, tell)

    def _with(self, fallback: FallbackSettings, stage: Stage) -> Engine:
        other = upstream_engine(fallback.upstream, os.environ) if fallback.upstream else _present(self.other)
        context_tokens = fallback.engine.context_tokens if fallback.engine else None
        own_breaker, other_breaker = (Breaker(fallback.failures, fallback.open_s) for _ in range(2))
        return FallbackEngine(
            Pool(_present(self.own), own_breaker),
            Pool(other, other_breaker, fallback.model, context_tokens),
            after_s=fallback.after_s,
            short_tokens=fallback.short_tokens,
            tell=functools.partial(tell, FALLBACKS, 1, stage=stage),
        )


def _present(pool: Handle) -> Engine:
    """For one that another can stand in for."""
    return PresentEngine(RemoteEngine(pool, tell), Replicas((pool.deployment_name,), {}).missing)


class RemoteIRStage(IRStage):
    def __init__(self, pools: Pools, settings: IRSettings) -> None:
        super().__init__(pools.engine("ir"), settings, count_invalid)


class RemoteCodeStage(CodeStage):
    def __init__(self, pools: Pools, settings: CodeSettings) -> None:
        super().__init__(pools.engine("code"), settings, count_invalid)


def ir_writer(where: Pools | Handle, settings: IRSettings) -> WriteIR:
    """The IR stage for a pipeline: that which is deployed, or one of its own on these pools."""
    if isinstance(where, Pools):
        return RemoteIRStage(where, settings).write
    handle = quick(where)
    return again("IRStage", handle.write, tell, handle.options(stream=True).write_aloud)


def code_writer(where: Pools | Handle, settings: CodeSettings) -> WriteCode:
    if isinstance(where, Pools):
        return RemoteCodeStage(where, settings).write
    return again("CodeStage", quick(where).write, tell)
