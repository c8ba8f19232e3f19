"""The policies as Serve's controller calls them."""

from typing import Any

import pytest
from pydantic import ValidationError
from ray.serve._private.common import DeploymentID, ReplicaID, TimeStampedValue
from ray.serve.config import AutoscalingContext

from deployments.scaling import EnginePolicy, Reports, ValidatorPolicy
from lift_sys.scaling import Load

ENGINE = DeploymentID("Engine", "lift")


def context(
    loads: dict[str, Load], *, silent: int = 0, target: int = 1, queued: float = 0.0, stamp: float = 5.0
) -> Any:
    """What Serve knows of some replicas that report, and of some that do not."""
    told = {ReplicaID(name, ENGINE): load.told() for name, load in loads.items()}
    replicas = [*told, *(ReplicaID(f"silent{i}", ENGINE) for i in range(silent))]
    names = Load().told()
    return AutoscalingContext(
        deployment_id=ENGINE,
        deployment_name="Engine",
        app_name="lift",
        current_num_replicas=len(replicas),
        target_num_replicas=target,
        running_replicas=replicas,
        total_num_requests=queued,
        total_queued_requests=queued,
        aggregated_metrics={name: {r: amounts[name] for r, amounts in told.items()} for name in names},
        raw_metrics={name: {r: [TimeStampedValue(stamp, a[name])] for r, a in told.items()} for name in names},
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=5,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=0.0,
        config=None,
    )


def test_an_engine_has_as_many_replicas_as_its_load_asks_for() -> None:
    policy = EnginePolicy(concurrency=8)
    assert policy(context({"a": Load(running=4)}))[0] == 1
    assert policy(context({"a": Load(running=14, waiting=3)}))[0] == 3
    assert policy(context({"a": Load(running=999)}))[0] == 5


def test_a_validator_has_as_many_as_its_sandboxes_and_its_queue_ask_for() -> None:
    policy = ValidatorPolicy(sandboxes=4, busy_share=0.5, runs_per_s=50)
    assert policy(context({"a": Load(running=4)}))[0] == 2
    assert policy(context({"a": Load(running=4, waiting=180)}))[0] == 4


def test_replicas_that_say_nothing_keep_what_there_is() -> None:
    policy = EnginePolicy(down_delay_s=0.01)
    for _ in range(3):
        assert policy(context({"a": Load()}, silent=2, target=3))[0] == 3


def test_a_report_ages_by_this_process_s_clock() -> None:
    reports = Reports()
    ages = [
        load.age_s
        for stamp, now in ((5.0, 100.0), (5.0, 103.0), (4.0, 104.0), (4.0, 106.0))
        for load in reports.read(context({"a": Load()}, stamp=stamp), now)
    ]
    assert ages == [0.0, 3.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [({"concurency": 3}, "concurency"), ({"token_share": 2}, "token_share"), ({"guard": {"address": "x"}}, "guard")],
)
def test_a_policy_that_cannot_be_is_refused_by_name(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        EnginePolicy(**kwargs)
