"""Which services are measured, and their Serve configs, made from that of one engine replica."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Part = Literal["scale", "tp", "pools", "autoscale", "kill"]
Kind = Literal["replicas", "tp", "pools"]
"""Replicas of one pool, one over several GPUs, or a pool for each model stage."""
PARTS: tuple[Part, ...] = ("scale", "tp", "pools", "autoscale", "kill")
_BESIDE = ("Ingress", "IRStage", "CodeStage", "Validator")
"""Deployments that get as many times their replicas as there are GPUs, so that none but the engine limits."""
_DOWN_DELAY_S = 10.0
_LOOKS_S = 0.2
"""So often a replica that is to end looks whether it has something in work; by Serve's default, every other second."""
_NO_MULTICAST = {"enforce_disable_flashinfer_allreduce_fusion": True}
"""SGLang's, for one engine over several GPUs. Host has the rest."""


@dataclass(frozen=True, order=True)
class Arm:
    replicas: int
    """Of all engines; with `pools="per_stage"` half of them write IRs and half code."""
    tensor_parallel: int = 1
    pools: Literal["shared", "per_stage"] = "shared"

    @property
    def gpus(self) -> int:
        return self.replicas * self.tensor_parallel

    @property
    def kind(self) -> Kind:
        if self.pools == "per_stage":
            return "pools"
        return "tp" if self.tensor_parallel > 1 else "replicas"

    @property
    def engines(self) -> tuple[str, ...]:
        """The deployments that have them."""
        return ("IREngine", "CodeEngine") if self.kind == "pools" else ("Engine",)

    @property
    def name(self) -> str:
        return f"{self.replicas}x{self.tensor_parallel}" + (" per stage" if self.kind == "pools" else "")


def arms(parts: Collection[Part], counts: Sequence[int]) -> list[Arm]:
    """Those that the parts need, each once; `counts` rise.

    All need one replica, whose knee the others are told by. Replicas of one pool come first, and of them the most: one
    that runs is ended at once, and another would have to start.
    """
    found = [Arm(1)]
    if "scale" in parts:
        found += map(Arm, counts)
    if "tp" in parts:
        found += [arm for count in counts if count > 1 for arm in (Arm(count), Arm(1, count))]
    if "pools" in parts:
        found += [arm for count in counts if count % 2 == 0 for arm in (Arm(count), Arm(count, pools="per_stage"))]
    if "kill" in parts:
        found.append(Arm(counts[-1]))
    return sorted(dict.fromkeys(found), key=lambda arm: (arm.kind != "replicas", -arm.gpus, arm))


def read(config: Path, engine: Path | None) -> dict[str, Any]:
    """A Serve config of one engine replica, with the engine of another and how much that writes of code.

    Raises `OSError`, `KeyError`, `YAMLError`.
    """
    data: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    if engine:
        args = data["applications"][0]["args"]
        others = yaml.safe_load(engine.read_text(encoding="utf-8"))["applications"][0]["args"]
        args["engine"] = others["engine"]
        args["code"] |= {"max_tokens": others["code"]["max_tokens"]}
    return data


def served_as(data: Mapping[str, Any], arm: Arm) -> dict[str, Any]:
    """The config of one replica, as that of the arm."""
    made = copy.deepcopy(dict(data))
    for deployment in _deployments(made):
        deployment["graceful_shutdown_wait_loop_s"] = _LOOKS_S
        if deployment["name"] in _BESIDE:
            deployment["num_replicas"] = deployment.get("num_replicas", 1) * arm.gpus
        elif deployment["name"] == "Engine":
            deployment["num_replicas"] = arm.replicas
            _widen(deployment, made["applications"][0]["args"]["engine"], arm.tensor_parallel)
    if arm.kind == "pools":
        _divide(made["applications"][0], arm.engines, arm.replicas // 2)
    return made


def _divide(application: dict[str, Any], names: Sequence[str], replicas: int) -> None:
    """Its engines into a pool for each of the model stages."""
    application["args"]["pools"] = "per_stage"
    deployments = application["deployments"]
    [engine] = [one for one in deployments if one["name"] == "Engine"]
    deployments.remove(engine)
    deployments += [{**engine, "name": name, "num_replicas": replicas} for name in names]


def _widen(deployment: dict[str, Any], engine: dict[str, Any], tensor_parallel: int) -> None:
    """Over so many GPUs; what it may hold and have in work grows with them."""
    if tensor_parallel == 1:
        return
    engine["tensor_parallel"] = tensor_parallel
    engine["sglang"] = {**engine.get("sglang", {}), **_NO_MULTICAST}
    # The batches for which graphs are captured are those of one GPU; where none are said, all that may run are.
    for name in ("cuda_graph_bs_decode", "cuda_graph_max_bs_decode"):
        engine["sglang"].pop(name, None)
    for name in ("max_cached_tokens", "max_running_requests", "scripted_places"):
        if name in engine:
            engine[name] *= tensor_parallel
    deployment["max_ongoing_requests"] *= tensor_parallel
    options = deployment.setdefault("ray_actor_options", {})
    if "num_gpus" in options:
        options["num_gpus"] = tensor_parallel


def autoscaled(data: Mapping[str, Any], most: int, concurrency: float) -> dict[str, Any]:
    """With everything for `most` replicas, and an Engine that scales from one to so many by our policy."""
    made = served_as(data, Arm(most))
    [engine] = [one for one in _deployments(made) if one["name"] == "Engine"]
    del engine["num_replicas"]
    engine["graceful_shutdown_timeout_s"] = 5
    engine["autoscaling_config"] = {
        "min_replicas": 1,
        "max_replicas": most,
        "metrics_interval_s": 0.5,
        "look_back_period_s": 1,
        "upscale_delay_s": 0,
        "downscale_delay_s": 0,
        "policy": {
            "policy_function": "deployments.scaling:EnginePolicy",
            "policy_kwargs": {"concurrency": concurrency, "down_delay_s": _DOWN_DELAY_S},
        },
    }
    return made


def _deployments(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from data["applications"][0]["deployments"]
