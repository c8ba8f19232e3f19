"""Serve config files, read strictly."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

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


def scaled(data: dict[str, Any], name: str = "Engine") -> dict[str, Any]:
    """The autoscaling of a deployment of ours, put in place of its fixed number of replicas if need be."""
    [found] = [one for one in application(data)["deployments"] if one["name"] == name]
    found.pop("num_replicas", None)
    return cast(dict[str, Any], found.setdefault("autoscaling_config", copy.deepcopy(SCALED)))


SCALED = {
    "min_replicas": 0,
    "max_replicas": 3,
    "upscale_delay_s": 0,
    "downscale_delay_s": 0,
    "policy": {"policy_function": "deployments.scaling:EnginePolicy", "policy_kwargs": {"idle_to_zero_s": 300}},
}


def test_the_config_for_a_gpu_scales_what_works(tmp_path: Path) -> None:
    data = yaml.safe_load((CLUSTER / "serve.yaml").read_text(encoding="utf-8"))
    for name in ("Engine", "Validator"):
        scaling = scaled(data, name)
        assert scaling["min_replicas"] == 1
        assert scaling["policy"]["policy_function"] == f"deployments.scaling:{name}Policy"
    sandboxes = scaled(data, "Validator")["policy"]["policy_kwargs"]["sandboxes"]
    assert sandboxes == application(data)["args"]["validator"]["concurrency"]


def application(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["applications"][0]
    return found


def deployment(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = application(data)["deployments"][0]
    return found


def policy(data: dict[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], scaled(data)["policy"]["policy_kwargs"])


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
    "a fallback without its deployment": (
        lambda d: application(d)["args"].update(fallback={"engine": {"kind": "scripted"}}),
        "FallbackEngine is missing",
    ),
    "a stage that is in the ingress": (
        lambda d: application(d)["args"].update(model_stages="ingress"),
        "IRStage is not in the graph of Engine, Ingress, Validator",
    ),
    "a missing limit": (lambda d: deployment(d).pop("max_ongoing_requests"), "max_ongoing_requests"),
    "a deployment twice": (
        lambda d: application(d)["deployments"].append(deployment(d)),
        "Ingress stands there 2 times",
    ),
    "a key of the autoscaling": (lambda d: scaled(d).update(max_replica=1), "autoscaling_config.max_replica"),
    "another policy": (lambda d: scaled(d)["policy"].update(policy_function="os:getcwd"), "'os:getcwd' is none of"),
    "a policy's setting": (lambda d: policy(d).update(concurency=1), "policy_kwargs.concurency"),
    "a policy's amount": (lambda d: policy(d).update(token_share=7), "policy_kwargs.token_share"),
    "a bound among them": (lambda d: policy(d).update(max_replicas=7), "max_replicas: belongs into autoscaling_config"),
    "bounds against each other": (lambda d: scaled(d).update(min_replicas=1), "idle_to_zero_s and min_replicas: 0"),
    "a guard's address": (lambda d: policy(d).update(guard={"address": "x", "queries": {"a": "up"}}), "guard.address"),
    "a second delay": (lambda d: scaled(d).pop("upscale_delay_s"), "upscale_delay_s: must be 0"),
    "another application": (lambda d: application(d).update(import_path="deployments.app:biuld"), "app:biuld"),
    "a port": (lambda d: d["http_options"].update(port=99_999), "http_options.port: 99999"),
    "a port that is open to all": (lambda d: d["http_options"].update(host="0.0.0.0"), "args.api.keys_file: 0.0.0.0"),
    "a keys file beside it": (
        lambda d: application(d)["args"].update(api={"keys_file": "/k", "allow_anonymous": True}),
        "keys_file and allow_anonymous exclude each other",
    ),
    "a second application": (
        lambda d: d["applications"].append(application(d) | {"name": "b", "route_prefix": "/b"}),
        "2 of them",
    ),
}


@pytest.mark.parametrize("api", [{"keys_file": "/etc/lift/keys.yaml"}, {"allow_anonymous": True}])
def test_a_port_that_is_open_to_all_asks_for_keys_or_says_that_it_needs_none(
    tmp_path: Path, api: dict[str, Any]
) -> None:
    data = copy.deepcopy(GOOD)
    data["http_options"]["host"] = "0.0.0.0"
    application(data)["args"]["api"] = api
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert load(path).host == "0.0.0.0"


def test_the_config_for_production_asks_for_keys_and_has_quotas() -> None:
    api = load(CLUSTER / "serve.yaml").settings.api
    assert api.keys_file
    assert not api.allow_anonymous
    assert all(api.quota.model_dump().values())


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
