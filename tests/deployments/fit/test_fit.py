"""The decision, against what is known of real cards, and what must hold for any."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deployments.fit.advice import alternatives
from deployments.fit.fit import Plan, fit
from deployments.fit.gpus import Gpu, known, named
from deployments.fit.precision import BF16, FP8, QUANTISED, Precision
from deployments.fit.shapes import Shape

AWQ = QUANTISED["awq"]
PLANS = some.builds(
    Plan,
    gpu=some.builds(
        Gpu,
        name=some.just("any"),
        memory_mib=some.integers(1_000, 300_000),
        capability=some.sampled_from([8.0, 8.9]),
        usd_per_hour=some.just(1.0),
        instance=some.just("any"),
    ),
    tensor_parallel=some.sampled_from([1, 2]),
    precision=some.sampled_from([BF16, FP8, AWQ]),
    context_tokens=some.integers(16, 262_144),
    concurrent=some.integers(1, 512),
    memory_fraction=some.floats(0.3, 0.95),
)


@pytest.mark.parametrize(
    ("gpu", "tp", "precision", "context_tokens", "fits"),
    [
        ("H100", 1, BF16, 8_192, True),
        ("A100-80G", 1, BF16, 8_192, True),
        ("A100-40G", 1, BF16, 2_048, False),
        ("A100-40G", 1, FP8, 8_192, False),
        ("A100-40G", 2, FP8, 8_192, True),
        ("A10G", 1, AWQ, 4_096, True),
        ("A10G", 1, AWQ, 8_192, False),
        ("A10G", 1, FP8, 2_048, False),
        ("A10G", 2, BF16, 2_048, False),
        ("A10G", 4, BF16, 8_192, True),
    ],
)
def test_the_30b_model_fits_where_it_is_known_to(
    moe: Shape, gpu: str, tp: int, precision: Precision, context_tokens: int, fits: bool
) -> None:
    assert fit(moe, Plan(named(gpu), tp, precision, context_tokens)).fits is fits


def test_the_cache_on_an_h100_is_the_measured_one(moe: Shape) -> None:
    found = fit(moe, Plan(named("H100")))
    assert found.weights_bytes == pytest.approx(57 * 2**30, rel=0.01)
    assert found.kv_bytes_per_token == 98_304
    assert found.cache_tokens == pytest.approx(148_000, rel=0.01)


@pytest.mark.parametrize(
    ("gpu", "tp", "precision", "why"),
    [
        ("A10G", 1, BF16, "needs 61.1 GB for weights, and one A10G has 24.1 GB"),
        ("A10G", 2, BF16, "needs 30.5 GB for weights on each of 2 GPUs, and one A10G has 24.1 GB"),
        ("A100-40G", 1, FP8, "room for 62,325 tokens of KV cache, and needs 65,536 (8 at once of 8,192)"),
    ],
)
def test_what_does_not_fit_says_what_is_missing(moe: Shape, gpu: str, tp: int, precision: Precision, why: str) -> None:
    assert fit(moe, Plan(named(gpu), tp, precision)).why.startswith(why)


def test_an_fp8_cache_holds_twice_the_tokens(moe: Shape) -> None:
    whole, halved = (fit(moe, Plan(named("H100"), kv_bytes=size)).cache_tokens for size in (2, 1))
    assert halved // 2 == whole


@pytest.mark.parametrize("gpu", known(), ids=lambda gpu: gpu.name)
def test_fp8_is_remarked_on_where_the_card_cannot_compute_in_it(moe: Shape, gpu: Gpu) -> None:
    assert ("Marlin" in fit(moe, Plan(gpu, precision=FP8)).note) == gpu.name.startswith("A")
    assert not fit(moe, Plan(gpu)).note


@given(plan=PLANS, more_mib=some.integers(0, 100_000))
def test_more_memory_never_makes_it_not_fit(moe: Shape, plan: Plan, more_mib: int) -> None:
    larger = replace(plan, gpu=replace(plan.gpu, memory_mib=plan.gpu.memory_mib + more_mib))
    before, after = fit(moe, plan), fit(moe, larger)
    assert after.cache_tokens >= before.cache_tokens
    assert after.fits >= before.fits


@given(plan=PLANS, fewer=some.integers(1, 512), shorter_tokens=some.integers(16, 262_144))
def test_fewer_and_shorter_requests_never_make_it_not_fit(
    moe: Shape, plan: Plan, fewer: int, shorter_tokens: int
) -> None:
    less = replace(
        plan, concurrent=min(fewer, plan.concurrent), context_tokens=min(shorter_tokens, plan.context_tokens)
    )
    assert fit(moe, less).fits >= fit(moe, plan).fits


@given(plan=PLANS)
def test_the_parts_make_up_the_memory(moe: Shape, plan: Plan) -> None:
    found = fit(moe, plan)
    taken_bytes = found.weights_bytes + found.reserve_bytes + found.cache_tokens * found.kv_bytes_per_token
    assert found.cache_tokens == 0 or 0 <= found.memory_bytes - taken_bytes < found.kv_bytes_per_token
    assert found.fits == (found.requests >= plan.concurrent)


@pytest.mark.parametrize("precision", [BF16, FP8, AWQ], ids=lambda precision: precision.name)
@pytest.mark.parametrize("gpu", known(), ids=lambda gpu: gpu.name)
def test_every_suggestion_fits(moe: Shape, gpu: Gpu, precision: Precision) -> None:
    for other in alternatives(moe, Plan(gpu, precision=precision, context_tokens=32_768)):
        assert fit(moe, other).fits


@pytest.mark.parametrize(
    ("plan", "others"),
    [
        (
            Plan(named("A10G")),
            [
                Plan(named("A10G"), tensor_parallel=4),
                Plan(named("A10G"), precision=AWQ, context_tokens=4_096),
                Plan(named("A100-80G")),
            ],
        ),
        (
            Plan(named("A100-40G"), precision=FP8),
            [
                Plan(named("A100-40G"), 2, FP8),
                Plan(named("A100-40G"), precision=FP8, context_tokens=4_096),
                Plan(named("L40S"), precision=FP8),
            ],
        ),
        (Plan(named("H200"), concurrent=1_000_000), []),
    ],
)
def test_the_nearest_deployments_that_fit_are_suggested(moe: Shape, plan: Plan, others: list[Plan]) -> None:
    assert alternatives(moe, plan) == others
