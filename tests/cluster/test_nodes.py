"""Several Ray nodes on one machine, by their words with an A10G and an A100, under the graph of serve.mixed.yaml."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

LARGE, SMALL = "Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.cluster.nodes", "placement", "upgrade", "loss"]
    root = Path(__file__).parents[2]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr[-3_000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_every_engine_is_placed_on_its_own_kind_of_node_and_nothing_on_the_head(seen: dict[str, Any]) -> None:
    stages = ("Ingress", "IRStage", "CodeStage", "Validator")
    assert seen["placement"] == {
        **{stage: ["cpu", "cpu"] for stage in stages},
        "Engine": ["A100-80G"],
        "FallbackEngine": ["A10G"],
    }


def test_an_upgrade_under_load_costs_no_request(seen: dict[str, Any]) -> None:
    assert seen["upgrade"]["statuses"].keys() == {"200"}
    assert seen["upgrade"]["wrote"].keys() == {f"short: {SMALL}", f"long: {LARGE}"}, "each length by its own pool"


def test_when_the_large_engine_s_node_is_lost_the_other_pool_answers_until_it_is_back(seen: dict[str, Any]) -> None:
    loss = seen["loss"]
    assert loss["statuses"].keys() <= {"200", "503"}, "nobody is left without a word"
    assert loss["wrote"][f"long: {SMALL}"] > 0
    assert loss["back_s"] > 0
