"""The text of cluster/serve.NAME.yaml: cluster/serve.yaml, with the pools of a preset."""

import copy
import textwrap
from pathlib import Path
from typing import Any

import yaml

from deployments.configs.presets import Pool, Preset

BASE = Path(__file__).parents[2] / "cluster" / "serve.yaml"
_WRITTEN = "Written by `make configs` from deployments/configs/presets.py; change it there. What is not said here is \
explained in serve.yaml."
_RUNNING_SHARE = 0.5
"""Of the requests that an engine may run, those at which another replica is wanted, as in serve.yaml."""

_MOST_QUEUED = 32
"""Calls of one stage's replica that wait for a pool, before others go to the other one."""


def serve_text(preset: Preset) -> str:
    lines = [line for words in (preset.says, _WRITTEN) for line in textwrap.wrap(words, width=118)]
    return "".join(f"# {line}\n" for line in lines) + yaml.dump(
        _config(preset), Dumper=Plain, sort_keys=False, width=120
    )


class Plain(yaml.SafeDumper):
    """Says everything where it counts, without anchors; several lines of text as they are."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Plain.add_representer(str, Plain.represent_str)


def _config(preset: Preset) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy(yaml.safe_load(BASE.read_text(encoding="utf-8")))
    application = data["applications"][0]
    args, deployments = application["args"], application["deployments"]
    args["engine"] = preset.main.settings
    args["admission"]["max_tokens"] = preset.admitted_tokens
    like = deployments.pop()
    deployments.append(_deployment(like, "Engine", preset.main))
    if preset.fallback:
        args["fallback"] = {"short_tokens": preset.short_tokens, "engine": preset.fallback.settings}
        deployments.append(_deployment(like, "FallbackEngine", preset.fallback))
        for deployment in deployments[-2:]:
            deployment["max_queued_requests"] = _MOST_QUEUED
    return data


def _deployment(like: dict[str, Any], name: str, pool: Pool) -> dict[str, Any]:
    deployment = copy.deepcopy(like)
    deployment["name"] = name
    deployment["ray_actor_options"] |= {"num_gpus": pool.tensor_parallel, "accelerator_type": pool.gpu}
    scaling = deployment["autoscaling_config"]
    scaling["max_replicas"] = pool.most_replicas
    scaling["policy"]["policy_kwargs"] |= {
        "prefill_tokens_per_s": pool.prefill_tokens_per_s,
        "concurrency": int(pool.max_running_requests * _RUNNING_SHARE),
    }
    return deployment
