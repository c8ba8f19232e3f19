"""`python -m loadtest.gpu_scale`: how tokens a second grow with engine replicas, one a GPU of this machine.

Each number of replicas is served anew with as many stages beside them, and asked by as many clients a replica. Of the
most, one engine is killed under load.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from loadtest.service import served

_GRAPH = Path("cluster/bench.graph.yaml")
_EACH = ("Ingress", "IRStage", "CodeStage", "Validator", "Engine")
"""Deployments that get so many times their replicas, so that none but the engine limits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=_GRAPH, help="of one replica (default: %(default)s)")
    parser.add_argument("--replicas", help="such as 1,2; default: 1, 2, 4, 8, as many as there are GPUs")
    parser.add_argument("--clients", type=int, default=96, help="a replica (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="blocks of requests (default: %(default)s)")
    parser.add_argument(
        "--record", default="gpu/scale", help="docs/results/RECORD_1.json and so on (default: %(default)s)"
    )
    asked = parser.parse_args()
    counts = [int(word) for word in asked.replicas.split(",")] if asked.replicas else _powers(_gpus())
    if not counts:
        parser.error("nvidia-smi finds no GPU here; say --replicas for engines that need none")
    for count in counts:
        _measure(asked, count, first=counts[0], last=counts[-1])


def _measure(asked: argparse.Namespace, count: int, *, first: int, last: int) -> None:
    lift = str(Path(sys.executable).with_name("lift"))
    command = [lift, "bench", "service", "--clients", str(asked.clients * count), "--repeats", str(asked.repeats)]
    command += ["--record", f"{asked.record}_{count}"]
    if count > first:
        command += ["--over", f"{asked.record}_{first}", "--figure", f"scale.replicas_{count}"]
    if count == last:
        command += ["--kill", "Engine", "--seconds", "60"]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "scale.yaml")
        data = multiplied(yaml.safe_load(asked.config.read_text(encoding="utf-8")), count)
        config.write_text(yaml.safe_dump(data), encoding="utf-8")
        url = f"http://127.0.0.1:{data['http_options']['port']}"
        with served(config, url, start_s=600):
            subprocess.run([*command, "--url", url], check=True)


def multiplied(data: dict[str, Any], count: int) -> dict[str, Any]:
    """A Serve config of one engine replica, as one of `count`."""

    def more(deployment: Mapping[str, Any]) -> dict[str, Any]:
        times = count if deployment["name"] in _EACH else 1
        return {**deployment, "num_replicas": deployment.get("num_replicas", 1) * times}

    applications = [
        {**application, "deployments": [more(one) for one in application["deployments"]]}
        for application in data["applications"]
    ]
    return {**data, "applications": applications}


def _gpus() -> int:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def _powers(most: int) -> list[int]:
    return [count for count in (1, 2, 4, 8, 16) if count <= most]


if __name__ == "__main__":
    main()
