"""What the graph adds to a request, told by pairs: the same request over HTTP and by the stages in one process."""

import time
from collections.abc import Callable, Mapping, Sequence

from deployments.bench.graph import PROMPTS, Arm, Ask
from schemas import LiftRequest
from schemas.wire import Wire


class Single(Wire):
    """One request with one variation at temperature 0, so that both arms write the same."""

    arm: Arm
    task: int
    repeat: int
    seconds: float
    tokens: int
    stage_s: dict[str, float]
    """As each stage tells it, without what the engine says that it took itself."""
    engine_s: float


async def measure_singles(arms: Mapping[Arm, Ask], *, repeats: int, on_row: Callable[[Single], None]) -> list[Single]:
    """One request after the other, each of every arm in turn; the first round only warms up."""
    rows = []
    for repeat in range(-1, repeats):
        for task, prompt in enumerate(PROMPTS):
            for arm, ask in arms.items():
                begun = time.monotonic()
                answer = await ask(LiftRequest(prompt=prompt, n=1, temperature=0.0))
                row = Single(
                    arm=arm,
                    task=task,
                    repeat=repeat,
                    seconds=round(time.monotonic() - begun, 5),
                    tokens=sum(stage.completion_tokens for stage in answer.stages),
                    stage_s={stage.stage: stage.seconds - stage.engine_s for stage in answer.stages},
                    engine_s=sum(stage.engine_s for stage in answer.stages),
                )
                if repeat >= 0:
                    rows.append(row)
                    on_row(row)
    return rows


class Added(Wire):
    """Milliseconds by which the graph answers later than one process; together `ir` + `code` + `between`."""

    ir: float
    """In the stage, for its hop to the engine."""
    code: float
    between: float
    """HTTP, the pipeline and its hops to the stages."""

    @property
    def whole(self) -> float:
        return self.ir + self.code + self.between


def added_ms(rows: Sequence[Single]) -> list[Added]:
    """For each pair that wrote as many tokens.

    Without what the engines say that they took themselves, which differs by more from call to call than the graph adds;
    and without the validators' own work: one process remembers all that it judged, each of several replicas its part.
    """
    at = {(row.arm, row.task, row.repeat): row for row in rows}
    pairs = [(row, at.get(("process", row.task, row.repeat))) for row in rows if row.arm == "graph"]
    return [_added(graph, process) for graph, process in pairs if process and process.tokens == graph.tokens]


def _added(graph: Single, process: Single) -> Added:
    ir, code = ((graph.stage_s[name] - process.stage_s[name]) * 1e3 for name in ("ir", "code"))
    between = (_between_s(graph) - _between_s(process)) * 1e3
    return Added(ir=round(ir, 2), code=round(code, 2), between=round(between, 2))


def _between_s(row: Single) -> float:
    return row.seconds - row.engine_s - sum(row.stage_s.values())
