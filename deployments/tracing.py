"""Spans of a request as OpenTelemetry's conventions for generative AI have them.

Serve carries the context from the client's `traceparent` through every handle, and adds spans of its own hops, where
its `tracing_config` names `deployments.tracing:exporters`. Where it does not, all of this does nothing.
https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

import contextvars
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind

from lift_sys.code_stage import Wave
from lift_sys.pipeline import Stages
from schemas import IR, Code, Example, LiftRequest, LiftResponse, StageReport, Verdict

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_WORKFLOW = "lift"
_PROVIDER = "sglang"


def exporters() -> "list[SpanProcessor]":
    """For Serve. Where the spans go, the standard variables say: OTEL_EXPORTER_OTLP_ENDPOINT and its like."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return [BatchSpanProcessor(OTLPSpanExporter())]


def only_trace() -> contextvars.Context:
    """A context for a task in which nothing is known of where it was started but the span."""
    bare = contextvars.Context()
    bare.run(context.attach, context.get_current())
    return bare


class Tracing:
    """Makes the spans of requests. Their words are part of them only where `content` says so."""

    def __init__(self, model: str, *, content: bool = False, tracers: trace.TracerProvider | None = None) -> None:
        self._model = model
        self._content = content
        self._tracer = trace.get_tracer("lift", tracer_provider=tracers)

    @contextmanager
    def workflow(self, request: LiftRequest, request_id: str) -> Iterator[Span]:
        """Around a whole request; what is called within makes spans below it."""
        attributes: dict[str, Any] = {"gen_ai.workflow.name": _WORKFLOW, "lift.request.id": request_id}
        if self._content:
            attributes["gen_ai.input.messages"] = _messages("user", request.words)
        with self._span("invoke_workflow", _WORKFLOW, SpanKind.INTERNAL, attributes) as span:
            yield span

    def answered(self, span: Span, response: LiftResponse) -> None:
        span.set_attribute("lift.verdict.level", response.verdict.level)
        span.set_attribute("lift.variations", response.variations)
        if self._content:
            span.set_attribute("gen_ai.output.messages", _messages("assistant", response.code.source))

    def stages(self, stages: Stages) -> Stages:
        """The same stages, each call of one a span."""

        async def write_ir(request: LiftRequest, session: str) -> tuple[IR, StageReport]:
            with self._chat("ir", session) as span:
                ir, report = await stages.write_ir(request, session)
                span.set_attributes(_usage(report))
                return ir, report

        async def write_code(
            request: LiftRequest, ir: IR, wave: Wave, session: str
        ) -> tuple[tuple[Code, ...], StageReport]:
            with self._chat("code", session) as span:
                span.set_attribute("gen_ai.request.choice.count", wave.end - wave.begin)
                written, report = await stages.write_code(request, ir, wave, session)
                span.set_attributes(_usage(report))
                return written, report

        async def choose_code(
            ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...]
        ) -> tuple[Code, Verdict, StageReport]:
            tool = {"gen_ai.tool.name": "validator", "gen_ai.tool.type": "function"}
            with self._span("execute_tool", "validator", SpanKind.INTERNAL, tool) as span:
                code, verdict, report = await stages.choose_code(ir, stated, variations)
                span.set_attribute("lift.verdict.level", verdict.level)
                return code, verdict, report

        return Stages(write_ir, write_code, choose_code)

    @contextmanager
    def _chat(self, stage: str, session: str) -> Iterator[Span]:
        attributes = {
            "gen_ai.provider.name": _PROVIDER,
            "gen_ai.request.model": self._model,
            "gen_ai.conversation.id": session,
            "lift.stage": stage,
        }
        with self._span("chat", self._model, SpanKind.CLIENT, attributes) as span:
            yield span

    @contextmanager
    def _span(self, operation: str, name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> Iterator[Span]:
        # An error's words may be a prompt's, so only its class is told.
        with self._tracer.start_as_current_span(
            f"{operation} {name}",
            kind=kind,
            attributes={"gen_ai.operation.name": operation, **attributes},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise


def _usage(report: StageReport) -> dict[str, Any]:
    return {
        "gen_ai.usage.input_tokens": report.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": report.cached_tokens,
        "gen_ai.usage.output_tokens": report.completion_tokens,
        "gen_ai.response.finish_reasons": report.finish_reasons,
    }


def _messages(role: str, words: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": words}]}], ensure_ascii=False)
