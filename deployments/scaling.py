"""Serve's autoscaling policies: they hand what Serve's controller knows to the decision, and tell what it decided.

They run in the controller, some ten times a second, so nothing in here waits.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from ray.serve.config import AutoscalingContext

from deployments.guard import Guard, GuardSettings
from deployments.metrics import scaling
from lift_sys.scaling import Decision, EngineScaling, Load, Pace, Seen, State, ValidatorScaling, decide

logger = logging.getLogger("ray.serve")


class EnginePolicySettings(EngineScaling):
    guard: GuardSettings | None = None


class ValidatorPolicySettings(ValidatorScaling):
    guard: GuardSettings | None = None


class _Policy:
    """One deployment's. `policy_kwargs` are its settings, without the bounds: those are Serve's own."""

    kind: ClassVar[type[EnginePolicySettings | ValidatorPolicySettings]]

    def __init__(self, **kwargs: Any) -> None:
        """Raises `ValidationError` for a setting that cannot be."""
        least = 0 if "idle_to_zero_s" in kwargs else 1
        self._settings = self.kind(min_replicas=least, max_replicas=10_000, **kwargs)
        self._guard = Guard(self._settings.guard) if self._settings.guard else None
        self._state = State()
        self._reports = Reports()
        self._tell: Callable[[Decision], None] | None = None

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        seen = self._seen(context)
        decision, self._state = decide(_within(self._settings, context), self._state, seen)
        self._tell = self._tell or scaling(context.deployment_name)
        self._tell(decision)
        if decision.replicas != seen.target:
            logger.info("%s: %s", context.deployment_name, _told(seen.target, decision))
        return decision.replicas, {}

    def _seen(self, context: AutoscalingContext) -> Seen:
        now = time.monotonic()
        return Seen(
            at_s=now,
            target=context.target_num_replicas,
            running=context.current_num_replicas,
            replicas=tuple(self._reports.read(context, now)),
            queued=context.total_queued_requests,
            guard=self._guard.worst() if self._guard else None,
        )


class EnginePolicy(_Policy):
    kind = EnginePolicySettings


class ValidatorPolicy(_Policy):
    kind = ValidatorPolicySettings


POLICIES: Mapping[str, type[BaseModel]] = {
    f"{__name__}:{policy.__name__}": policy.kind for policy in (EnginePolicy, ValidatorPolicy)
}
"""By the name that a config has for them, what their settings are together with the bounds."""


class Reports:
    """The replicas' own words, and how old they are by this process's clock: others' clocks can be wrong."""

    def __init__(self) -> None:
        self._news: dict[Any, tuple[float, float]] = {}

    def read(self, context: AutoscalingContext, now: float) -> Iterator[Load]:
        """Of each replica that said everything. Serve averages each amount over its `look_back_period_s`."""
        amounts, raw = context.aggregated_metrics or {}, context.raw_metrics or {}
        self._news = {replica: self._news[replica] for replica in context.running_replicas if replica in self._news}
        for replica in context.running_replicas:
            if all(raw.get(name, {}).get(replica) for name in _AMOUNTS):
                stamp = raw[_AMOUNTS[0]][replica][-1].timestamp
                if self._news.get(replica, (None,))[0] != stamp:
                    self._news[replica] = (stamp, now)
                told = {name: amounts[name][replica] for name in _AMOUNTS}
                yield Load(**told, age_s=now - self._news[replica][1])


_AMOUNTS = tuple(Load().told())


def _within(settings: Pace, context: AutoscalingContext) -> Pace:
    bounds = {
        "min_replicas": context.capacity_adjusted_min_replicas,
        "max_replicas": context.capacity_adjusted_max_replicas,
    }
    return settings.model_copy(update=bounds)


def _told(before: int, decision: Decision) -> str:
    terms = ", ".join(f"{name} {need:.2f}" for name, need in decision.terms.items())
    return f"{before} -> {decision.replicas} replicas ({decision.cause}): {decision.reason}; needs: {terms}"
