import pytest

from lift_sys.simulation.measured import h100_moe
from lift_sys.simulation.outcome import Objective
from lift_sys.simulation.plan import Impossible, batch_for, plan
from lift_sys.simulation.profile import Call, Profile


@pytest.mark.slow
def test_a_plan_is_in_time_not_lavish_and_grows_with_the_load(profile: Profile) -> None:
    one, two = (plan(profile, rps, Objective(ttft_s=1, total_s=8)) for rps in (12, 24))
    for found in (one, two):
        assert found.outcome.attainment >= 0.99
        assert 1 <= found.replicas / found.by_arithmetic <= 2
    assert two.replicas / one.replicas == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize(
    ("change", "total_s", "limit"),
    [({}, 60, "sequences"), ({}, 3.4, "time"), ({"capacity_tokens": 1_000}, 60, "cache")],
)
def test_what_limits_a_replica_is_named(profile: Profile, change: dict[str, float], total_s: float, limit: str) -> None:
    assert batch_for(profile.changed(**change), Objective(total_s=total_s)).limit == limit


def test_more_sequences_than_write_faster_are_not_let_in(profile: Profile) -> None:
    slow = profile.changed(step_s={1: 0.02, 8: 0.03, 24: 0.2})
    assert batch_for(slow, Objective(total_s=60)).limit == "tokens"
    assert batch_for(slow, Objective(total_s=60)).sequences < 12


def test_an_objective_that_no_batch_meets_is_refused_with_one_that_can_be(profile: Profile) -> None:
    with pytest.raises(Impossible, match=r"--slo 1 cannot be met.* allow --slo 3") as refused:
        batch_for(profile, Objective(total_s=1))
    assert "H100" in str(refused.value)
    assert batch_for(profile, Objective(total_s=3)).sequences >= 1


def test_the_measured_profile_is_what_the_results_say() -> None:
    measured = h100_moe()
    assert measured.steps[32] == pytest.approx(0.0237, abs=0.001)
    assert measured.steps[1] < measured.steps[8] < measured.steps[64] < measured.steps[96]
    assert measured.cold_start_s == (91.894, 46.732, 39.183)
    assert len(measured.kinds) == 574
    assert measured.tokens_per_request == pytest.approx(1_189, rel=0.01)


def test_a_call_that_no_replica_can_hold_is_refused(profile: Profile) -> None:
    kind = profile.kinds[0].model_copy(update={"wave": Call(sequences=25, tokens=1, uncached_tokens=0, kv_tokens=1)})
    with pytest.raises(ValueError, match="a call has 25 sequences, and max_running is 24"):
        profile.changed(kinds=(kind,))
