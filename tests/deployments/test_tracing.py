"""The spans of a request that goes through the pipeline."""

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from deployments.scripted_engine import ScriptedEngine
from deployments.settings import CodeSettings, IRSettings, ValidatorSettings
from deployments.stages import CodeStage, IRStage, Validator
from deployments.tracing import Tracing
from lift_sys.errors import EngineUnavailable
from lift_sys.pipeline import Effort, Stages, lift
from schemas import LiftRequest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SECRET = "Zanzibar"
REQUEST = LiftRequest(prompt=f"Double a number, said {SECRET}: double(2) == 4")
MODEL = "some/model"


async def traced(*, content: bool = False, **failing: Any) -> list[ReadableSpan]:
    kept = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(MODEL, content=content, tracers=tracers)
    engine, validator = ScriptedEngine(), Validator(ValidatorSettings(allow_weak_sandbox=True))
    parts = {
        "write_ir": IRStage(engine, IRSettings(), lambda stage, reason: None).write,
        "write_code": CodeStage(engine, CodeSettings(), lambda stage, reason: None).write,
        "choose_code": validator.choose,
    }
    stages = tracing.stages(Stages(**{**parts, **failing}))
    try:
        with tracing.workflow(REQUEST, "id-1") as span:
            tracing.answered(span, await lift(REQUEST, "id-1", stages, Effort(2, 2, 0, 2), MODEL))
    except EngineUnavailable:
        pass
    return list(kept.get_finished_spans())


async def test_a_request_is_a_workflow_of_two_chats_and_a_tool() -> None:
    *parts, workflow = await traced()
    assert workflow.name == "invoke_workflow lift"
    assert workflow.parent is None
    assert [part.name for part in parts] == [f"chat {MODEL}"] * 2 + ["execute_tool validator"]
    assert {part.parent.span_id for part in parts if part.parent} == {workflow.context.span_id}
    assert [part.kind for part in parts] == [SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL]


async def test_the_spans_say_what_the_conventions_ask_for() -> None:
    ir, code, tool, workflow = (span.attributes or {} for span in await traced())
    assert ir["gen_ai.operation.name"] == code["gen_ai.operation.name"] == "chat"
    assert ir["gen_ai.request.model"] == MODEL
    assert ir["gen_ai.provider.name"] == "sglang"
    assert int(str(ir["gen_ai.usage.output_tokens"])) > 0
    assert code["gen_ai.request.choice.count"] == 2
    assert code["gen_ai.response.finish_reasons"] == ("stop", "stop")
    assert tool["gen_ai.tool.name"] == "validator"
    assert workflow["lift.request.id"] == ir["gen_ai.conversation.id"] == "id-1"
    assert workflow["lift.verdict.level"] in ("verified", "likely")


async def test_no_span_holds_a_users_words_or_code_unless_asked_to() -> None:
    quiet = "".join(span.to_json() for span in await traced())
    assert SECRET not in quiet
    assert "def double" not in quiet
    told = (await traced(content=True))[-1].attributes or {}
    [message] = json.loads(str(told["gen_ai.input.messages"]))
    assert message == {"role": "user", "parts": [{"type": "text", "content": REQUEST.words}]}
    assert "def double" in str(told["gen_ai.output.messages"])


async def test_a_failure_is_told_by_its_class_and_not_by_its_words() -> None:
    async def gone(*args: Any) -> Any:
        raise EngineUnavailable(f"while it worked on {SECRET}")

    chat, workflow = await traced(write_ir=gone)
    for span in (chat, workflow):
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "EngineUnavailable"
        assert SECRET not in span.to_json()
