"""Runs every step of cluster/Dockerfile in a bare root, where there is no Docker: `make image-check`, as root.

The root is Debian's own (`debootstrap`), of the release that the base image names. Network and pip's settings are this
machine's: `--mount PATH` shows the root a file or folder of it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.figure import write_result
from tests.cluster.dockerfile import DOCKERFILE, ROOT, Step, steps

_LIMIT_S = 540
_CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
_SHOWN = ("/proc", "/dev", "/etc/resolv.conf")
PROBES = (
    "python -c 'import ray, sgl_kernel, sglang, xgrammar'",
    "lift --help > /dev/null",
    "lift plan --rps 1 --gpu H100 > /dev/null",
    "test $(id -u) = 1000",
    "test ! -w /etc",
    "bash -lc 'command -v ray serve lift'",
    "bash -lc '$RAY_SERVE_HAPROXY_BINARY_PATH -v'",
)
"""Of the finished image, as its own user."""


@dataclass
class Root:
    """The root of the image while it is made."""

    path: Path
    user: str = "0:0"
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        match step.word:
            case "RUN":
                self.run(step.rest)
            case "COPY":
                self._copy(*[word for word in step.rest.split() if not word.startswith("--")])
            case "USER":
                self.user = step.rest
            case "WORKDIR":
                self.folder = step.rest
                (self.path / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "ENV":
                self.environment |= dict(word.split("=", 1) for word in step.rest.split())

    def run(self, line: str) -> None:
        pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/lift", **pip, **self.environment}
        inside = f"cd {self.folder} && {line}"
        command = [_CHROOT, f"--userspec={self.user}", str(self.path), "/bin/bash", "-o", "pipefail", "-c", inside]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        if done.returncode:
            raise SystemExit(f"{line}\nended with {done.returncode}:\n{done.stdout[-2_000:]}{done.stderr[-4_000:]}")

    def _copy(self, *words: str) -> None:
        """What git knows and .dockerignore lets through, as the user of the image."""
        *sources, _ = words
        allowed = tuple(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
        known = subprocess.run(["git", "ls-files", *sources], cwd=ROOT, capture_output=True, text=True, check=True)
        place = self.path / self.folder.lstrip("/")
        for name in known.stdout.split():
            if name.startswith(allowed):
                end = place / name
                end.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, end)
        subprocess.run(["chown", "-R", "1000:1000", str(place)], check=True)


@contextmanager
def shown(root: Path, paths: list[str]) -> Iterator[None]:
    """Parts of this machine within the root, as long as the block runs."""
    made = []
    try:
        for path in paths:
            there = root / path.lstrip("/")
            if Path(path).is_dir():
                there.mkdir(parents=True, exist_ok=True)
            else:
                there.parent.mkdir(parents=True, exist_ok=True)
                there.touch()
            # A slave: to take it away again must not take /dev/pts from this machine.
            subprocess.run(["mount", "--rbind", "--make-rslave", path, str(there)], check=True)
            made.append(there)
        yield
    finally:
        for there in reversed(made):
            subprocess.run(["umount", "-l", str(there)], check=True)


def release() -> str:
    """That the base image is of, such as `bookworm`."""
    [found] = re.findall(r"^ARG BASE=debian:([a-z]+)-\d{8}-slim$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.image_check", description=__doc__)
    parser.add_argument("root", type=Path, help="a folder for the root; an existing one from debootstrap is used")
    parser.add_argument("--engine", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--mount", action="append", default=[], metavar="PATH")
    parser.add_argument("--record", help="write docs/results/RECORD.json")
    asked = parser.parse_args()
    if not (asked.root / "etc" / "debian_version").exists():
        subprocess.run(["debootstrap", "--variant=minbase", release(), str(asked.root)], check=True)
    root, rows = Root(asked.root), list[dict[str, Any]]()
    with shown(asked.root, [*_SHOWN, *asked.mount]):
        for step in [*steps(asked.engine), *(Step("RUN", probe) for probe in PROBES)]:
            begun = time.monotonic()
            root.do(step)
            rows.append({"step": f"{step.word} {step.rest}", "seconds": round(time.monotonic() - begun, 1)})
    sbom = json.loads((asked.root / "opt/lift/sbom.cdx.json").read_text(encoding="utf-8"))
    size = subprocess.run(["du", "-sxm", str(asked.root)], capture_output=True, text=True, check=True).stdout.split()[0]
    debian = (asked.root / "opt/lift/sbom.debian.txt").read_text(encoding="utf-8").splitlines()
    summary = {
        "engine": asked.engine,
        "steps": len(rows),
        "megabytes": int(size),
        "python_packages_in_sbom": len(sbom["components"]),
        "debian_packages_in_sbom": len(debian),
    }
    if asked.record:
        command = f"make image-check ENGINE={asked.engine} RECORD={asked.record}"
        write_result(asked.record, summary, rows, command, root=f"debootstrap --variant=minbase {release()}")


if __name__ == "__main__":
    main()
