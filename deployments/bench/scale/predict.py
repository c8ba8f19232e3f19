"""What the simulator expects of several replicas, once it has seen one.

Of one replica are taken: what each request wrote, what it took beside the model, and how long a step is in a batch.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from deployments.bench.scale.load import Asked
from deployments.settings import EngineSettings
from lift_sys.simulation.conditions import Conditions
from lift_sys.simulation.outcome import Objective, percentile
from lift_sys.simulation.policies import Fixed
from lift_sys.simulation.profile import Call, Kind, Profile
from lift_sys.simulation.service import Scenario, simulate
from schemas import StageReport

_MOST_RUNNING = 4_096
_MOST_TOKENS = 1_000_000
_SEEDS = 5
_LEAST_STEP_S = 1e-6
_MANY = 1_000
"""Validators: their waiting is within the times that were measured."""


class NothingToLearn(ValueError):
    """There are too few answers of one replica."""


def learned(runs: Sequence[Sequence[Asked]], engine: EngineSettings) -> Profile:
    """From loads of one replica. Raises `NothingToLearn`."""
    answered = [row for rows in runs for row in rows if row.status == 200 and row.tokens]
    if not answered:
        raise NothingToLearn("one replica has answered nothing, so nothing can be simulated")
    flat, slope = _line([pair for rows in runs for pair in _steps(rows)])
    running = engine.max_running_requests or _MOST_RUNNING
    kinds = tuple(map(_kind, answered))
    held = max(call.kv_tokens for kind in kinds for call in (kind.ir, kind.wave) if call)
    return Profile(
        name=engine.model,
        gpu=engine.gpu or "this machine's",
        step_s={1: flat + slope, running: flat + slope * running} if running > 1 else {1: flat + slope},
        prefill_s_per_token=0.0,  # it is within the steps, as they were measured
        max_running=running,
        capacity_tokens=max(held, float(engine.max_cached_tokens or _MOST_TOKENS)),
        cold_start_s=(60.0,),  # nothing starts in what is simulated
        kinds=kinds,
        validate_s=tuple(max(1e-6, _stage(row, "validate").seconds) for row in answered),
        overhead_s=tuple(max(0.0, row.latency_s - sum(one.seconds for one in row.stages)) for row in answered),
    )


def _stage(row: Asked, name: str) -> StageReport:
    found = [stage for stage in row.stages if stage.stage == name]
    return found[0] if found else StageReport(stage="validate", seconds=0.0, attempts=0)


def _kind(row: Asked) -> Kind:
    ir, code = _stage(row, "ir"), _stage(row, "code")
    return Kind(ir=_call(ir, 1) if ir.completion_tokens else None, wave=_call(code, max(1, row.variations)), waves=1)


def _call(stage: StageReport, sequences: int) -> Call:
    uncached = stage.prompt_tokens - stage.cached_tokens
    return Call(
        sequences=sequences,
        tokens=max(1, stage.completion_tokens) / sequences,
        uncached_tokens=max(0, uncached),
        kv_tokens=max(0, uncached) + stage.completion_tokens,
    )


def _steps(rows: Sequence[Asked]) -> Iterator[tuple[float, float]]:
    """Sequences in the batch, and seconds a token, for every answer: in the midst of its writing."""
    good = [row for row in rows if row.status == 200 and row.tokens]
    inside = statistics.fmean(map(_sequences, good)) if good else 0.0
    for row in good:
        ir, code = _stage(row, "ir"), _stage(row, "code")
        depth = ir.completion_tokens + code.completion_tokens / max(1, row.variations)
        midst_s = row.due_s + (ir.seconds + code.seconds) / 2
        yield inside * sum(one.due_s <= midst_s < one.ended_s for one in rows), (ir.seconds + code.seconds) / depth


def _sequences(row: Asked) -> float:
    """That a request has in the engine, in the mean over its whole time."""
    ir, code = _stage(row, "ir"), _stage(row, "code")
    return (ir.seconds + code.seconds * row.variations) / max(row.latency_s, 1e-6)


def _line(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Seconds of a step: so much, and so much more for each sequence; neither is negative."""
    batch, step_s = np.array(pairs).T
    if np.ptp(batch) == 0:
        return float(np.median(step_s)), 0.0
    slope, flat = np.polyfit(batch, step_s, 1)
    if slope < 0 or flat < 0:
        return (float(np.mean(step_s)), 0.0) if slope < 0 else (_LEAST_STEP_S, float(np.mean(step_s) / np.mean(batch)))
    return max(float(flat), _LEAST_STEP_S), float(slope)


def expected(profile: Profile, replicas: int, rows: Sequence[Asked], seconds: float) -> dict[str, float]:
    """Latencies of so many replicas under the arrivals of a load, the median of some seeds."""
    due = [row.due_s for row in rows]
    made = Scenario(
        profile, lambda random: due, seconds, replicas, validators=_MANY, objective=Objective(), warm_s=2 * seconds
    )
    made = replace(made, conditions=Conditions(start_spread=0.0))
    runs = [sorted(simulate(made, Fixed(replicas), seed).served.total_s) for seed in range(_SEEDS)]
    return {f"latency_p{p}_s": round(statistics.median(percentile(run, p) for run in runs), 4) for p in (50, 99)}


def sequences_inside(rows: Sequence[Asked], seconds: float) -> float:
    """In the engines at once, in the mean of a load that does not pile up."""
    good = [row for row in rows if row.status == 200]
    return sum(_sequences(row) * row.latency_s for row in good) / seconds
