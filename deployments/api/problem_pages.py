"""`/problems`: what each `type` of a problem means, for whoever follows it."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import JsonValue
from starlette.exceptions import HTTPException

from deployments.api.problems import Kind, example
from schemas.wire import Wire


class ProblemPage(Wire):
    type: str
    title: str
    status: int
    meaning: str
    remedy: str
    example: dict[str, JsonValue]
    """The body of an answer."""


def add_problem_pages(api: FastAPI, kinds: Mapping[str, Kind]) -> None:
    @api.get("/problems", tags=["problems"])
    async def list_problems() -> dict[str, ProblemPage]:
        """Every problem that the API answers with, by its name."""
        return {name: _page(kind) for name, kind in kinds.items()}

    @api.get("/problems/{name}", tags=["problems"], responses={404: {}})
    async def explain_problem(name: str) -> ProblemPage:
        """What a problem means, and what helps. Its address is the `type` of the problem."""
        if name not in kinds:
            raise HTTPException(404, f"no problem {name!r}; /problems lists them")
        return _page(kinds[name])


def _page(kind: Kind) -> ProblemPage:
    told: dict[str, Any] = example(kind)
    words = kind.words
    return ProblemPage(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        meaning=words.meaning,
        remedy=words.remedy,
        example=told,
    )
