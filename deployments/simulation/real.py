"""A real run of a scripted cluster, simulated with the same arrivals and amounts: how far the simulator is off.

From the run are taken: how long replicas start, and what a request costs beside the model while the load is low.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from deployments.simulation.ray_default import RayDefault
from deployments.simulation.study import NotAnswerable
from lift_sys.scaling import EngineScaling
from lift_sys.simulation.conditions import Conditions
from lift_sys.simulation.outcome import Outcome, percentile
from lift_sys.simulation.policies import Ours, Policy
from lift_sys.simulation.profile import Call, Kind, Profile
from lift_sys.simulation.service import Scenario, simulate

_PLACE_TOKENS = 1_024
"""Of the scripted engine: what it says that an answer uses."""
_NOTHING_S = 1e-9
"""For the Validator: its time is among the overheads."""


@dataclass(frozen=True)
class Gap:
    """One quantity, in reality and in the simulation (the median of all seeds)."""

    arm: str
    quantity: str
    real: float
    simulated: float

    @property
    def error(self) -> float:
        return abs(self.simulated / self.real - 1)


class RealRun:
    """What `lift bench scaling` recorded, the config that it ran, and its router's ring. Raises `NotAnswerable`."""

    def __init__(self, result: Path, config: Path, ring_points: int) -> None:
        self._conditions = Conditions(start_spread=0.0, ring_points=ring_points)
        try:
            self._result = json.loads(result.read_text(encoding="utf-8"))
            [application] = yaml.safe_load(config.read_text(encoding="utf-8"))["applications"]
            self._engine = application["args"]["engine"]
            [deployed] = [one for one in application["deployments"] if one["name"] == "Engine"]
            self._scaling = deployed["autoscaling_config"]
            self._kwargs = self._scaling["policy"]["policy_kwargs"]
            self.arms: list[str] = list(self._result["summary"])
            self._timeline(self.arms[0])
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise NotAnswerable(
                f"{result} and {config} are no `lift bench scaling` and its config: {error!r}"
            ) from None

    def compare(self, arm: str, seeds: int) -> list[Gap]:
        ends = self._ends(arm)
        runs = [simulate(self._scenario(arm, ends[-1]), self._policy(arm), seed) for seed in range(seeds)]
        real = self._latencies(arm, ends)
        gaps = []
        for number, asked in list(enumerate(real))[1:]:
            inside = [_in_phase(run, ends, number) for run in runs]
            simulated = statistics.median(percentile(sorted(one), 50) for one in inside)
            gaps.append(Gap(arm, f"latency p50, phase {number + 1}, s", percentile(sorted(asked), 50), simulated))
        for p in (90, 99):  # of the whole run, as a phase has too few requests
            simulated = statistics.median(percentile(sorted(run.served.total_s), p) for run in runs)
            gaps.append(
                Gap(arm, f"latency p{p}, s", percentile(sorted([one for phase in real for one in phase]), p), simulated)
            )
        paid = sum(row["running"] + row["starting"] for row in self._timeline(arm))
        gaps.append(Gap(arm, "replica-seconds", paid, statistics.median(run.replica_seconds for run in runs)))
        return gaps

    def timelines(self, arm: str) -> dict[str, list[dict[str, float]]]:
        """Replicas by the second, in reality and of the first seed."""
        run = simulate(self._scenario(arm, self._ends(arm)[-1]), self._policy(arm), 0)
        simulated = [{"at_s": m.at_s, "running": m.running, "starting": m.starting} for m in run.moments]
        return {"real": self._timeline(arm), "simulated": simulated}

    def _scenario(self, arm: str, duration_s: float) -> Scenario:
        due = sorted(row["due_s"] for row in self._result["rows"] if row["arm"] == arm)
        return Scenario(
            self._profile(arm),
            lambda random: due,
            duration_s,
            replicas=self._scaling["min_replicas"],
            validators=1,
            warm_s=0.0,
            conditions=self._conditions,
        )

    def _profile(self, arm: str) -> Profile:
        """A step is a whole answer, however many places are taken."""
        places = self._engine["scripted_places"]
        call = Call(sequences=1, tokens=1, uncached_tokens=_PLACE_TOKENS / 2, kv_tokens=_PLACE_TOKENS)
        return Profile(
            name="scripted",
            gpu="none",
            step_s={1: self._engine["scripted_delay_s"]},
            prefill_s_per_token=0,
            max_running=places,
            capacity_tokens=2 * places * _PLACE_TOKENS,
            cold_start_s=tuple(self._starts_s()),
            kinds=(Kind(ir=call, wave=call, waves=1),),
            validate_s=(_NOTHING_S,),
            overhead_s=tuple(self._overheads_s()),
        )

    def _overheads_s(self) -> list[float]:
        """What a request took beside its two answers while nothing queued: in the first phase of every arm."""
        answers_s = 2 * self._engine["scripted_delay_s"]
        return [max(0.0, one - answers_s) for arm in self.arms for one in self._latencies(arm, self._ends(arm))[0]]

    def _starts_s(self) -> list[float]:
        """How long replicas of any arm were starting: those that started together, together."""
        found: list[float] = []
        for arm in self.arms:
            begun = None
            for before, after in pairwise(self._timeline(arm)):
                if after["starting"] and not before["starting"]:
                    begun = after["at_s"]
                if begun is not None and after["running"] > before["running"]:
                    found.append(max(0.5, after["at_s"] - begun))
                    begun = None
        if not found:
            raise NotAnswerable("no replica started in the recorded run, so how long a start takes is not known")
        return found

    def _policy(self, arm: str) -> Policy:
        most = self._scaling["max_replicas"]
        if arm == "default":
            return RayDefault(self._kwargs["concurrency"], 1, most)
        return Ours(EngineScaling(max_replicas=most, **self._kwargs))

    def _ends(self, arm: str) -> list[float]:
        """Of the phases: where the rate of the arrivals changes. The last ends with the timeline."""
        due = sorted(row["due_s"] for row in self._result["rows"] if row["arm"] == arm)
        gaps = [(later, later - earlier) for earlier, later in pairwise(due)]
        turns = [at for (at, gap), (_, following) in pairwise(gaps) if not 0.5 < following / max(gap, 1e-9) < 2]
        return [*turns, float(len(self._timeline(arm)))]

    def _latencies(self, arm: str, ends: Sequence[float]) -> list[list[float]]:
        rows = [row for row in self._result["rows"] if row["arm"] == arm]
        return [[row["latency_s"] for row in rows if a <= row["due_s"] < b] for a, b in _phases(ends)]

    def _timeline(self, arm: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._result["summary"][arm]["timeline"]
        return rows


def _phases(ends: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise([0.0, *ends]))


def _in_phase(run: Outcome, ends: Sequence[float], number: int) -> list[float]:
    begin, end = _phases(ends)[number]
    pairs = zip(run.served.arrived_s, run.served.total_s, strict=True)
    return [total_s for arrived_s, total_s in pairs if begin - 1e-6 <= arrived_s < end - 1e-6]


def mean_error(gaps: Sequence[Gap]) -> float:
    return statistics.fmean(gap.error for gap in gaps)


def rows(gaps: Sequence[Gap]) -> list[dict[str, Any]]:
    return [{**gap.__dict__, "simulated": round(gap.simulated, 3), "error": round(gap.error, 4)} for gap in gaps]
