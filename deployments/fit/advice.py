"""What fits instead of a deployment that does not: of each kind of change the smallest, tried by `fit` itself."""

from collections.abc import Iterator
from dataclasses import replace

from deployments.fit.errors import UnusableTensorParallel
from deployments.fit.fit import Plan, fit
from deployments.fit.gpus import known
from deployments.fit.precision import QUANTISED
from deployments.fit.shapes import Shape

_GPU_COUNTS = (1, 2, 4, 8)
"""Of one host."""
_SHORTEST_TOKENS = 2_048


def alternatives(shape: Shape, plan: Plan) -> list[Plan]:
    """At most four: more GPUs, quantised weights, a shorter context, another GPU."""
    kinds = _more_gpus(plan), _quantised(plan), _shorter(plan), _other_gpus(plan)
    return [found for kind in kinds if (found := next((each for each in kind if _fits(shape, each)), None))]


def _more_gpus(plan: Plan) -> Iterator[Plan]:
    return (replace(plan, tensor_parallel=tp) for tp in _GPU_COUNTS if tp > plan.tensor_parallel)


def _quantised(plan: Plan) -> Iterator[Plan]:
    """A shorter context too, where the quantisation alone is not enough."""
    if not plan.precision.quantised:
        for precision in QUANTISED.values():
            quantised = replace(plan, precision=precision)
            yield quantised
            yield from _shorter(quantised)


def _shorter(plan: Plan) -> Iterator[Plan]:
    tokens = plan.context_tokens // 2
    while tokens >= _SHORTEST_TOKENS:
        yield replace(plan, context_tokens=tokens)
        tokens //= 2


def _other_gpus(plan: Plan) -> Iterator[Plan]:
    """The fewest first, and of as many the cheapest."""
    others = sorted((gpu for gpu in known() if gpu != plan.gpu), key=lambda gpu: gpu.usd_per_hour)
    return (replace(plan, gpu=gpu, tensor_parallel=tp) for tp in _GPU_COUNTS for gpu in others)


def _fits(shape: Shape, plan: Plan) -> bool:
    try:
        return fit(shape, plan).fits
    except UnusableTensorParallel:
        return False
