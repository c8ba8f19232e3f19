"""The rivals do what their sources say."""

import pytest

from deployments.simulation.ray_default import RayDefault
from lift_sys.scaling import Load, Seen
from lift_sys.simulation.policies import Keda, Policy, Schedule


def asked(policy: Policy, loads: dict[float, float], target: int, until_s: int) -> dict[int, int]:
    """What is asked for by the second, where the load in sequences changes at the given times; nothing has to start."""
    seconds = {}
    for at_s in range(0, until_s, int(policy.period_s)):
        sequences = loads[max(begin for begin in loads if begin <= at_s)]
        load = Load(running=sequences / max(1, target))
        seen = Seen(at_s=at_s, target=target, running=target, replicas=(load,) * target)
        seconds[at_s] = target = policy.replicas(seen).replicas
    return seconds


def test_keda_doubles_at_most_each_period_and_comes_down_after_five_minutes() -> None:
    found = asked(Keda(10, 100), {0: 10, 60: 200, 300: 10}, 1, 700)
    assert [found[at_s] for at_s in (45, 60, 75, 90, 285)] == [1, 5, 10, 20, 20]
    assert found[585] == 20
    assert found[615] == 1


def test_keda_leaves_a_tenth_alone() -> None:
    assert set(asked(Keda(10, 100), {0: 40, 60: 43.9}, 4, 200).values()) == {4}


def test_ray_waits_thirty_seconds_before_it_goes_up_and_ten_minutes_before_it_goes_down() -> None:
    found = asked(RayDefault(10, 1, 100), {0: 10, 100: 40, 300: 10}, 1, 1_000)
    up = min(at_s for at_s, replicas in found.items() if replicas > 1)
    down = min(at_s for at_s, replicas in found.items() if at_s > 300 and replicas < max(found.values()))
    assert 130 <= up <= 160
    assert 900 <= down <= 960


@pytest.mark.parametrize(("at_s", "replicas"), [(0, 3), (9.9, 4), (10, 4), (25, 5), (99, 5)])
def test_a_schedule_is_kept_to_its_end(at_s: float, replicas: int) -> None:
    assert Schedule([3, 4, 5], 10).replicas(Seen(at_s=at_s, target=1, running=1)).replicas == replicas
