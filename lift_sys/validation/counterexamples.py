"""Smaller counterexamples: Hypothesis looks for the smallest input that breaks an assertion."""

import asyncio

from lift_sys.sandbox import Sandbox
from lift_sys.validation.assertions import check_assertions, domain
from lift_sys.validation.observation import known_inputs
from lift_sys.validation.samples import shrink
from lift_sys.validation.spec import Spec
from schemas.verdict import Evidence

_MOST_CALLS = 40


async def shrunk(
    spec: Spec, source: str, evidence: tuple[Evidence, ...], sandbox: Sandbox, seed: int
) -> tuple[Evidence, ...]:
    """The evidence, with a smaller counterexample to the first assertion that is broken, if one is found soon."""
    for index, found in enumerate(evidence):
        if found.kind == "assertion" and found.outcome == "failed":
            smaller = await _smaller(spec, source, found, sandbox, seed)
            return (*evidence[:index], smaller, *evidence[index + 1 :])
    return evidence


async def _smaller(spec: Spec, source: str, found: Evidence, sandbox: Sandbox, seed: int) -> Evidence:
    loop = asyncio.get_running_loop()
    breaches: dict[str, Evidence] = {}

    def fails(arguments: str) -> bool:
        breach = asyncio.run_coroutine_threadsafe(
            _breach(spec, source, found.clause, arguments, sandbox), loop
        ).result()
        if breach:
            breaches[arguments] = breach
        return breach is not None

    smallest = await asyncio.to_thread(shrink, spec.parameters, known_inputs(spec), fails, seed, _MOST_CALLS)
    if smallest is None or len(smallest) >= len(found.counterexample or ""):
        return found
    return breaches[smallest].model_copy(update={"inputs_tried": found.inputs_tried + len(breaches)})


async def _breach(spec: Spec, source: str, clause: str, arguments: str, sandbox: Sandbox) -> Evidence | None:
    """The evidence that these arguments break the clause; None if they do not."""
    if arguments not in await domain(spec, [arguments], sandbox):
        return None
    report = await sandbox.run(source, spec.function, [arguments])
    if report.trouble:
        return None
    [evidence] = await check_assertions(spec, [{arguments: report.outcomes[0]}], sandbox)
    return next((e for e in evidence if e.clause == clause and e.outcome == "failed"), None)
