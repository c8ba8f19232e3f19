"""Ask all tasks of all arms, and grade the answers: a row each, so that an evaluation can go on where it ended."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import httpx

from deployments.evaluation.arms import Arm, of_response
from lift_sys.errors import LiftError, NoFunction
from lift_sys.evaluation.exams import Exam
from lift_sys.evaluation.rows import Answer, Row
from lift_sys.evaluation.tape import NotOnTape
from schemas import LiftRequest, LiftResponse


class Unanswered(Exception):
    """A service did not give an answer; the words say why."""


def over_http(url: str, n: int | None) -> Arm:
    """Any deployed service. It sees the words of the request, and no test."""

    async def answer(request: LiftRequest, session: str) -> Answer:
        body = {"prompt": request.prompt, "n": n}
        async with httpx.AsyncClient(base_url=url, timeout=None) as client:
            try:
                reply = await client.post("/v1/lift", json=body)
            except httpx.TransportError as error:
                raise Unanswered(f"{type(error).__name__}: {error}") from None
        if reply.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise NoFunction(reply.text[:300])
        if reply.status_code != httpx.codes.OK:
            raise Unanswered(reply.text[:300])
        return of_response(LiftResponse.model_validate_json(reply.content))

    return answer


def read_rows(path: Path) -> list[Row]:
    """Of an earlier run; a last line that was cut is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Row.model_validate_json(line) for line in lines if line.endswith("\n")]


async def run(
    exams: Sequence[Exam],
    arms: Mapping[str, Sequence[Arm]],
    *,
    concurrency: int,
    done: Collection[tuple[str, str, int]] = (),
    on_row: Callable[[Row], None],
) -> None:
    """A row for each task of each arm's seeds, but for those that are done. `arms`: by name, one for each seed."""
    free = asyncio.Semaphore(concurrency)

    async def one(exam: Exam, name: str, seed: int, arm: Arm) -> None:
        async with free:
            row = await _row(exam, name, seed, arm)
        on_row(row)

    wanted = [
        (exam, name, seed, arm)
        for exam in exams
        for name, seeds in arms.items()
        for seed, arm in enumerate(seeds)
        if (exam.task.id, name, seed) not in done
    ]
    await asyncio.gather(*(one(*each) for each in wanted))


async def _row(exam: Exam, name: str, seed: int, arm: Arm) -> Row:
    begun = time.monotonic()
    try:
        answer = await arm(LiftRequest(prompt=exam.task.prompt), f"{exam.task.id}/{name}/{seed}")
    except NoFunction as refusal:
        grade, seconds = exam.refused, time.monotonic() - begun
        return Row(
            task=exam.task.id, arm=name, seed=seed, level="refused", base=grade.base, plus=grade.plus, seconds=seconds,
            said=str(refusal),
        )  # fmt: skip
    except (LiftError, NotOnTape, Unanswered, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - begun
        return Row(
            task=exam.task.id, arm=name, seed=seed, level="error", base=False, plus=False, seconds=seconds, said=said
        )
    grade = await exam.grade(answer.source)
    right = [(await exam.grade(source)).plus for source in answer.samples]
    return Row(
        task=exam.task.id,
        arm=name,
        seed=seed,
        level=answer.level,
        base=grade.base,
        plus=grade.plus,
        right=sum(right),
        samples=len(right),
        agreement=answer.agreement,
        grounds=answer.grounds,
        repaired=answer.repaired,
        prompt_tokens=answer.prompt_tokens,
        cached_tokens=answer.cached_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=round(answer.seconds, 4),
        said=answer.reason,
        source=answer.source,
    )
