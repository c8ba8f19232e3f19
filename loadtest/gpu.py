"""`python -m loadtest.gpu`: every measurement that needs a GPU, one after the other; results in docs/results/gpu.

The models are those that cluster/bench.*.yaml name: folders of this machine, to be changed there or in a copy.
A start that reads its weights needs 61 GB of them first (`lift bench weights`), and is no step here.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from loadtest.service import served

_SAVER = "sglang.enable_memory_saver=true,sglang.enable_weights_cpu_backup=true"
_GRAPH = "cluster/bench.graph.yaml"
STEPS: Mapping[str, str] = {
    "start": f"start cluster/bench.start.yaml --rounds 3 --naps 2 --change {_SAVER} --figure coldstart.dummy_s "
    "--record gpu/start_dummy",
    "branches": "branches cluster/bench.graph.yaml --record gpu/branches",
    "branches_true_size": "branches cluster/bench.start.yaml --figures graph_true_size --record gpu/branches_true_size",
    "graph": f"graph {_GRAPH} --change memory_fraction=0.6 --gpu H100 --record gpu/graph_production",
    "speculation": "engines cluster/bench.eval.yaml --also memory_fraction=0.6,speculative_algorithm=NGRAM "
    "--temperature 0 --figure spec.speedup --record gpu/speculation",
}
"""What follows `lift bench`, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}; default: all")
    wanted = parser.parse_args().steps or list(STEPS)
    if unknown := set(wanted) - set(STEPS):
        parser.error(f"no step is called {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    for step in wanted:
        _run(step)


def _run(step: str) -> None:
    lift = str(Path(sys.executable).with_name("lift"))
    service = served(Path(_GRAPH), "http://127.0.0.1:8000", start_s=600, production=True)
    with service if step == "graph" else contextlib.nullcontext():
        subprocess.run([lift, "bench", *STEPS[step].split()], check=True)


if __name__ == "__main__":
    main()
