"""cluster/serve.mixed.yaml for machines whose GPUs are words only."""

from pathlib import Path
from typing import Any

import yaml

MIXED = Path(__file__).parents[2] / "cluster" / "serve.mixed.yaml"


def config(delay_s: float = 0.1, *, apart: bool = False) -> dict[str, Any]:
    """Engines answer from a script, and of two replicas of a deployment one goes on while the other is replaced.

    `apart`: those of a stage each on a machine of its own.
    """
    data: dict[str, Any] = yaml.safe_load(MIXED.read_text(encoding="utf-8"))
    [application] = data["applications"]
    args = application["args"]
    args |= {"api": {"allow_anonymous": True}, "jobs": {"database": "/run/jobs.sqlite"}}
    for one in (args, args["fallback"]):
        kept = {key: one["engine"][key] for key in ("model", "gpu", "context_tokens")}
        one["engine"] = {"kind": "scripted", "scripted_delay_s": delay_s, **kept}
    for deployment in application["deployments"]:
        deployment.pop("autoscaling_config", None)
        deployment |= {"num_replicas": 2, "graceful_shutdown_timeout_s": 20, "health_check_timeout_s": 30}
        if apart and "Engine" not in deployment["name"]:
            deployment["max_replicas_per_node"] = 1
    return data
