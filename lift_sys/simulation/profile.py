"""What the simulator is told of a model on a GPU and of the requests it gets. All of it was measured somewhere."""

from bisect import bisect_left
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Strict):
    """One call of an engine: sequences that begin together and are taken to be equally long."""

    sequences: Count
    tokens: Positive
    """That each of them writes."""
    uncached_tokens: Annotated[float, Field(ge=0, le=1e7)]
    """Of the prompt, as far as the cache has not got it."""
    kv_tokens: Annotated[float, Field(ge=0, le=1e9)]
    """That all of them hold in the end."""


class Kind(_Strict):
    """One request: an IR, then waves of variations, each of which the validator judges."""

    ir: Call | None
    wave: Call
    waves: Annotated[int, Field(ge=1, le=100)]

    @property
    def tokens(self) -> float:
        ir = self.ir.tokens * self.ir.sequences if self.ir else 0.0
        return ir + self.waves * self.wave.sequences * self.wave.tokens

    @property
    def uncached_tokens(self) -> float:
        return (self.ir.uncached_tokens if self.ir else 0.0) + self.waves * self.wave.uncached_tokens

    @property
    def depth_tokens(self) -> float:
        """Of the longest chain, one after the other."""
        return (self.ir.tokens if self.ir else 0.0) + self.waves * self.wave.tokens


class Profile(_Strict):
    name: str
    gpu: str
    """As cluster/gpus.yaml names it; one a replica."""
    step_s: Annotated[dict[Count, Positive], Field(min_length=1)]
    """Of a batch, by the sequences in it. Between two sizes a line is drawn, beyond the last it goes on."""
    prefill_s_per_token: Annotated[float, Field(ge=0, le=10)]
    max_running: Count
    """Sequences at once in one replica; more wait."""
    capacity_tokens: Positive
    """Of the KV cache."""
    cold_start_s: Annotated[tuple[Positive, ...], Field(min_length=1)]
    """Each as likely as the others. So with all that follows."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    validate_s: Annotated[tuple[Positive, ...], Field(min_length=1)]
    """Of a wave, in one replica of the Validator that does nothing else meanwhile."""
    overhead_s: Annotated[tuple[Annotated[float, Field(ge=0, le=1e3)], ...], Field(min_length=1)]
    """Of a request, for HTTP, pipeline and hops."""

    @model_validator(mode="after")
    def _every_call_fits(self) -> Self:
        for kind in self.kinds:
            for call in filter(None, (kind.ir, kind.wave)):
                if call.sequences > self.max_running:
                    raise ValueError(f"a call has {call.sequences} sequences, and max_running is {self.max_running}")
                if call.kv_tokens > self.capacity_tokens:
                    raise ValueError(f"a call needs {call.kv_tokens:g} tokens of {self.capacity_tokens:g} in the cache")
        return self

    @cached_property
    def steps(self) -> tuple[float, ...]:
        """Seconds of a step, by the sequences in the batch, from 0 to `max_running`."""
        sizes = sorted(self.step_s)
        return tuple(self._step_s(sizes, size) for size in range(self.max_running + 1))

    def _step_s(self, sizes: list[int], size: int) -> float:
        if size <= sizes[0] or len(sizes) == 1:
            return self.step_s[sizes[0]]
        high = min(bisect_left(sizes, size), len(sizes) - 1)
        (a, b) = sizes[high - 1], sizes[high]
        return self.step_s[a] + (self.step_s[b] - self.step_s[a]) * (size - a) / (b - a)

    @cached_property
    def tokens_per_request(self) -> float:
        return sum(kind.tokens for kind in self.kinds) / len(self.kinds)

    @cached_property
    def uncached_per_request(self) -> float:
        return sum(kind.uncached_tokens for kind in self.kinds) / len(self.kinds)

    def requests_per_s(self, batch: float) -> float:
        """Of one replica whose batch has that size all the time."""
        step_s = self.steps[min(round(batch), self.max_running)]
        return 1 / (self.tokens_per_request * step_s / batch + self.uncached_per_request * self.prefill_s_per_token)

    def slower(self, factor: float) -> Self:
        """The same on a GPU that takes so many times as long."""
        steps = {size: step_s * factor for size, step_s in self.step_s.items()}
        return self.changed(step_s=steps, prefill_s_per_token=self.prefill_s_per_token * factor)

    def changed(self, **fields: Any) -> Self:
        """Checked, and without what was computed for the old one: `model_copy` does neither."""
        return type(self).model_validate({**self.model_dump(), **fields})
