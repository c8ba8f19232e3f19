"""Machines of a Ray cluster, each a network namespace with an address, ports and files in /tmp of its own.

Takes root, iproute2 and namespaces of the caller's own, which end with all that runs in them: begin with `ALONE`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil

from deployments.cli.service import production_flags
from tests.redis_server import REDIS

ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_OWN = """
mkdir -p /tmp/ray /tmp/haproxy-serve
mount -t tmpfs tmpfs /tmp/ray; mount -t tmpfs tmpfs /tmp/haproxy-serve
exec "$@"
"""
_RAY = (sys.executable, "-m", "ray.scripts.scripts")
_TOKEN = "several-machines"
_LIMIT_S = 120.0
"""Of any wait."""


@dataclass
class Machine:
    name: str
    address: str
    cpus: int
    gpu: str | None = None
    """What the machine has two of, as a Serve config names it. It is a word only."""
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """`ray start`, with the environment that a pod of cluster/k8s has."""
        command = [*self.within("sh", "-c", _OWN, "sh", *_RAY, "start", "--block", "--disable-usage-stats")]
        command += [f"--node-ip-address={self.address}", f"--num-cpus={self.cpus}", "--object-store-memory=100000000"]
        if self.gpu:
            command += ["--num-gpus=2", f"--resources={json.dumps({f'accelerator_type:{self.gpu}': 1})}"]
        environment = {**os.environ, **_production(), **self.environment}
        with Path("/run", f"{self.name}.log").open("ab") as log:
            subprocess.Popen([*command, *self.options], env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """All that runs on it, at once and without a word."""
        for pid in _do(f"ip netns pids {self.name}").split():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(int(pid)).kill()

    def cut_off(self) -> None:
        """What runs on it goes on, and nobody hears of it: no connection is closed, as without power."""
        _do(f"ip link set {self.name} down")

    def restart(self) -> None:
        """As a machine that comes again, whatever became of it."""
        self.kill()
        _do(f"ip link set {self.name} up")
        self.start()

    def within(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


class Machines:
    """A head and workers on one bridge, and a Redis beside them, in which the head keeps what it knows."""

    def __init__(self) -> None:
        self._numbers = iter(range(1, 250))
        self._by_name: dict[str, Machine] = {}
        _do("mount -t tmpfs tmpfs /run", "ip link set lo up", "ip link add lift type bridge")
        _do("ip addr add 10.60.0.254/24 dev lift", "ip link set lift up")
        assert REDIS
        redis = [REDIS, "--bind", "10.60.0.254", "--protected-mode", "no", "--dir", "/run", "--save", ""]
        subprocess.Popen(redis, stdout=subprocess.DEVNULL)

    def __getitem__(self, name: str) -> Machine:
        return self._by_name[name]

    def add(self, name: str, cpus: int, gpu: str | None = None) -> Machine:
        """Another machine, started. The first is the head."""
        address = f"10.60.0.{next(self._numbers)}"
        if self._by_name:
            options: tuple[str, ...] = (f"--address={self['head'].address}:6379",)
            # As KubeRay has it where there is a Redis.
            environment = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}
        else:
            options = ("--head", "--port=6379", "--dashboard-host=0.0.0.0")
            environment = {"RAY_REDIS_ADDRESS": "10.60.0.254:6379", "RAY_external_storage_namespace": "lift"}
        _do(f"ip netns add {name}", f"ip link add {name} type veth peer name eth0 netns {name}")
        _do(f"ip link set {name} master lift up", f"ip -n {name} link set lo up")
        _do(f"ip -n {name} addr add {address}/24 dev eth0", f"ip -n {name} link set eth0 up")
        machine = Machine(name, address, cpus, gpu, options, environment)
        self._by_name[name] = machine
        machine.start()
        return machine

    def name_of(self, address: str) -> str:
        return next(machine.name for machine in self._by_name.values() if machine.address == address)

    def drain(self, node_id: str) -> None:
        """As a cloud does whose machine is about to go."""
        head = self["head"]
        command = [*_RAY, "drain-node", "--address", f"{head.address}:6379", "--node-id", node_id]
        command += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "replaced"]
        command += ["--deadline-remaining-seconds", "120"]
        subprocess.run(head.within(*command), env={**os.environ, **_production()}, check=True, capture_output=True)

    def dashboard(self) -> httpx.Client:
        """Ray's own API, by which Serve is told and asked."""
        headers = {"authorization": f"Bearer {_TOKEN}"}
        return httpx.Client(base_url=f"http://{self['head'].address}:8265", headers=headers, timeout=60)


def until(so: Callable[[], bool], what: str, seen: Callable[[], object] = lambda: "") -> float:
    """Seconds until it was so. What is seen in its place is told where that does not come."""
    begun = time.monotonic()
    while time.monotonic() - begun < _LIMIT_S:
        with contextlib.suppress(KeyError, ValueError, httpx.HTTPError):
            if so():
                return round(time.monotonic() - begun, 1)
        time.sleep(0.2)
    raise SystemExit(f"not within {_LIMIT_S:g} s: {what} {seen()}")


def possible() -> bool:
    """Whether this machine can be made into several: it is tried, since a container's root may not be allowed to."""
    if not (os.geteuid() == 0 and REDIS and shutil.which("ip") and shutil.which("unshare")):
        return False
    command = [*ALONE, "ip", "link", "add", "lift", "type", "bridge"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _production() -> dict[str, str]:
    return {
        **production_flags(),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _TOKEN,
    }


def _do(*commands: str) -> str:
    run = partial(subprocess.run, check=True, capture_output=True, text=True)
    return "".join(run(command.split()).stdout for command in commands)
