"""Ray Serve's default policy, asked in Ray's own functions: they are pure once they are told the time."""

import math
from collections import deque
from typing import Any

from ray.serve._private.common import DeploymentID
from ray.serve.autoscaling_policy import (
    _apply_delay_logic,
    _apply_scaling_factors,
    replica_queue_length_autoscaling_policy,
)
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from lift_sys.scaling import Decision, Seen

_ID = DeploymentID(name="Engine", app_name="lift")


class RayDefault:
    """With Ray's own delays and look-back. Ray counts calls, where the engine counts sequences."""

    period_s = 1.0

    def __init__(self, calls: float, sequences_per_call: float, most: int) -> None:
        """`calls`: Ray's `target_ongoing_requests`."""
        self._config = AutoscalingConfig(min_replicas=1, max_replicas=most, target_ongoing_requests=calls)
        self._sequences_per_call = sequences_per_call
        self._told: deque[tuple[float, float]] = deque()
        self._reported = (-math.inf, 0.0)
        self._state: dict[str, Any] = {}

    def replicas(self, seen: Seen) -> Decision:
        context = self._context(seen, self._mean_calls(seen))
        wanted, _ = replica_queue_length_autoscaling_policy(context)
        if seen.running:
            wanted = _apply_scaling_factors(wanted, seen.running, self._config)
            wanted, self._state = _apply_delay_logic(wanted, seen.target, self._config, self._state, _now=seen.at_s)
        replicas = min(max(int(wanted), 1), self._config.max_replicas)
        return Decision(replicas, "steady", "ongoing requests", {"requests": context.total_num_requests})

    def _mean_calls(self, seen: Seen) -> float:
        """Over the look-back, as it was told last: once every `metrics_interval_s`."""
        sequences = sum(load.running + load.waiting for load in seen.replicas) + seen.queued
        self._told.append((seen.at_s, sequences / self._sequences_per_call))
        while self._told[0][0] < seen.at_s - self._config.look_back_period_s:
            self._told.popleft()
        if seen.at_s >= self._reported[0] + self._config.metrics_interval_s:
            self._reported = seen.at_s, sum(calls for _, calls in self._told) / len(self._told)
        return self._reported[1]

    def _context(self, seen: Seen, calls: float) -> AutoscalingContext:
        return AutoscalingContext(
            deployment_id=_ID,
            deployment_name=_ID.name,
            app_name=_ID.app_name,
            current_num_replicas=seen.running,
            target_num_replicas=seen.target,
            running_replicas=[],
            total_num_requests=calls,
            total_queued_requests=0.0,
            aggregated_metrics=None,
            raw_metrics=None,
            capacity_adjusted_min_replicas=1,
            capacity_adjusted_max_replicas=self._config.max_replicas,
            policy_state=self._state,
            last_scale_up_time=None,
            last_scale_down_time=None,
            current_time=seen.at_s,
            config=self._config,
        )
