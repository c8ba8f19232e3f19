"""Change what a cluster serves: `python -m deployments.bench.redeploy ADDRESS CONFIG`; it ends once all of it runs.

In a process of its own, since it joins the cluster as a driver, and a process can join one only. `serve deploy` asks
Ray's dashboard, which not every package of Ray brings.
"""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import ray
import yaml
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.schema import ApplicationStatus, ApplicationStatusOverview, ServeDeploySchema

from deployments.bench.watch import gcs_address

_LOOK_S = 0.2


def redeploy(service_pid: int, config: Path, within_s: float) -> None:
    """Into the cluster that a service's process has started. Raises `RuntimeError` where it does not run in time."""
    command = [sys.executable, "-m", __name__, gcs_address(service_pid), str(config)]
    environment = {"RAY_AUTH_MODE": "token", **os.environ}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=max(within_s, 0), check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the next config did not run within {within_s:.0f} s") from None
    if done.returncode:
        raise RuntimeError(f"the next config does not run: {done.stderr[-1_000:]}")


def main(address: str, config: str) -> None:
    data = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    ray.init(address, namespace="serve", log_to_driver=False, logging_level=logging.ERROR)
    if client := _get_global_client(raise_if_no_controller_running=True):
        client.deploy_apps(ServeDeploySchema.model_validate(data))
    while (application := _application()).status != ApplicationStatus.RUNNING:
        if application.status == ApplicationStatus.DEPLOY_FAILED:
            raise SystemExit(application.message)
        time.sleep(_LOOK_S)


def _application() -> ApplicationStatusOverview:
    [application] = serve.status().applications.values()
    return application


if __name__ == "__main__":
    main(*sys.argv[1:])
