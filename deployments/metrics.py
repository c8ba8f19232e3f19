"""The metrics that the service exports, named once, each with every value that its labels can have.

Ray puts `ray_` before each name and `_total` behind a counter's: Prometheus finds `ray_lift_requests_total`. Inside a
replica it adds the labels `deployment`, `replica` and `application`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from lift_sys.grammar.code_frame import CODE, PLANNED_CODE
from lift_sys.ir_stage import IR_GRAMMAR
from lift_sys.outputs import Reason, Stage
from lift_sys.report import JobKind, RunEnd
from lift_sys.scaling.decision import Cause
from schemas.verdict import Level, Tier

Route = Literal["lift", "validate"]
Outcome = Literal["answered", "refused", "overloaded", "unusable", "unavailable", "late", "failed", "cancelled"]
"""`refused`: the client's own mistake. `unusable`: the model gave no usable IR. `cancelled`: the client hung up."""
State = Literal["running", "waiting"]
Why = Literal["failed", "full", "open"]
Part = Literal["IRStage", "CodeStage", "Validator", "Engine"]

_QUICK_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_LONG_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_TOKEN_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    says: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name, all values that there can be: nobody's words become a series."""
    buckets: tuple[float, ...] = ()
    """Of a histogram, in its unit."""

    def check(self, labels: Mapping[str, str]) -> None:
        """Raises `ValueError` for labels that are not those of this metric, or have a value that they cannot have."""
        if labels.keys() != self.labels.keys():
            raise ValueError(f"{self.name} has the labels {sorted(self.labels)}, not {sorted(labels)}")
        for name, value in labels.items():
            if value not in self.labels[name]:
                raise ValueError(f"{self.name}: {name} is {value!r}, which is none of {', '.join(self.labels[name])}")

    @property
    def series(self) -> tuple[str, ...]:
        """The names that Prometheus finds."""
        ends = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
        return tuple(f"ray_{self.name}{end}" for end in ends[self.kind])


class Tell(Protocol):
    """Where amounts go: added to a counter, set as a gauge, observed by a histogram."""

    def __call__(self, metric: Metric, amount: float, /, **labels: str) -> None:
        """Raises what `Metric.check` does."""


def tell_nobody(metric: Metric, amount: float, /, **labels: str) -> None:
    """For where nothing is exported."""


_STAGE = {"stage": get_args(Stage)}
_STATE = {"state": get_args(State)}
_QUEUE = {"state": ("queued", "running")}
_DEPLOYMENT = {
    "deployment": ("Ingress", "IRStage", "CodeStage", "Validator", "Engine", "IREngine", "CodeEngine", "FallbackEngine")
}
_TERMS = ("tokens", "requests", "prefill", "busy", "backlog", "guard")

REQUESTS = Metric(
    "lift_requests", "counter", "Requests by how they ended.", {"route": get_args(Route), "outcome": get_args(Outcome)}
)
ANSWER_SECONDS = Metric(
    "lift_answer_seconds",
    "histogram",
    "From a request to its verdict.",
    {"route": get_args(Route), "level": get_args(Level)},
    _LONG_S,
)
STAGE_SECONDS = Metric(
    "lift_stage_seconds",
    "histogram",
    "One call of a stage, from outside.",
    {"stage": (*get_args(Stage), "validate")},
    _LONG_S,
)
TOKENS = Metric(
    "lift_tokens",
    "counter",
    "Tokens. Those of prompts that the prefix cache had are `cached` and not `prompt`.",
    {**_STAGE, "kind": ("prompt", "cached", "completion")},
)
TTFT_SECONDS = Metric("lift_ttft_seconds", "histogram", "From an engine's call to its first token.", _STAGE, _QUICK_S)
TPOT_SECONDS = Metric("lift_tpot_seconds", "histogram", "For each token after the first.", _STAGE, _TOKEN_S)
CANDIDATES = Metric("lift_candidates", "counter", "Variations of code that were written.")
RETRIES = Metric(
    "lift_retries",
    "counter",
    "Calls that were made once more, since a replica died before it answered.",
    {"to": get_args(Part)},
)
ADMITTED = Metric(
    "lift_admission_tokens", "gauge", "Of the requests that an ingress has let in and not answered yet, by estimate."
)
WAITING = Metric("lift_admission_waiting", "gauge", "Requests that wait in an ingress to be let in.")
STREAMS = Metric("lift_streams", "gauge", "Streams that an ingress keeps.", {"state": ("working", "ended")})
JOB_ITEMS = Metric("lift_job_items", "gauge", "Items of jobs in the database, as an ingress sees it.", _QUEUE)
FALLBACKS = Metric(
    "lift_fallbacks",
    "counter",
    "Calls that went over: their pool `failed`, was `full`, or was not asked since its breaker is `open`.",
    {**_STAGE, "why": get_args(Why)},
)
REPAIRS = Metric("lift_repair_rounds", "counter", "Rounds in which rejected code was to be mended.")
INVALID_OUTPUTS = Metric(
    "lift_invalid_outputs",
    "counter",
    "Outputs of a model that were refused. Stays at 0 but for `unusable`, or a grammar does not hold.",
    {**_STAGE, "reason": get_args(Reason)},
)
GRAMMAR_SECONDS = Metric(
    "lift_grammar_seconds",
    "gauge",
    "Until a grammar was compiled and held its first token, when the engine started.",
    {"grammar": (IR_GRAMMAR, CODE, PLANNED_CODE)},
)
ENGINE_REQUESTS = Metric("lift_engine_requests", "gauge", "Sequences that an engine has.", _STATE)
ENGINE_TOKENS = Metric(
    "lift_engine_tokens", "gauge", "Of the KV cache: in use, and in all.", {"kind": ("used", "capacity")}
)
COST = Metric("lift_cost_dollars", "counter", "What an engine's replica has cost since it was ready.")
SANDBOX_TIER = Metric(
    "lift_sandbox_tier", "gauge", "1 for the tier that holds candidates' runs.", {"tier": get_args(Tier)}
)
SANDBOX_RUNS = Metric(
    "lift_sandbox_runs",
    "counter",
    "Runs by how they ended. All but `reported` and `full` went beyond a limit, or were ended by the jail.",
    {"kind": get_args(JobKind), "end": get_args(RunEnd)},
)
SANDBOX_JOBS = Metric("lift_sandbox_jobs", "gauge", "Jobs that a validator has.", _STATE)
SANDBOX_SLOTS = Metric("lift_sandbox_slots", "gauge", "Jobs that can run at once in a validator.")
REPLICAS = Metric(
    "lift_replicas",
    "gauge",
    "Replicas of a deployment, as an ingress sees them.",
    {**_DEPLOYMENT, "state": ("starting", "running", "stopping")},
)
SCALING_TERM = Metric(
    "lift_scaling_term", "gauge", "Replicas that a term of the policy asks for.", {**_DEPLOYMENT, "term": _TERMS}
)
SCALING_TARGET = Metric("lift_scaling_target", "gauge", "Replicas that were decided on.", _DEPLOYMENT)
SCALING_CAUSE = Metric(
    "lift_scaling_cause", "gauge", "1 for why there are so many.", {**_DEPLOYMENT, "cause": get_args(Cause)}
)

METRICS = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
