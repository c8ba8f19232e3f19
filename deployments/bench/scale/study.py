"""All services of a study, one after the other, within a time."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.bench.scale import measure
from deployments.bench.scale.arms import Arm, Part, arms, autoscaled, served_as
from deployments.bench.scale.cores import limits
from deployments.bench.scale.host import Host
from deployments.bench.scale.load import Asked
from deployments.bench.scale.measure import Measured, Plan
from deployments.bench.scale.predict import expected, learned, sequences_inside
from deployments.bench.watch import Watch, watching
from deployments.settings import Settings
from loadtest.service import Served

_LOOK_S = 0.2
_START_S = 300.0
"""What does not serve by then has failed, and leaves its time to the others."""


@dataclass
class Study:
    data: dict[str, Any]
    """A Serve config of one engine replica."""
    plan: Plan
    parts: Collection[Part]
    counts: Sequence[int]
    """Of GPUs; they rise."""
    minutes: float
    """No other service is started once it could not end within them."""
    say: Callable[[str], None]
    measured: dict[Arm, Measured] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=lambda: {"arms": {}, "left_out": []})
    rows: list[dict[str, Any]] = field(default_factory=list)
    _host: Host = field(default_factory=Host)
    _until: float = 0.0
    """On the clock `time.monotonic()`."""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.data["applications"][0]["args"])

    @property
    def _step_s(self) -> float:
        return self.plan.step_s or self.plan.seconds + self._host.start_s

    def run(self) -> Iterator[None]:
        """One step after each service, so that what is known can be kept."""
        self._until = time.monotonic() + self.minutes * 60
        found = arms(self.parts, self.counts)
        replicas, others = ([arm for arm in found if (arm.kind == "replicas") is plain] for plain in (True, False))
        with self._host:
            yield from map(self._arm_in_time, replicas)
            if "autoscale" in self.parts:
                needs_s = 2 * (self._step_s + self.plan.climb_s)
                self._in_time("autoscale", self._autoscaled, needs_s, self._autoscale)
                yield
            yield from map(self._arm_in_time, others)

    def _arm_in_time(self, arm: Arm) -> None:
        needs_s = self.plan.seconds + 4 * self.plan.objective_s
        self._in_time(f"arm {arm.name}", lambda: served_as(self.data, arm), needs_s, lambda data: self._arm(arm, data))

    def _in_time(
        self, name: str, config: Callable[[], dict[str, Any]], needs_s: float, work: Callable[[dict[str, Any]], None]
    ) -> None:
        """Unless no time is left for it. What fails is told, and the rest goes on."""
        self.say(name)
        try:
            data = config()
            start_s = self._host.start_s if self._host.starts_engines(data) else 0.0
            if self.measured and time.monotonic() + start_s + needs_s > self._until:
                raise RuntimeError("no time was left")
            work(data)
        except (RuntimeError, LookupError, ValueError, OSError) as error:
            self.summary["left_out"].append(f"{name}: {error}")

    def _arm(self, arm: Arm, data: dict[str, Any]) -> None:
        fresh = self._host.starts_engines(data)
        url, service = self._serve(data)
        self._wait_for_all(service, arm)
        found = asyncio.run(measure.arm(url, self.plan, arm, self._limits(arm), fresh=fresh))
        self.measured[arm] = found
        self._keep(f"{arm.name} ramp", found.ramp)
        self._keep(f"{arm.name} load", found.held)
        self.summary["arms"][arm.name] = found.summary
        self._compare()
        if "kill" in self.parts and arm == Arm(self.counts[-1]):
            self.say("a replica is killed")
            seconds = max(self.plan.seconds, 4 * self.plan.objective_s)
            lost, rows = asyncio.run(measure.loss(url, self.plan, found.knee_per_s, seconds))
            self.summary["kill"] = lost
            self._keep("kill", rows)

    def _compare(self) -> None:
        """Each with what one replica lets expect, once that is measured."""
        if one := self.measured.get(Arm(1)):
            for found in self.measured.values():
                found.summary |= self._beside(found, one)

    def _beside(self, found: Measured, one: Measured) -> dict[str, Any]:
        """A replica of several GPUs, or for one stage, is another kind, of which one lets expect nothing."""
        efficiency = {
            "efficiency": ratio(found.summary, one.summary, found.arm.gpus),
            "knee_efficiency": round(found.knee_per_s / one.knee_per_s / found.arm.gpus, 4),
        }
        if found.arm.kind != "replicas":
            return efficiency
        profile = learned([one.ramp, one.held], self.settings.engine)
        return efficiency | {"expected": expected(profile, found.arm.replicas, found.held, self.plan.seconds)}

    def _autoscaled(self) -> dict[str, Any]:
        return autoscaled(self.data, self.counts[-1], self._concurrency())

    def _concurrency(self) -> float:
        """Requests in one replica's engine under a load below its knee. Raises `LookupError` where none is known."""
        if Arm(1) not in self.measured:
            raise LookupError("what one replica can do is not known")
        return max(1.0, round(sequences_inside(self.measured[Arm(1)].held, self.plan.seconds), 1))

    def _autoscale(self, data: dict[str, Any]) -> None:
        url, service = self._serve(data)
        knee_per_s = self.measured[Arm(1)].knee_per_s
        with watching(service.process.pid) as watch:
            watch.wait()
            found, rows = asyncio.run(measure.step(url, self.plan, watch, knee_per_s, self.counts[-1], self._step_s))
        self.summary["autoscale"] = {"concurrency": self._concurrency(), **found}
        self._keep("autoscale", rows)

    def _serve(self, data: dict[str, Any]) -> tuple[str, Served]:
        return self._host.serve(data, min(_START_S, self._until - time.monotonic()))

    def _wait_for_all(self, service: Served, arm: Arm) -> None:
        """A service is ready with one engine. Raises `RuntimeError` where the others do not come in time."""
        with watching(service.process.pid) as watch:
            watch.wait()
            while time.monotonic() < self._until:
                if running(watch, arm) >= arm.replicas:
                    return
                time.sleep(_LOOK_S)
            raise RuntimeError(f"{running(watch, arm)} of {arm.replicas} engines run, and the time is over")

    def _limits(self, arm: Arm) -> dict[str, float]:
        deployments = served_as(self.data, arm)["applications"][0]["deployments"]
        replicas = {one["name"]: one.get("num_replicas", 1) for one in deployments}
        sandboxes = self.settings.validator.concurrency * replicas["Validator"]
        return limits(arm, replicas, sandboxes, self.plan.clients)

    def _keep(self, load: str, rows: Sequence[Asked]) -> None:
        self.rows += [{"load": load, **_row(row)} for row in rows]


def running(watch: Watch, arm: Arm) -> int:
    """Engines of all its pools."""
    return sum(watch.now(name).get("RUNNING", 0) for name in arm.engines)


def _row(row: Asked) -> dict[str, Any]:
    kept = ("due_s", "lag_s", "latency_s", "status", "verified", "tokens")
    return {name: getattr(row, name) for name in kept} | {f"{one.stage}_s": one.seconds for one in row.stages}


_MEASURES = ("goodput_per_s", "knee_tokens_per_s")
"""What counts, where it is not zero."""


def ratio(summary: dict[str, Any], one: dict[str, Any], gpus: int) -> float | None:
    """Of a GPU's validated goodput to that of one replica; of its tokens, where a model writes nothing valid."""
    by = next((name for name in _MEASURES if one[name]), "tokens_per_s")
    return round(summary[by] / one[by] / gpus, 4) if one[by] else None
