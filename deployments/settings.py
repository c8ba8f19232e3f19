"""What a Serve config may say under `args:`. A misspelt key or an amount out of range fails the deploy by name.

Replicas, resources and concurrency are Serve's own and stand beside, under `deployments:`.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from deployments.fit.errors import UnknownGpu
from deployments.fit.gpus import named
from lift_sys.framings import FRAMINGS
from lift_sys.pipeline import Effort
from lift_sys.validation.selection import POLICIES


def _among(kind: str, names: Collection[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"no {kind} is called {name!r}; there are {', '.join(names)}")
        return name

    return AfterValidator(check)


def _gpu(name: str) -> str:
    try:
        return named(name).name
    except UnknownGpu as error:
        raise ValueError(str(error)) from None


FramingName = Annotated[str, _among("framing", FRAMINGS)]
PolicyName = Annotated[str, _among("policy", POLICIES)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Tokens = Annotated[int, Field(ge=16, le=1_048_576)]
Attempts = Annotated[int, Field(ge=1, le=8)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSettings(_Strict):
    kind: Literal["sglang", "scripted"] = "sglang"
    """`scripted` answers without a model, for tests of the plumbing."""
    scripted_delay_s: Annotated[float, Field(ge=0, le=3_600)] = 0.0
    """How long the scripted engine takes for an answer."""
    scripted_places: Annotated[int, Field(ge=1, le=1_024)] = 1_024
    """Answers that the scripted engine is at work on at once; others wait."""
    scripted_cut: bool = False
    """Whether the scripted engine cuts its answers short, as one without a bound would."""
    model: str = Field(default="Qwen/Qwen2.5-Coder-1.5B-Instruct", min_length=1)
    """A hub id whose weights are on this machine (`lift model fetch`), or a folder."""
    device: Literal["cpu", "cuda"] = "cpu"
    tensor_parallel: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of one replica; must equal the deployment's `num_gpus`."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    context_tokens: Tokens = 8_192
    memory_fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of the device's memory, for weights and KV cache. Default: SGLang's."""
    max_cached_tokens: Tokens | None = None
    """Size of the KV cache. Default: what the memory fraction leaves."""
    max_running_requests: Annotated[int, Field(ge=1, le=4_096)] | None = None
    attention_backend: str | None = None
    """Default: `torch_native` on a CPU, SGLang's choice on a GPU."""
    grammar_backend: Literal["xgrammar", "llguidance"] = "xgrammar"
    """Both pass `lift grammar prove`; docs/results/grammar.md says which is faster where."""
    gpu: Annotated[str, AfterValidator(_gpu)] | None = None
    """Which GPU of cluster/gpus.yaml it is, for its price. Default: none, and a replica costs nothing."""
    load_format: Literal["auto", "dummy"] = "auto"
    """`dummy`: random weights in the model's true size, to measure speed and to try the grammars with noise."""
    quantization: str | None = None
    """Such as `fp8` or `awq`. Default: as the weights are."""
    speculative_algorithm: Literal["NGRAM", "EAGLE", "EAGLE3", "STANDALONE"] | None = None
    speculative_draft_model: str | None = None
    head_start: bool = False
    """Whether a server imports libraries for the engine's processes while the replica does (`processes.py`).

    Saves seconds of a start; a scheduler that dies is then noticed by a probe only, after its whole time limit.
    """
    threads: Annotated[int, Field(ge=1, le=512)] | None = None
    """Of the CPU engine. Default: one a core."""
    sglang: dict[str, JsonValue] = {}
    """Further arguments of SGLang, by their names in its `ServerArgs`. They give way to those above."""

    @property
    def usd_per_hour(self) -> float:
        """Of one replica."""
        return named(self.gpu).usd_per_hour * self.tensor_parallel if self.gpu else 0.0


class UpstreamSettings(_Strict):
    base_url: Annotated[str, Field(pattern=r"^https?://[^?#\s]+$")]
    """Of an OpenAI-compatible API, such as `https://api.example.com/v1`. What is asked leaves this cluster."""
    model: str = Field(min_length=1)
    key_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The environment variable that holds the key, where the stages run. Default: none is sent."""
    timeout_s: Seconds = 120.0


class FallbackSettings(_Strict):
    """Another model for when the deployment's own cannot write: one of ours, or somebody's."""

    engine: EngineSettings | None = None
    """On a deployment `FallbackEngine` of its own."""
    upstream: UpstreamSettings | None = None
    after_s: Seconds = 60.0
    """A call that takes longer than this goes over to the fallback."""
    failures: Annotated[int, Field(ge=1, le=1_000)] = 3
    """So many in a row, and calls go to the fallback at once."""
    open_s: Seconds = 15.0
    """Then one call tries the deployment's own again."""

    @model_validator(mode="after")
    def _is_one(self) -> "FallbackSettings":
        if (self.engine is None) == (self.upstream is None):
            raise ValueError("a fallback is either an `engine` or an `upstream`")
        return self

    @property
    def model(self) -> str:
        one = self.engine or self.upstream
        assert one
        return one.model


class IRSettings(_Strict):
    max_tokens: Tokens = 3_500
    """At least the grammar's worst case (`lift grammar bound`), or the engine refuses to start."""
    max_attempts: Attempts = 2


class CodeSettings(_Strict):
    n: Annotated[int, Field(ge=1, le=64)] = 8
    """Variations that a request gets at most, unless it says otherwise."""
    first: Annotated[int, Field(ge=1, le=64)] = 4
    """Of them in the first wave. Where those settle the verdict, no others are asked for."""
    max_n: Annotated[int, Field(ge=1, le=64)] = 64
    """The most variations a request may ask for."""
    mix: dict[FramingName, Annotated[int, Field(ge=1, le=64)]] = {
        "stub": 4, "script": 1, "complete": 1, "simple": 2, "lead": 1,
    }  # fmt: skip
    """Ways of asking (`lift_sys/framings.py`) and their weights: in these proportions variations are asked for."""
    temperature: Temperature = 0.7
    later_temperature: Temperature = 1.0
    """Of the later waves, which are asked for where the first one does not agree: there, variety is worth more."""
    max_tokens: Tokens = 512
    """Of one variation, its plan and the closing fence included."""
    plan_tokens: Annotated[int, Field(ge=0, le=4_096)] = 0
    """How long a plan may be in the framing `planned`."""

    @model_validator(mode="after")
    def _can_always_ask(self) -> "CodeSettings":
        if not any(FRAMINGS[name].suits_all for name in self.mix):
            suit = ", ".join(name for name, framing in FRAMINGS.items() if framing.suits_all)
            raise ValueError(f"mix has nothing for requests that are no code: it needs one of {suit}")
        if ("planned" in self.mix) != (self.plan_tokens > 0):
            raise ValueError("plan_tokens and the framing `planned` in mix need each other")
        if self.plan_tokens >= self.max_tokens - 16:
            raise ValueError(
                f"plan_tokens is {self.plan_tokens}, which leaves no code in max_tokens, {self.max_tokens}"
            )
        return self


class ValidatorSettings(_Strict):
    policy: PolicyName = "soft"
    """How the best of several variations is chosen (`lift_sys/validation/selection.py`)."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 2
    """Sandboxes that run at once in one replica."""
    call_s: Seconds = 1.0
    run_s: Seconds = 10.0
    memory_bytes: Annotated[int, Field(ge=64 * 2**20, le=64 * 2**30)] = 512 * 2**20
    budget_s: Seconds = 120.0
    """CPU time of all runs of one request. What is left undone then counts as not passed."""
    max_waiting: Annotated[int, Field(ge=1, le=1_000_000)] = 4_096
    """Runs that wait for a sandbox in one replica; beyond them a request is answered 429."""
    allow_weak_sandbox: bool = False
    """Run code even where nothing holds it but limits on time and memory. For development only."""


class ApiSettings(_Strict):
    default_timeout_s: Seconds = 600.0
    max_timeout_s: Seconds = 1_800.0
    max_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 2**20)] = 2**20


class AdmissionSettings(_Strict):
    """Of each ingress. What is inside or waits also takes a place of its `max_ongoing_requests`."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000_000)] = 65_536
    """Of the requests that are inside at once, by estimate: what keeps the engines busy, and not much more."""
    max_waiting: Annotated[int, Field(ge=0, le=100_000)] = 256
    """Requests that wait to be let in. Of `batch` half as many."""
    max_wait_s: Seconds = 30.0
    """Who is likely to wait longer is answered 429 at once."""


class TracingSettings(_Strict):
    """Whether there are traces at all, Serve's `tracing_config` says."""

    content: bool = False
    """Whether prompts and code are part of them."""


class Settings(_Strict):
    engine: EngineSettings = EngineSettings()
    pools: Literal["shared", "per_stage"] = "shared"
    """`shared`: one deployment `Engine` serves both model stages. `per_stage`: `IREngine` and `CodeEngine`."""
    fallback: FallbackSettings | None = None
    ir: IRSettings = IRSettings()
    code: CodeSettings = CodeSettings()
    validator: ValidatorSettings = ValidatorSettings()
    api: ApiSettings = ApiSettings()
    admission: AdmissionSettings = AdmissionSettings()
    tracing: TracingSettings = TracingSettings()
    repairs: Annotated[int, Field(ge=0, le=8)] = 1
    """Rounds in which a model is to mend the best of variations that were all rejected, told what was wrong."""

    def effort(self, n: int | None) -> Effort:
        """For a request that asks for `n` variations."""
        wanted = n or self.code.n
        return Effort(wanted, min(self.code.first, wanted), self.repairs, min(wanted, self.code.first))
