"""One task after the other: run the solution, judge it, then make slips in it and judge those."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from lift_sys.audit.dataset import Task
from lift_sys.audit.evidence import specs
from lift_sys.audit.mutants import Mutant, mutants
from lift_sys.audit.reference import Reference, differs, is_comparable, run_solution
from lift_sys.audit.rows import Judged, JudgedMutant, Row
from lift_sys.sandbox import Sandbox
from lift_sys.validation.judge import judge
from lift_sys.validation.spec import Spec
from schemas.verdict import Verdict

_AT_ONCE = 4
_LONGEST_REASON = 300


async def audit(
    tasks: Sequence[tuple[str, Task]], sandbox: Sandbox, *, most: int, seed: int, on_row: Callable[[Row], None]
) -> list[Row]:
    """A row a task, named with its dataset, in the order of the tasks. `most`: mutants of each solution."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(dataset: str, task: Task) -> Row:
        async with free:
            row = await _audit(dataset, task, sandbox, mutants(task.solution, task.function, most, seed))
        on_row(row)
        return row

    return await asyncio.gather(*(one(dataset, task) for dataset, task in tasks))


async def _audit(dataset: str, task: Task, sandbox: Sandbox, slips: Sequence[Mutant]) -> Row:
    report, inputs = await run_solution(task, sandbox)
    ended = dict(zip(inputs, report.outcomes, strict=True)) if report.trouble is None else {}
    reference = {text: outcome for text, outcome in ended.items() if is_comparable(outcome)}
    held = specs(task, reference)
    verdicts = {tier: await _judge(spec, task.solution, sandbox) for tier, spec in held.items()}
    return Row(
        dataset=dataset,
        task=task.id,
        inputs=len(reference),
        trouble=report.trouble.detail if report.trouble else None,
        solution={
            tier: Judged(examples=len(held[tier].stated), level=v.level, reason=v.reason[:_LONGEST_REASON])
            for tier, v in verdicts.items()
        },
        mutants=tuple([await _judge_mutant(slip, task, reference, held, sandbox) for slip in slips if reference]),
    )


async def _judge(spec: Spec, source: str, sandbox: Sandbox) -> Verdict:
    return (await judge(spec, [source], sandbox, sampled=False)).verdict


async def _judge_mutant(
    mutant: Mutant, task: Task, reference: Reference, held: Mapping[str, Spec], sandbox: Sandbox
) -> JudgedMutant:
    levels = {tier: (await _judge(spec, mutant.source, sandbox)).level for tier, spec in held.items()}
    told_apart = await differs(mutant.source, task, reference, sandbox)
    return JudgedMutant(operator=mutant.operator, line=mutant.line, differs=told_apart, levels=levels)
