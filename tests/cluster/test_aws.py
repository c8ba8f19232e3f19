"""The machines of `ray up`, read by Ray itself."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from deployments.configs.presets import PRESETS, Pool

ROOT = Path(__file__).parents[2]
AWS: dict[str, Any] = yaml.safe_load((ROOT / "cluster" / "aws.yaml").read_text(encoding="utf-8"))
TYPES: dict[str, dict[str, Any]] = AWS["available_node_types"]


def read_by_ray(config: dict[str, Any]) -> dict[str, Any]:
    """As `ray up` does before it asks AWS for anything."""
    prepared: dict[str, Any] = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def test_ray_takes_it() -> None:
    prepared = read_by_ray(AWS)
    assert prepared["available_node_types"].keys() == TYPES.keys()
    assert prepared["idle_timeout_minutes"] == 10


SPOILT: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a misspelt key": (lambda d: d.update(idle_timeout=5), "'idle_timeout' was unexpected"),
    "a misspelt key of a machine": (lambda d: d["available_node_types"]["cpu"].update(min_worker=1), "min_worker"),
    "an amount in words": (lambda d: d.update(max_workers="many"), "'many' is not of type 'integer'"),
}


@pytest.mark.parametrize(("spoil", "named"), SPOILT.values(), ids=SPOILT)
def test_a_mistake_is_refused_by_name(spoil: Callable[[dict[str, Any]], object], named: str) -> None:
    config = copy.deepcopy(AWS)
    spoil(config)
    with pytest.raises(jsonschema.ValidationError, match=named):
        read_by_ray(config)


@pytest.mark.parametrize(
    "pool", dict.fromkeys(pool for preset in PRESETS for pool in preset.pools), ids=lambda pool: pool.model
)
def test_there_is_a_machine_for_every_engine(pool: Pool) -> None:
    wanted = {"GPU": pool.tensor_parallel, f"accelerator_type:{pool.gpu}": 1}
    there = [one["resources"] for one in TYPES.values()]
    assert [resources for resources in there if all(resources.get(name, 0) >= n for name, n in wanted.items())]


def test_machines_with_gpus_are_had_when_they_are_asked_for() -> None:
    assert {name for name, one in TYPES.items() if one.get("min_workers")} == {"cpu"}
    assert TYPES[AWS["head_node_type"]]["resources"] == {"CPU": 0}


def test_machines_with_gpus_have_room_for_engines_only() -> None:
    assert {name for name, one in TYPES.items() if one["resources"]["CPU"]} == {"cpu"}


def test_spot_is_one_kind_beside_the_other() -> None:
    spot, other = TYPES["a10g-spot"], TYPES["a10g"]
    assert spot["node_config"] == other["node_config"] | {"InstanceMarketOptions": {"MarketType": "spot"}}
    assert spot["resources"] == other["resources"]


def test_the_variables_of_production_are_there_where_ray_starts() -> None:
    [(there, here)] = AWS["file_mounts"].items()
    assert (ROOT / here).is_file()
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        [start] = [command for command in AWS[key] if "ray start" in command]
        assert f"set -a; . {there}; ray start" in start
