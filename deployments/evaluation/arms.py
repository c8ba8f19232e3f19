"""Ways of answering a request that are compared: the model asked directly, or the whole pipeline in many settings.

An arm is written as its name, and for the pipeline settings that it changes: `service`, `service:n=4,policy=clusters`,
`service:n=1,mix=ir`, `service:mix=stub*2+script`, `service:ir=off`.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from deployments.settings import Settings
from deployments.stages import CodeStage, IRStage, Validator
from lift_sys.code_stage import Wave
from lift_sys.engine import Engine
from lift_sys.evaluation.direct import DIRECT_TOKENS, direct_chat, json_chat, source_in, source_in_json
from lift_sys.evaluation.plain_ir import write_plain_ir
from lift_sys.evaluation.rows import SERVICE, Answer
from lift_sys.pipeline import Stages, lift
from lift_sys.validation.levels import grounds
from schemas import IR, Code, Example, LiftRequest, LiftResponse, StageReport, Verdict
from schemas.engine import Chat, Sampling

Arm = Callable[[LiftRequest, str], Awaitable[Answer]]
"""Request and session in, answer out."""
Plan = Callable[[Engine], Arm]
"""An arm that has no engine yet."""

_DIRECT: dict[str, tuple[Callable[[LiftRequest], Chat], Callable[[str], str]]] = {
    "direct": (direct_chat, source_in),
    "json": (json_chat, source_in_json),
}
_CODE = ("n", "first", "mix", "temperature", "later_temperature")
_VALIDATOR = ("policy",)
_PIPELINE = ("repairs",)
_NO_IR = "ir=off"
"""The function's name in place of an IR: what does the model's own bring?"""


class UnknownArm(ValueError):
    pass


def plan(name: str, settings: Settings) -> Plan:
    """Raises `UnknownArm`."""
    kind, _, changes = name.partition(":")
    if kind in _DIRECT and not changes:
        return partial(_direct, *_DIRECT[kind], Sampling(max_tokens=DIRECT_TOKENS))
    if kind == SERVICE:
        told = [change for change in changes.split(",") if change != _NO_IR]
        return partial(_service, changed(settings, ",".join(told)), _NO_IR not in changes.split(","))
    raise UnknownArm(f"{name!r} is none of {', '.join(_DIRECT)}, {SERVICE} or {SERVICE}:SETTING=VALUE,…")


def changed(settings: Settings, changes: str) -> Settings:
    """The settings with some of them changed. Raises `UnknownArm` that names the wrong one."""
    said: dict[str, Any] = settings.model_dump()
    for change in filter(None, changes.split(",")):
        key, _, value = change.partition("=")
        if key in _CODE:
            said["code"][key] = _mix(value) if key == "mix" else _value(value)
        elif key in _VALIDATOR:
            said["validator"][key] = value
        elif key in _PIPELINE:
            said[key] = _value(value)
        else:
            raise UnknownArm(f"{key!r} is none of {', '.join((*_CODE, *_VALIDATOR, *_PIPELINE))}")
    try:
        return Settings.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UnknownArm(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _mix(text: str) -> dict[str, Any]:
    """`stub*2+script`: framings with their weights."""
    parts = (part.partition("*") for part in text.split("+"))
    return {name: _value(weight or "1") for name, _, weight in parts}


def _direct(chat: Callable[[LiftRequest], Chat], read: Callable[[str], str], sampling: Sampling, engine: Engine) -> Arm:
    async def answer(request: LiftRequest, session: str) -> Answer:
        begun = time.monotonic()
        [completion] = await engine.generate([chat(request)], sampling, session)
        source = read(completion.text)
        return Answer(
            source=source,
            samples=(source,),
            prompt_tokens=completion.prompt_tokens,
            cached_tokens=completion.cached_tokens,
            completion_tokens=completion.completion_tokens,
            seconds=time.monotonic() - begun,
        )

    return answer


def _service(settings: Settings, specify: bool, engine: Engine) -> Arm:
    """The service's own stages, in this process. `specify`: let the model write an IR."""
    ir = IRStage(engine, settings.ir, lambda stage, reason: None)
    code = CodeStage(engine, settings.code, lambda stage, reason: None)
    validator = Validator(settings.validator)

    async def answer(request: LiftRequest, session: str) -> Answer:
        seen: Sequence[Code] = ()
        repaired = False

        async def choose(
            ir: IR, stated: tuple[Example, ...], codes: tuple[Code, ...]
        ) -> tuple[Code, Verdict, StageReport]:
            nonlocal seen
            seen = codes
            return await validator.choose(ir, stated, codes)

        async def write(request: LiftRequest, ir: IR, wave: Wave, session: str) -> tuple[tuple[Code, ...], StageReport]:
            nonlocal repaired
            repaired = repaired or wave.failure is not None
            return await code.write(request, ir, wave, session)

        stages = Stages(write_ir=ir.write if specify else write_plain_ir, write_code=write, choose_code=choose)
        response = await lift(request, session, stages, settings.effort(request.n), settings.engine.model)
        return of_response(response, seen).model_copy(update={"repaired": repaired})

    return answer


def of_response(response: LiftResponse, samples: Sequence[Code] = ()) -> Answer:
    return Answer(
        source=response.code.source,
        level=response.verdict.level,
        reason=response.verdict.reason,
        agreement=response.verdict.agreement,
        grounds=grounds(response.verdict.evidence),
        samples=tuple(code.source for code in samples),
        prompt_tokens=sum(stage.prompt_tokens for stage in response.stages),
        cached_tokens=sum(stage.cached_tokens for stage in response.stages),
        completion_tokens=sum(stage.completion_tokens for stage in response.stages),
        seconds=response.seconds,
    )
