"""What a policy can be told, and the needs that follow: replicas, as a fraction, for each reason to have some."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lift_sys.scaling.load import Load

Share = Annotated[float, Field(ge=0.01, le=1)]
Seconds = Annotated[float, Field(ge=0.01, le=86_400)]
Rate = Annotated[float, Field(ge=0.01, le=1e9)]


class Pace(BaseModel, ABC):
    """How far and how fast the number of replicas may change, whatever asks for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_replicas: Annotated[int, Field(ge=0, le=10_000)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=10_000)] = 1
    most_up_step: Annotated[int, Field(ge=1, le=1_000)] = 4
    """So many replicas may be starting at once, or `most_up_share` of those that run, if that is more."""
    most_up_share: Annotated[float, Field(ge=0, le=10)] = 1.0
    most_down_share: Share = 0.5
    """Of the replicas that go at once; one always may."""
    down_delay_s: Seconds = 30.0
    """So long fewer must have been enough."""
    slack: Share = 0.8
    """Fewer are enough when they would be used to this share of what they are meant for: noise then turns nothing."""
    waiting_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """While more of the requests than this wait, no replica goes. 0: while anything waits."""
    idle_to_zero_s: Seconds | None = None
    """Without any work for so long, the last replica goes. Needs `min_replicas: 0`."""
    stale_after_s: Annotated[float, Field(ge=1, le=600)] = 10.0
    """Older words of a replica count as none. Also the longest that may pass, for the policy, between two decisions."""
    guard_keep: Share = 0.7
    """While the guard is above this, no replica goes; above 1, replicas come."""
    guard_step_share: Share = 0.1
    """Of the replicas that come so; one always may."""
    guard_delay_s: Seconds = 60.0
    """So long it takes until the guard shows what the last of them did."""

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas is {self.min_replicas}, above max_replicas, {self.max_replicas}")
        if (self.min_replicas == 0) != (self.idle_to_zero_s is not None):
            raise ValueError("idle_to_zero_s and min_replicas: 0 need each other")
        return self

    @abstractmethod
    def needs(self, replicas: Sequence[Load], queued: float) -> dict[str, float]:
        """For each reason, how many replicas it asks for."""


class EngineScaling(Pace):
    token_share: Share = 0.7
    """Of the KV cache: beyond it, a burst would have running requests thrown out."""
    concurrency: Annotated[float, Field(ge=0.1, le=100_000)] = 32.0
    """Requests that run or wait in one replica, as it is meant to be."""
    prefill_tokens_per_s: Rate = 8_000.0
    """What one replica reads of prompts."""
    ttft_budget_s: Seconds = 1.0
    """In this time the prompts that wait should have been read."""

    def needs(self, replicas: Sequence[Load], queued: float) -> dict[str, float]:
        capacity = sum(load.capacity_tokens for load in replicas) / len(replicas) if replicas else 0.0
        used = sum(load.used_tokens for load in replicas)
        requests = sum(load.running + load.waiting for load in replicas) + queued
        uncached = sum(load.uncached_tokens for load in replicas)
        return {
            "tokens": used / (capacity * self.token_share) if capacity >= 1 else 0.0,
            "requests": requests / self.concurrency,
            "prefill": uncached / (self.prefill_tokens_per_s * self.ttft_budget_s),
        }


class ValidatorScaling(Pace):
    sandboxes: Annotated[int, Field(ge=1, le=256)] = 2
    """That run at once in one replica: `args.validator.concurrency`."""
    busy_share: Share = 0.8
    """Of them, as it is meant to be."""
    runs_per_s: Rate = 100.0
    """Of one replica."""
    wait_budget_s: Seconds = 1.0
    """In this time the runs that wait should have begun."""

    def needs(self, replicas: Sequence[Load], queued: float) -> dict[str, float]:
        return {
            "busy": sum(load.running for load in replicas) / (self.sandboxes * self.busy_share),
            "backlog": sum(load.waiting for load in replicas) / (self.runs_per_s * self.wait_budget_s),
            "requests": queued / self.sandboxes,
        }
