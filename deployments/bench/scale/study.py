"""All services of a study, one after the other, within a time."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deployments.bench.scale import measure
from deployments.bench.scale.arms import Arm, Part, arms, autoscaled, served_as
from deployments.bench.scale.cores import limits
from deployments.bench.scale.load import Asked
from deployments.bench.scale.measure import Measured, Plan
from deployments.bench.scale.predict import expected, learned, sequences_inside
from deployments.bench.watch import Watch, watching
from deployments.settings import Settings
from loadtest.service import Served, served

_LOOK_S = 0.2
_START_S = 300.0
"""What does not serve by then has failed, and leaves its time to the others."""
_TAIL = 2_000
"""Characters of a log that are told where a service does not start."""
_VARIABLES = {"NCCL_NVLS_ENABLE": "0", "RAY_metrics_report_interval_ms": "500"}
"""NVLink multicast stays off: it can hang hosts that share a switch. Metrics are else ten seconds old."""


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
    _start_s: float = 0.0
    """What the slowest start took so far."""
    _until: float = 0.0
    """On the clock `time.monotonic()`."""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.data["applications"][0]["args"])

    @property
    def _step_s(self) -> float:
        return self.plan.step_s or self.plan.seconds + self._start_s

    def run(self) -> Iterator[None]:
        """One step after each service, so that what is known can be kept."""
        self._until = time.monotonic() + self.minutes * 60
        found = arms(self.parts, self.counts)
        replicas, others = ([arm for arm in found if (arm.kind == "replicas") is plain] for plain in (True, False))
        yield from map(self._arm_in_time, replicas)
        if "autoscale" in self.parts:
            if not self._left_out("autoscale", 2 * (self.plan.seconds + self._start_s)):
                self._try("autoscale", self._autoscale)
            yield
        yield from map(self._arm_in_time, others)

    def _arm_in_time(self, arm: Arm) -> None:
        if not self._left_out(f"arm {arm.name}", self.plan.seconds + 4 * self.plan.objective_s):
            self._try(f"arm {arm.name}", lambda: self._arm(arm))

    def _left_out(self, name: str, needs_s: float) -> bool:
        late = bool(self.measured) and time.monotonic() + self._start_s + needs_s > self._until
        if late:
            self.summary["left_out"].append(f"{name}: no time was left")
        return late

    def _try(self, name: str, work: Callable[[], None]) -> None:
        """What fails is told, and the rest goes on."""
        self.say(name)
        try:
            work()
        except (RuntimeError, LookupError, ValueError, OSError) as error:
            self.summary["left_out"].append(f"{name}: {error}")

    def _arm(self, arm: Arm) -> None:
        with self._served(served_as(self.data, arm)) as (url, service):
            self._wait_for_all(service, arm)
            found = asyncio.run(measure.arm(url, self.plan, arm, self._limits(arm)))
            self.measured[arm] = found
            self._keep(f"{arm.name} ramp", found.ramp)
            self._keep(f"{arm.name} load", found.held)
            self.summary["arms"][arm.name] = found.summary
            found.summary |= self._beside(found)
            if "kill" in self.parts and arm == Arm(self.counts[-1]):
                self.say("a replica is killed")
                seconds = max(self.plan.seconds, 4 * self.plan.objective_s)
                lost, rows = asyncio.run(measure.loss(url, self.plan, found.knee_per_s, seconds))
                self.summary["kill"] = lost
                self._keep("kill", rows)

    def _beside(self, found: Measured) -> dict[str, Any]:
        """What one replica lets expect; a replica of several GPUs, or for one stage, is another kind."""
        one = self.measured.get(Arm(1))
        if one is None:
            return {}
        efficiency = {
            "efficiency": ratio(found.summary, one.summary, found.arm.gpus),
            "knee_efficiency": round(found.knee_per_s / one.knee_per_s / found.arm.gpus, 4),
        }
        if found.arm.kind != "replicas":
            return efficiency
        profile = learned([one.ramp, one.held], self.settings.engine)
        return efficiency | {"expected": expected(profile, found.arm.replicas, found.held, self.plan.seconds)}

    def _autoscale(self) -> None:
        one, most = self.measured[Arm(1)], self.counts[-1]
        concurrency = max(1.0, round(sequences_inside(one.held, self.plan.seconds), 1))
        with (
            self._served(autoscaled(self.data, most, concurrency)) as (url, service),
            watching(service.process.pid) as watch,
        ):
            watch.wait()
            found, rows = asyncio.run(measure.step(url, self.plan, watch, one.knee_per_s, most, self._step_s))
        self.summary["autoscale"] = {"concurrency": concurrency, **found}
        self._keep("autoscale", rows)

    @contextmanager
    def _served(self, data: dict[str, Any]) -> Iterator[tuple[str, Served]]:
        begun = time.monotonic()
        wait_s = min(_START_S, self._until - begun)
        url = f"http://127.0.0.1:{data['http_options']['port']}"
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "scale.yaml")
            config.write_text(yaml.safe_dump(data), encoding="utf-8")
            log = Path(folder, "serve.log")
            try:
                with (
                    log.open("wb") as output,
                    served(config, url, start_s=wait_s, variables=_VARIABLES, log=output) as service,
                ):
                    self._start_s = max(self._start_s, time.monotonic() - begun)
                    yield url, service
            except RuntimeError as error:
                tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
                raise RuntimeError(f"{error}; the end of its log:\n{tail}") from None

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
