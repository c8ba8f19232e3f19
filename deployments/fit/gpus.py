"""The table of GPUs, cluster/gpus.yaml, and what this machine's driver says."""

import os
import subprocess
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from deployments.fit.errors import UnknownGpu

_TABLE = Path(__file__).parents[2] / "cluster" / "gpus.yaml"
_MIB = 2**20
_DRIVER_S = 20


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    memory_mib: int
    """As the driver reports it, a little less than what is printed on the card."""
    capability: float
    """CUDA's compute capability."""
    usd_per_hour: float
    instance: str
    """The cloud instance that the price is of."""

    @property
    def memory_bytes(self) -> int:
        return self.memory_mib * _MIB


_ROWS = TypeAdapter(dict[str, dict[str, Any]])
_GPUS = TypeAdapter(tuple[Gpu, ...])


@cache
def known(table: Path = _TABLE) -> tuple[Gpu, ...]:
    """In the table's order. Raises `UnknownGpu` if somebody has spoilt the table."""
    try:
        rows = _ROWS.validate_python(yaml.safe_load(table.read_text(encoding="utf-8")))
        return _GPUS.validate_python([{"name": name, **row} for name, row in rows.items()])
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UnknownGpu(f"{table} cannot be read: {error}") from None


def named(name: str) -> Gpu:
    """Upper and lower case are one. Raises `UnknownGpu`, which names the nearest."""
    by_name = {gpu.name.lower(): gpu for gpu in known()}
    if found := by_name.get(name.lower()):
        return found
    near = get_close_matches(name.lower(), by_name, n=1)
    hint = f"Did you mean {by_name[near[0]].name}? " if near else ""
    names = ", ".join(gpu.name for gpu in by_name.values())
    raise UnknownGpu(f"no GPU is called {name!r}. {hint}Known are {names}; add others to cluster/gpus.yaml")


def installed_bytes() -> int | None:
    """The memory of the largest GPU that this process may use; None where the driver says nothing of it."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    # Ray gives a replica its GPUs so; nvidia-smi itself shows them all.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = [*query, f"--id={visible}"] if visible else query
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_DRIVER_S, check=True).stdout
        return max(int(line) for line in said.splitlines() if line.strip()) * _MIB
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
