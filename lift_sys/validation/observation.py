"""What the candidates do: read, run on the examples, and, unless that settles it, on many inputs more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lift_sys.report import Inspection, Outcome, Report, Trouble
from lift_sys.sandbox import Sandbox
from lift_sys.validation.checks import meets
from lift_sys.validation.inputs import mutate
from lift_sys.validation.samples import sample
from lift_sys.validation.spec import Spec, why_unusable
from schemas.ir import Parameter

SAMPLED = 32
"""Inputs made from types, beside those made from the examples' arguments."""


@dataclass(frozen=True)
class Observed:
    """One candidate."""

    inspection: Inspection
    report: Report
    """Of the examples' calls, made first."""
    behaviour: dict[str, Outcome] = field(default_factory=dict)
    """How each call ended, by argument text."""
    again: dict[str, Outcome] = field(default_factory=dict)
    """The same in another process, in which hashes differ."""

    @property
    def trouble(self) -> Trouble | None:
        return self.inspection.trouble or self.report.trouble


def known_inputs(spec: Spec) -> list[str]:
    """The arguments of all examples that can be tried, dropped ones too: they are good inputs still."""
    usable = [e for e in (*spec.stated, *spec.inferred) if not why_unusable(e)]
    return list(dict.fromkeys(e.arguments for e in usable))


def more_inputs(spec: Spec, known: Sequence[str], seed: int) -> tuple[str, ...]:
    """Inputs that nobody stated, the same for the same seed."""
    return _made(spec.parameters, tuple(known), seed)


@lru_cache(maxsize=256)  # making some takes a tenth of a second, and code is often judged by one specification
def _made(parameters: tuple[Parameter, ...] | None, known: tuple[str, ...], seed: int) -> tuple[str, ...]:
    fresh = [*mutate(known), *sample(parameters, known, SAMPLED, seed)]
    return tuple(text for text in dict.fromkeys(fresh) if text not in known)


async def observe(
    spec: Spec, sources: Sequence[str], known: Sequence[str], fresh: Sequence[str], sandbox: Sandbox
) -> list[Observed]:
    """Each source; equal ones are run once. Where the user's examples refute all of them, nothing else is run."""
    distinct = list(dict.fromkeys(sources))
    observed = await asyncio.gather(*(_begin(spec, source, known, sandbox) for source in distinct))
    if not all(_is_refuted(spec, one) for one in observed):
        observed = await asyncio.gather(*map(lambda o, s: _go_on(spec, o, s, fresh, sandbox), observed, distinct))
    by_source = dict(zip(distinct, observed, strict=True))
    return [by_source[source] for source in sources]


async def _begin(spec: Spec, source: str, known: Sequence[str], sandbox: Sandbox) -> Observed:
    inspection = await sandbox.inspect(source, spec.function)
    if inspection.trouble:
        return Observed(inspection, Report(tier=inspection.tier))
    report = await sandbox.run(source, spec.function, known, describe=inspection.parameters is None)
    return Observed(inspection, report, _behaviour(report, known))


async def _go_on(spec: Spec, observed: Observed, source: str, fresh: Sequence[str], sandbox: Sandbox) -> Observed:
    """What a candidate does to inputs that nobody stated is no trouble, if it is no answer."""
    if observed.trouble:
        return observed
    more = await sandbox.run(source, spec.function, fresh)
    behaviour = {**observed.behaviour, **_behaviour(more, fresh)}
    inputs = [text for text, outcome in behaviour.items() if not outcome.is_cut_short]
    again = await sandbox.run(source, spec.function, inputs, seed=1)
    return replace(observed, behaviour=behaviour, again=_behaviour(again, inputs))


def _behaviour(report: Report, inputs: Sequence[str]) -> dict[str, Outcome]:
    return {} if report.trouble else dict(zip(inputs, report.outcomes, strict=True))


def _is_refuted(spec: Spec, observed: Observed) -> bool:
    stated = (e for e in spec.stated if e.arguments in observed.behaviour)
    return bool(observed.trouble) or not all(meets(e, observed.behaviour[e.arguments]) for e in stated)
