"""Several Ray nodes on one machine, by their words with an A10G and an A100, under the graph of serve.mixed.yaml."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.machines import possible
from tests.cluster.nodes import ON_CPUS, alone

pytestmark = [
    pytest.mark.machines,
    pytest.mark.timeout(420),
    pytest.mark.skipif(not possible(), reason="asks for root, iproute2 and a Redis (Debian's package redis-server)"),
]

LARGE, SMALL = "Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    ran = subprocess.run(
        alone(), cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=400, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3_000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_every_engine_is_placed_on_its_own_kind_of_machine_and_nothing_on_the_head(seen: dict[str, Any]) -> None:
    stages = dict.fromkeys(ON_CPUS, ["cpu"] * 2)
    assert seen["placement"] == {**stages, "Engine": ["a100"] * 2, "FallbackEngine": ["a10g"] * 2}


def test_an_upgrade_under_load_costs_no_request(seen: dict[str, Any]) -> None:
    assert seen["upgrade"]["statuses"].keys() == {"200"}
    assert seen["upgrade"]["wrote"].keys() >= {f"short by {SMALL}", f"long by {LARGE}"}, "each length by its own pool"


def test_while_the_large_engine_s_machine_is_away_the_other_pool_answers(seen: dict[str, Any]) -> None:
    assert seen["loss"]["statuses"].keys() <= {"200", "503"}, "nobody is left without a word"
    assert seen["loss"]["wrote"].keys() >= {f"long by {SMALL}", f"long by {LARGE}"}


def test_a_drain_costs_no_request(seen: dict[str, Any]) -> None:
    assert seen["drain"]["statuses"].keys() == {"200"}


def test_a_machine_that_falls_silent_keeps_nobody_waiting_for_long(seen: dict[str, Any]) -> None:
    """No connection to it is closed. Who was waiting for its ingress is told of a failure, as by HAProxy; who was
    waiting for one of its stages is answered by the other machine's."""
    assert seen["silence"]["statuses"].keys() <= {"200", "500", "503"}
    assert seen["silence"]["slowest_s"] < 45
    assert seen["silence"]["missed_s"] < 40
    assert seen["silence"]["last"] == 200


def test_a_head_that_comes_again_knows_what_ran_and_a_job_is_done(seen: dict[str, Any]) -> None:
    """No replica is another than before, and what had been accepted is answered."""
    assert seen["head"]["statuses"].keys() <= {"200", "503"}
    assert seen["head"]["last"] == 200
    assert seen["head"]["job"]["levels"] == {"verified": seen["head"]["job"]["items"]}
