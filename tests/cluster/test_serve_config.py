"""Serve config files, read strictly."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.serve_config import ConfigInvalid, load

CLUSTER = Path(__file__).parents[2] / "cluster"
GOOD = yaml.safe_load((CLUSTER / "serve.local.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(CLUSTER.glob("serve*.yaml")), ids=lambda path: path.name)
def test_every_config_of_ours_can_be_loaded(path: Path) -> None:
    config = load(path)
    assert config.url.startswith("http://127.0.0.1:")


def test_the_config_for_a_gpu_asks_for_as_many_as_the_engine_spans() -> None:
    data = yaml.safe_load((CLUSTER / "serve.yaml").read_text(encoding="utf-8"))["applications"][0]
    [engine] = [d for d in data["deployments"] if d["name"] == "Engine"]
    assert engine["ray_actor_options"]["num_gpus"] == data["args"]["engine"]["tensor_parallel"]
    assert data["args"]["engine"]["model"] == "Qwen/Qwen3-Coder-30B-A3B-Instruct"


def application(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["applications"][0]
    return found


def deployment(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = application(data)["deployments"][0]
    return found


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a key of Serve": (lambda d: d.update(aplications=[]), "aplications"),
    "a key of the proxy": (lambda d: d["http_options"].update(prot=1), "http_options.prot"),
    "a key of the application": (lambda d: application(d).update(rout_prefix="/"), "applications.0.rout_prefix"),
    "a key of a deployment": (lambda d: deployment(d).update(num_replica=1), "deployments.0.num_replica"),
    "a key of its resources": (lambda d: deployment(d)["ray_actor_options"].update(num_cpu=1), "num_cpu"),
    "a key of our settings": (lambda d: application(d)["args"]["engine"].update(modle="x"), "args.engine.modle"),
    "an amount of ours": (lambda d: application(d)["args"]["code"].update(n=0), "args.code.n"),
    "an amount of Serve's": (lambda d: deployment(d).update(num_replicas=-1), "num_replicas"),
    "a deployment's name": (lambda d: deployment(d).update(name="Ingres"), "Ingres is not in the graph"),
    "a missing deployment": (lambda d: application(d)["deployments"].pop(0), "Ingress is missing"),
    "a missing limit": (lambda d: deployment(d).pop("max_ongoing_requests"), "max_ongoing_requests"),
    "a deployment twice": (
        lambda d: application(d)["deployments"].append(deployment(d)),
        "Ingress stands there 2 times",
    ),
    "another application": (lambda d: application(d).update(import_path="deployments.app:biuld"), "app:biuld"),
    "a port": (lambda d: d["http_options"].update(port=99_999), "http_options.port: 99999"),
    "a second application": (
        lambda d: d["applications"].append(application(d) | {"name": "b", "route_prefix": "/b"}),
        "2 of them",
    ),
}


@pytest.mark.parametrize(("spoil", "named"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_refused_by_name(tmp_path: Path, spoil: Callable[[dict[str, Any]], object], named: str) -> None:
    data = copy.deepcopy(GOOD)
    spoil(data)
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigInvalid) as refusal:
        load(path)
    assert named in str(refusal.value)


@pytest.mark.parametrize(("content", "named"), [("a: [", "not YAML"), ("- a", "not a mapping"), ("", "not a mapping")])
def test_what_is_no_config_is_said_to_be_none(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "serve.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=named):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"nothing\.yaml: No such file"):
        load(tmp_path / "nothing.yaml")
