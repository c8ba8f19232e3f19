"""`simulate(scenario, policy, seed)`: the whole service. Each request that comes is in the outcome once."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from random import Random

from simpy import Environment, Event

from lift_sys.scaling import Decision, Load, Seen, ValidatorScaling
from lift_sys.simulation.conditions import Conditions
from lift_sys.simulation.engines import Engines
from lift_sys.simulation.outcome import Moment, Objective, Outcome, Served, flaps
from lift_sys.simulation.policies import Ours, Policy
from lift_sys.simulation.profile import Call, Kind, Profile
from lift_sys.simulation.replica import Job
from lift_sys.simulation.validators import Validators

Process = Generator[Event, None, None]
_TRIES = 2
"""Of a call: the service answers 503 when a replica dies, and a client that is told to come back asks once more."""


@dataclass(frozen=True)
class Scenario:
    profile: Profile
    arrivals: Callable[[Random], Iterable[float]]
    """Seconds, rising; the same for the same seed."""
    duration_s: float
    replicas: int
    """That run in the beginning."""
    validators: int = 1
    warm_s: float = 60.0
    """Before any policy decides: none would see so early how much work there is."""
    conditions: Conditions = field(default_factory=Conditions)
    objective: Objective = field(default_factory=Objective)
    validator_scaling: ValidatorScaling = field(default_factory=lambda: ValidatorScaling(max_replicas=10_000))

    def times(self, seed: int) -> Iterable[float]:
        # A source of its own, so that every policy meets the same arrivals.
        return self.arrivals(Random(f"{seed}/arrivals"))


def simulate(scenario: Scenario, policy: Policy, seed: int) -> Outcome:
    """After the end, whatever is left is worked off, unpaid for."""
    return _Service(scenario, policy, seed).run()


class _Service:
    def __init__(self, scenario: Scenario, policy: Policy, seed: int) -> None:
        self._scenario = scenario
        self._policy = policy
        self.env = Environment()
        self._times = scenario.times(seed)
        self.random = Random(f"{seed}/all else")
        profile, conditions = scenario.profile, scenario.conditions
        self.profile = profile
        self.engines = Engines(self.env, profile, conditions, self.random)
        sandboxes = scenario.validator_scaling.sandboxes
        self.validators = Validators(self.env, conditions.validator_start_s, sandboxes)
        self.served = Served()
        self.arrived = self.failed = 0
        self._reports: deque[tuple[list[Load], int]] = deque(maxlen=conditions.report_delay_s + 1)
        self._moments: list[Moment] = []
        self._changes: list[tuple[float, int]] = []

    def run(self) -> Outcome:
        scenario = self._scenario
        self.engines.begin(scenario.replicas)
        self.validators.begin(scenario.validators)
        self.env.process(self._arrive())
        self.env.process(self._control())
        self.env.process(self._control_validators())
        self.env.run(scenario.duration_s)
        outcome = Outcome(
            arrived=self.arrived,
            served=self.served,
            objective=scenario.objective,
            duration_s=scenario.duration_s,
            replica_seconds=self.engines.bill.replica_seconds,
            most_replicas=self.engines.bill.most,
            validator_seconds=self.validators.bill.replica_seconds,
            crashes=self.engines.crashes,
            flaps=flaps(self._changes, max(self.profile.cold_start_s)),
            moments=tuple(self._moments),
        )
        while len(self.served.total_s) + self.failed < self.arrived:
            self.env.step()
        return replace(outcome, failed=self.failed)

    def _arrive(self) -> Process:
        env, random, profile = self.env, self.random, self.profile
        for at_s in self._times:
            if at_s >= self._scenario.duration_s:
                break
            yield env.timeout(at_s - env.now if at_s > env.now else 0)
            self.arrived += 1
            request = _Request(self, random.choice(profile.kinds))
            begin = env.timeout(random.choice(profile.overhead_s))
            assert begin.callbacks is not None
            begin.callbacks.append(request.begin)

    def _control(self) -> Process:
        due_s = self._scenario.warm_s
        decision = Decision(self.engines.target, "steady", "not asked yet")
        while True:
            self._reports.append((self.engines.loads(), self.engines.queued))
            if self.env.now >= due_s:
                due_s += self._policy.period_s
                decision = self._decide()
            self._remember(decision)
            yield self.env.timeout(1.0)

    def _decide(self) -> Decision:
        engines = self.engines
        loads, queued = self._reports[0]
        seen = Seen(self.env.now, engines.target, engines.running, tuple(loads), queued)
        decision = self._policy.replicas(seen)
        step = decision.replicas - engines.target
        if step:
            self._changes.append((self.env.now, step))
            engines.scale(decision.replicas)
        return decision

    def _remember(self, decision: Decision) -> None:
        loads, queued = self._reports[-1]
        moment = Moment(
            at_s=self.env.now,
            arrived=self.arrived,
            running=self.engines.running,
            starting=self.engines.starting,
            target=self.engines.target,
            sequences=sum(load.running + load.waiting for load in loads) + queued,
            validators=self.validators.target,
            cause=decision.cause,
            terms=dict(decision.terms),
        )
        self._moments.append(moment)

    def _control_validators(self) -> Process:
        policy = Ours(self._scenario.validator_scaling)
        yield self.env.timeout(self._scenario.warm_s)
        while True:
            pool = self.validators
            seen = Seen(self.env.now, pool.target, pool.running, tuple(pool.loads()))
            if (replicas := policy.replicas(seen).replicas) != pool.target:
                pool.scale(replicas)
            yield self.env.timeout(policy.period_s)


class _Request:
    """One on its way: overhead, IR, then waves of code, each judged. All its calls are of one session."""

    __slots__ = ("_arrived_s", "_first_token_s", "_has_ir", "_kind", "_service", "_session", "_tries", "_waves")

    def __init__(self, service: _Service, kind: Kind) -> None:
        self._service = service
        self._kind = kind
        self._arrived_s = service.env.now
        self._first_token_s: float | None = None
        self._has_ir = kind.ir is None
        self._session = service.random.random()
        self._tries = 0
        self._waves = kind.waves

    def begin(self, event: Event) -> None:
        self._submit(self._kind.ir or self._kind.wave)

    def _submit(self, call: Call) -> None:
        self._service.engines.submit(Job(call, self._called), self._session)

    def _called(self, job: Job) -> None:
        service = self._service
        if job.lost:
            self._tries += 1
            if self._tries < _TRIES:
                self._submit(job.call)
            else:
                service.failed += 1
            return
        self._tries = 0
        if self._first_token_s is None:
            self._first_token_s = job.first_token_s
        if not self._has_ir:
            self._has_ir = True
            self._submit(self._kind.wave)
        else:
            service.validators.submit(service.random.choice(service.profile.validate_s), self._judged)

    def _judged(self) -> None:
        self._waves -= 1
        if self._waves:
            self._submit(self._kind.wave)
            return
        service = self._service
        assert self._first_token_s is not None
        ttft_s = self._first_token_s - self._arrived_s
        service.served.add(self._arrived_s, ttft_s, service.env.now - self._arrived_s)
