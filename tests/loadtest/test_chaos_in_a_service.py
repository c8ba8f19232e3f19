"""Four faults into a real service under load. `lift chaos` has the others, and says how long each is felt."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadtest.chaos import campaign
from loadtest.chaos.experiment import Load
from loadtest.chaos.faults import FAULTS
from tests.conftest import Serve

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
LOAD = Load(rate=3.0, seed=1, before_s=3.0)


@pytest.fixture(scope="module")
def url(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    args: dict[str, Any] = {
        "engine": {"kind": "scripted", "scripted_delay_s": 0.1},
        "code": {"n": 1, "first": 1, "mix": {"script": 1}},
        "repairs": 0,
        "jobs": {"database": str(tmp_path_factory.mktemp("jobs") / "jobs.sqlite"), "lease_s": 2},
    }
    with serve(args) as service:
        yield str(service.client.base_url)


@pytest.mark.parametrize("name", ["stop-executor", "kill-engine", "kill-stage", "kill-ingress"])
def test_nothing_is_lost_or_wrong_and_all_is_well_again(name: str, url: str) -> None:
    [(told, rows)] = campaign.against(url, [FAULTS[name]], LOAD)
    assert (told["lost"], told["refused"], told["wrong"], told["unexpected"]) == (0, 0, 0, []), rows
    assert told["recovery_s"] is not None, rows
    assert (told["missing"], told["leaks"]["jails"]) == ({}, 0)
