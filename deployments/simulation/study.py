"""What `lift simulate` is asked, as scenarios and policies. Settings are those of cluster/serve.yaml, with changes."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from lift_sys.scaling import EngineScaling, ValidatorScaling
from lift_sys.simulation.conditions import Conditions
from lift_sys.simulation.measured import h100_moe, mean_call_sequences
from lift_sys.simulation.oracle import MapLike, needs, oracle
from lift_sys.simulation.outcome import Objective, Outcome
from lift_sys.simulation.policies import Fixed, Keda, Ours, Policy
from lift_sys.simulation.profile import Profile
from lift_sys.simulation.service import Scenario, simulate

T = TypeVar("T", bound=BaseModel)
PolicyName = Literal["ours", "ray", "keda", "fixed", "oracle"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
MEASURED = "qwen3-coder-30b-a3b"
_SERVE = Path(__file__).parents[2] / "cluster" / "serve.yaml"
_MOST = 10_000
_USE = 0.75
"""Of what the replicas can do: for how many run in the beginning."""


class NotAnswerable(ValueError):
    """What was asked cannot be simulated. Its text names the wrong value and the remedy."""


@dataclass(frozen=True)
class Run:
    policy: PolicyName
    seed: int
    changes: Mapping[str, float]
    outcome: Outcome


def profile_named(name: str) -> Profile:
    """The measured one, or a JSON file of another. Raises `NotAnswerable`."""
    if name == MEASURED:
        return h100_moe()
    try:
        return Profile.model_validate_json(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAnswerable(
            f"no model profile {name!r}: {error.strerror}; measured is {MEASURED}, or name a JSON file as `Profile` in "
            "lift_sys/simulation/profile.py has it"
        ) from None
    except ValidationError as error:
        raise NotAnswerable(f"{name}: {_told(error)}") from None


def policies_named(names: Iterable[str]) -> list[PolicyName]:
    """Raises `NotAnswerable`."""
    for name in names:
        if name not in POLICIES:
            raise NotAnswerable(f"no policy is called {name!r}; there are {', '.join(POLICIES)}")
    return [cast("PolicyName", name) for name in names]


def best_rate(profile: Profile) -> float:
    """Requests a second that one replica can answer at most."""
    return max(profile.requests_per_s(batch) for batch in range(1, profile.max_running + 1))


def engine_scaling(changes: Mapping[str, float]) -> EngineScaling:
    """Those of cluster/serve.yaml, with changes. Raises `NotAnswerable`."""
    return _checked(EngineScaling, {**_served("Engine"), "max_replicas": _MOST, **changes})


def conditions(changes: Mapping[str, float]) -> Conditions:
    """Raises `NotAnswerable`."""
    return _checked(Conditions, changes)


def pairs(words: Iterable[str]) -> Iterator[tuple[str, list[float]]]:
    """`KEY=1,2` as a key and its values. Raises `NotAnswerable`."""
    for word in words:
        key, _, values = word.partition("=")
        try:
            yield key, [float(value) for value in values.split(",")]
        except ValueError:
            raise NotAnswerable(f"{word!r} is not KEY=NUMBER or KEY=NUMBER,NUMBER, such as concurrency=40,48") from None


def scenario(
    profile: Profile,
    times: Callable[[Random], Iterable[float]],
    duration_s: float,
    objective: Objective,
    around: Conditions,
) -> Scenario:
    """With as many replicas in the beginning as the first minutes need."""
    validators = _checked(ValidatorScaling, {**_served("Validator"), "max_replicas": _MOST})
    made = Scenario(
        profile, times, duration_s, replicas=1, conditions=around, objective=objective, validator_scaling=validators
    )
    replicas = needs(made, 0, _USE)[0]
    per_s = replicas * best_rate(profile) * sum(kind.waves for kind in profile.kinds) / len(profile.kinds)
    return replace(made, replicas=replicas, validators=math.ceil(per_s * _mean(profile.validate_s) / _USE))


def run(made: Scenario, name: PolicyName, seed: int, changes: Mapping[str, float], maps: MapLike = map) -> Run:
    """One policy under the arrivals of one seed. The oracle takes several runs for it, by `maps`."""
    if name == "oracle":
        return Run(name, seed, {}, oracle(made, seed, maps).outcome)
    return Run(name, seed, changes, simulate(made, _policy(name, made, changes), seed))


def _policy(name: PolicyName, made: Scenario, changes: Mapping[str, float]) -> Policy:
    """Rivals have the same target as ours, and their own ways to it."""
    settings = engine_scaling(changes)
    match name:
        case "keda":
            return Keda(settings.concurrency, _MOST)
        case "ray":
            from deployments.simulation.ray_default import RayDefault

            sequences = mean_call_sequences(made.profile.kinds)
            return RayDefault(settings.concurrency / sequences, sequences, _MOST)
        case "fixed":
            return Fixed(made.replicas)
        case _:
            return Ours(settings)


def _served(deployment: str) -> dict[str, Any]:
    [application] = yaml.safe_load(_SERVE.read_text(encoding="utf-8"))["applications"]
    [found] = [one for one in application["deployments"] if one["name"] == deployment]
    kwargs: dict[str, Any] = found["autoscaling_config"]["policy"]["policy_kwargs"]
    return {key: value for key, value in kwargs.items() if key != "guard"}


def _checked(kind: type[T], values: Mapping[str, Any]) -> T:
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise NotAnswerable(_told(error)) from None


def _told(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'profile'}: {one['msg']}" for one in error.errors()[:3])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def data(found: Run, base: Run | None, usd_per_hour: float) -> dict[str, Any]:
    """A row for the result file. `base`: the oracle's run under the same arrivals."""
    over = found.outcome.replica_seconds / base.outcome.replica_seconds if base else None
    changes = json.dumps(found.changes) if found.changes else ""
    row = {"policy": found.policy, "seed": found.seed, "changes": changes, **found.outcome.summary(usd_per_hour)}
    return row | {"cost_over_oracle": round(over, 4) if over else None}
