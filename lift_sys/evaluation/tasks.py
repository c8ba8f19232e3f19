"""The 18 tasks: requests as people write them, each with checks of ours. The service sees the request alone."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from lift_sys.sandbox import Sandbox
from lift_sys.validation.judge import judge
from lift_sys.validation.spec import from_examples, read_examples
from schemas.wire import Wire


class Task(Wire):
    id: str
    prompt: str
    checks: Annotated[tuple[str, ...], Field(min_length=1)]
    """Examples of the function named as the task, as `f(1) == 2`."""


class Request(Wire):
    id: str
    prompt: str
    asks_for: Literal["function", "other"]


def refusals() -> tuple[Request, ...]:
    """Short requests without examples, of which one half asks for no function and is to be refused."""
    text = (Path(__file__).parent / "refusals.json").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Request, ...]).validate_json(text)


def tasks18() -> tuple[Task, ...]:
    text = (Path(__file__).parent / "tasks18.json").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Task, ...]).validate_json(text)


async def solves(task: Task, source: str, sandbox: Sandbox) -> str | None:
    """None when the source meets every check of the task, else what it got wrong."""
    spec = from_examples(task.id, read_examples(task.id, task.checks))
    verdict = (await judge(spec, [source], sandbox, sampled=False)).verdict
    return None if verdict.level == "verified" else verdict.reason
