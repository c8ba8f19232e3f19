"""What came of an evaluation: a row a task, arm and seed."""

from typing import Literal

from lift_sys.validation.levels import Grounds
from schemas.verdict import Level
from schemas.wire import Wire

SERVICE = "service"
"""How the names of those arms begin that are the whole pipeline."""


class Answer(Wire):
    """What an arm says to one request."""

    source: str
    level: Level | None = None
    """Null for an arm without a verdict."""
    reason: str = ""
    agreement: float | None = None
    grounds: Grounds | None = None
    samples: tuple[str, ...] = ()
    """All that the source was chosen from, itself included; empty where they are not known."""
    repaired: bool = False
    """Whether all was rejected first, and mended variations asked for."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class Row(Wire):
    task: str
    arm: str
    seed: int
    level: Level | Literal["error", "refused"] | None
    base: bool
    plus: bool
    right: int = 0
    """How many of the samples are, by all inputs."""
    samples: int = 0
    agreement: float | None = None
    grounds: Grounds | None = None
    repaired: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    said: str = ""
    """The verdict's reason, or the error."""
    source: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        return self.task, self.arm, self.seed
