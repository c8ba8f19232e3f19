"""cluster/Dockerfile, read into the steps of one engine's image."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "cluster" / "Dockerfile"


@dataclass(frozen=True)
class Step:
    word: str
    """`RUN`, `COPY`, …"""
    rest: str


def steps(engine: str = "gpu", text: str | None = None) -> list[Step]:
    """Of all stages that the last one builds upon, in order, without those that it does not."""
    stages: dict[str, list[Step]] = {}
    last, arguments = "", {"ENGINE": engine}
    for step in _read(text or DOCKERFILE.read_text(encoding="utf-8")):
        if step.word == "ARG":
            name, _, value = step.rest.partition("=")
            arguments.setdefault(name, value)
        elif step.word == "FROM":
            base, _, last = step.rest.partition(" AS ")
            stages[last] = list(stages.get(Template(base).substitute(arguments), []))
        else:
            stages[last].append(step)
    return stages[last]


def environment(engine: str = "gpu") -> dict[str, str]:
    """Of what runs in the image."""
    words = [word for step in steps(engine) if step.word == "ENV" for word in step.rest.split()]
    return dict(word.split("=", 1) for word in words)


def commands(engine: str) -> list[list[str]]:
    """What the RUN lines call, one after the other, each in words."""
    lines = [one.strip() for step in steps(engine) if step.word == "RUN" for one in step.rest.split("&&")]
    return [shlex.split(line) for line in lines]


def _read(text: str) -> Iterator[Step]:
    without = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\s*\\\n\s*", " ", without).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield Step(word, rest.strip())
