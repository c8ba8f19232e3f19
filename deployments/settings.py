"""What a Serve config may say under `args:`. A misspelt key or an amount out of range fails the deploy by name.

Replicas, resources and concurrency are Serve's own and stand beside, under `deployments:`.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from deployments.fit.errors import UnknownGpu
from deployments.fit.gpus import named
from deployments.security.keys import Quota
from lift_sys.framings import FRAMINGS
from lift_sys.pipeline import Effort
from lift_sys.validation.selection import POLICIES
from schemas.jobs import MOST_ITEMS


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


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} is relative, and a replica runs in a folder of Ray's; write it from / on")
    return path


Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
HostName = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")]
FramingName = Annotated[str, _among("framing", FRAMINGS)]
PolicyName = Annotated[str, _among("policy", POLICIES)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Tokens = Annotated[int, Field(ge=16, le=1_048_576)]
Attempts = Annotated[int, Field(ge=1, le=8)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]


def _largest(sizes: JsonValue) -> int | None:
    """Of batches, by a list or by one number; None where it is neither, of which SGLang tells."""
    found = [size for size in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(size, int)]
    return max(found, default=None)


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
    load_format: Literal["auto", "fastsafetensors", "dummy"] = "auto"
    """`fastsafetensors`: whole files at once into a GPU's memory, which needs room for one beside the weights.

    `dummy`: random weights in the model's true size, to measure speed and to try the grammars with noise.
    """
    quantization: str | None = None
    """Such as `fp8` or `awq`. Default: as the weights are."""
    speculative_algorithm: Literal["NGRAM", "EAGLE", "EAGLE3", "STANDALONE"] | None = None
    speculative_draft_model: str | None = None
    head_start: bool = True
    """Whether a server imports libraries for the engine's processes while the replica does (`processes.py`).

    Saves seconds of a start, for half a gigabyte of memory.
    """
    threads: Annotated[int, Field(ge=1, le=512)] | None = None
    """Of the CPU engine. Default: one a core."""
    sglang: dict[str, JsonValue] = {}
    """Further arguments of SGLang, by their names in its `ServerArgs`. They give way to those above."""

    @model_validator(mode="after")
    def _captures_what_runs(self) -> "EngineSettings":
        captured = _largest(self.sglang.get("cuda_graph_bs_decode") or self.sglang.get("cuda_graph_max_bs_decode"))
        if captured and self.max_running_requests and self.max_running_requests > captured:
            raise ValueError(
                f"max_running_requests is {self.max_running_requests}, and CUDA graphs are captured for up to "
                f"{captured} of them: larger batches would run without. Leave cuda_graph_…_decode out of `sglang`, and "
                "all are captured"
            )
        return self

    @model_validator(mode="after")
    def _reads_where_it_runs(self) -> "EngineSettings":
        if self.load_format == "fastsafetensors" and self.device == "cpu":
            raise ValueError("load_format is fastsafetensors, which reads into a GPU, and device is cpu: take auto")
        return self

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
    """Another model for when the deployment's own cannot write, or for short prompts: one of ours, or somebody's."""

    engine: EngineSettings | None = None
    """On a deployment `FallbackEngine` of its own."""
    upstream: UpstreamSettings | None = None
    after_s: Seconds = 60.0
    """A call that takes longer than this goes over to the fallback."""
    failures: Annotated[int, Field(ge=1, le=1_000)] = 3
    """So many in a row, and calls go to the fallback at once."""
    open_s: Seconds = 15.0
    """Then one call tries the deployment's own again."""
    short_tokens: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    """Prompts up to so many tokens, samples included, go to the fallback first; in need to the deployment's own."""

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
    stream_kept_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long a stream without a reader can be resumed. Its work goes on for that time, and is cancelled then."""
    stream_ping_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long a stream is silent before it says so. Proxies end a connection on which nothing passes for long."""
    streams_kept: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Streams at most that an ingress keeps. Beyond them the one that was left by its reader first is dropped."""
    body_timeout_s: Seconds = 30.0
    """For a body to come to its end."""
    max_header_bytes: Annotated[int, Field(ge=1_024, le=2**20)] = 32_768
    keys_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    """Who may call (`lift keys`). Without it, only this machine is served. Read again when it changes."""
    allow_anonymous: bool = False
    """Serve everybody without a key, all but `/admin`. For a service behind another one that knows who calls."""
    quota: Quota = Quota()
    """Of each caller whose key says nothing else. Null: no limit."""
    quota_store: Annotated[str, Field(pattern=r"^(memory://|rediss?://\S+)$")] = "memory://"
    """Where requests and tokens are counted. A Redis counts for several ingresses together. Requests at once each
    ingress counts for itself, in either case: with two of them, a caller may have twice as many."""
    cors_origins: Annotated[tuple[Origin, ...], Field(max_length=64)] = ()
    """Whose web pages may call, such as `https://app.example.com`. Default: none but the service's own."""
    hosts: Annotated[tuple[HostName, ...], Field(max_length=64)] = ()
    """Names in the header `Host` that are served. Default: all; without keys only addresses and names with no dot."""

    @model_validator(mode="after")
    def _lets_in_who_is_meant(self) -> "ApiSettings":
        if self.keys_file and self.allow_anonymous:
            raise ValueError("keys_file and allow_anonymous exclude each other: leave one of them out")
        return self


class JobsSettings(_Strict):
    database: Annotated[str, Field(min_length=1)] | None = None
    """A file for SQLite, such as `~/.local/state/lift-sys/jobs.sqlite`, for ingresses on one machine; or the URL of a
    Postgres, as `postgresql://user@host/lift`, whose password libpq finds (PGPASSWORD, ~/.pgpass)."""
    database_env: str | None = None
    """The environment variable that holds the above, where it is a secret."""
    concurrency: Annotated[int, Field(ge=1, le=1_024)] = 4
    """Items of jobs that one ingress has in work at once."""
    lease_s: Annotated[float, Field(ge=0.5, le=3_600)] = 30.0
    """After so long without a sign of its ingress, an item is done by another."""
    most_attempts: Annotated[int, Field(ge=1, le=100)] = 8
    """At one item, before it ends with the problem of the last one. An overload is waited out, and does not count."""
    keep_s: Annotated[float, Field(ge=1, le=366 * 86_400)] = 7 * 86_400.0
    """For how long results are kept after a job's end."""
    keep_keys_s: Annotated[float, Field(ge=1, le=366 * 86_400)] = 86_400.0
    """For how long the answer to an idempotency key is kept."""
    most_items: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 1_000
    """Of one job."""
    most_queued: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Items of all jobs that wait; beyond them a job is answered 429."""
    webhook_secret_env: str | None = None
    """The environment variable with the secret that webhooks are signed with (`whsec_…`), or with several and spaces
    between them while they are changed. Without one, jobs with a webhook are refused."""
    webhook_private: bool = False
    """Whether a webhook may be on an address that is not public, such as one of this machine or its network."""
    webhook_attempts: Annotated[int, Field(ge=1, le=30)] = 12
    """Until a webhook has failed. With this many, the last one comes after an hour or so."""
    webhook_timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0

    @model_validator(mode="after")
    def _has_one_database(self) -> "JobsSettings":
        if (self.database is None) == (self.database_env is None):
            raise ValueError("say where jobs are kept: in `database`, or in the variable that `database_env` names")
        return self


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
    model_stages: Literal["deployed", "ingress"] = "deployed"
    """`deployed`: each as a deployment, `IRStage` and `CodeStage`. `ingress`: both within each ingress, which saves two
    of the five calls between processes that a request takes (docs/decisions/0013)."""
    fallback: FallbackSettings | None = None
    ir: IRSettings = IRSettings()
    code: CodeSettings = CodeSettings()
    validator: ValidatorSettings = ValidatorSettings()
    api: ApiSettings = ApiSettings()
    admission: AdmissionSettings = AdmissionSettings()
    tracing: TracingSettings = TracingSettings()
    jobs: JobsSettings | None = None
    """Jobs and idempotency keys. Default: there are none."""
    repairs: Annotated[int, Field(ge=0, le=8)] = 1
    """Rounds in which a model is to mend the best of variations that were all rejected, told what was wrong."""

    def effort(self, n: int | None) -> Effort:
        """For a request that asks for `n` variations."""
        wanted = n or self.code.n
        return Effort(wanted, min(self.code.first, wanted), self.repairs, min(wanted, self.code.first))
