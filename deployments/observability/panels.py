"""What the dashboards show: each panel a title and queries. `$__rate_interval` is Grafana's."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.observability.objectives import ANSWER_S, OBJECTIVES


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    """In Grafana's words; `bool` is drawn as bars of yes and no."""
    queries: Mapping[str, str]
    """PromQL by its legend."""
    width: int = 12
    """Of 24 columns."""
    says: str = ""


@dataclass(frozen=True)
class Board:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def _quantiles(series: str, by: str, labels: str = "") -> dict[str, str]:
    rate = f"sum by ({by}, le) (rate({series}_bucket{{{labels}}}[$__rate_interval]))"
    return {f"p{100 * q:g} {{{{{by}}}}}": f"histogram_quantile({q}, {rate})" for q in (0.5, 0.99)}


def _rate(series: str, by: str) -> str:
    return f"sum by ({by}) (rate({series}[$__rate_interval]))"


_GOOD = (
    "sum(rate(ray_lift_answer_seconds_bucket"
    f'{{route="lift",level=~"verified|likely",le="{ANSWER_S}"}}[$__rate_interval]))'
)
_COST = "sum(rate(ray_lift_cost_dollars_total[$__rate_interval]))"
_VERIFIED = 'sum(rate(ray_lift_answer_seconds_count{route="lift",level="verified"}[$__rate_interval]))'
_ANSWERS = 'sum(rate(ray_lift_answer_seconds_count{route="lift"}[$__rate_interval]))'
_READ = 'sum by (stage) (rate(ray_lift_tokens_total{kind=~"prompt|cached"}[$__rate_interval]))'
_CACHED = 'sum by (stage) (rate(ray_lift_tokens_total{kind="cached"}[$__rate_interval]))'

OVERVIEW = Board(
    "lift-overview",
    "lift: overview",
    (
        Panel(
            "Validated goodput",
            "reqps",
            {"verified or likely in time": _GOOD, "all answers": _ANSWERS},
            says=f"Answers a second whose code passed, and that came within {ANSWER_S:g} s.",
        ),
        Panel(
            "Requests by outcome",
            "reqps",
            {"{{route}} {{outcome}}": _rate("ray_lift_requests_total", "route, outcome")},
        ),
        Panel("Verdicts", "reqps", {"{{level}}": _rate('ray_lift_answer_seconds_count{route="lift"}', "level")}),
        Panel("Time to answer", "s", _quantiles("ray_lift_answer_seconds", "route")),
        Panel("Stages", "s", _quantiles("ray_lift_stage_seconds", "stage")),
        Panel(
            "Objectives: share of the budget that burns, 1 hour",
            "x",
            {o.title: f"{o.recorded('1h')} / {o.budget:g}" for o in OBJECTIVES},
            says="Above 1, a budget of 30 days is gone before they are. From 14.4 on somebody is paged.",
        ),
        Panel(
            "Variations and repairs",
            "cps",
            {
                "variations": "sum(rate(ray_lift_candidates_total[$__rate_interval]))",
                "repair rounds": "sum(rate(ray_lift_repair_rounds_total[$__rate_interval]))",
            },
        ),
        Panel(
            "Invalid outputs", "cps", {"{{stage}} {{reason}}": _rate("ray_lift_invalid_outputs_total", "stage, reason")}
        ),
    ),
)
ENGINE = Board(
    "lift-engine",
    "lift: engine",
    (
        Panel(
            "Sequences", "short", {"{{deployment}} {{state}}": "sum by (deployment, state) (ray_lift_engine_requests)"}
        ),
        Panel(
            "KV cache in use",
            "percentunit",
            {
                "{{deployment}}": 'sum by (deployment) (ray_lift_engine_tokens{kind="used"})'
                ' / sum by (deployment) (ray_lift_engine_tokens{kind="capacity"})'
            },
        ),
        Panel("Tokens", "cps", {"{{stage}} {{kind}}": _rate("ray_lift_tokens_total", "stage, kind")}),
        Panel(
            "Prompt tokens that the prefix cache had",
            "percentunit",
            {"{{stage}}": f"{_CACHED} / ({_READ} > 0)"},
        ),
        Panel("Time to first token", "s", _quantiles("ray_lift_ttft_seconds", "stage")),
        Panel("Time for each further token", "s", _quantiles("ray_lift_tpot_seconds", "stage")),
        Panel(
            "Grammars at the last start",
            "s",
            {"{{grammar}}": "max by (grammar) (ray_lift_grammar_seconds)"},
            says="Until each was compiled and had held a token.",
        ),
        Panel(
            "Requests that wait for a replica",
            "short",
            {"{{deployment}}": "sum by (deployment) (ray_serve_deployment_queued_queries)"},
        ),
    ),
)
INGRESS = Board(
    "lift-ingress",
    "lift: ingress",
    (
        Panel(
            "Tokens inside, by estimate",
            "short",
            {"{{replica}}": "sum by (replica) (ray_lift_admission_tokens)"},
            says="Of the requests that an ingress has let in; `admission.max_tokens` is the most.",
        ),
        Panel(
            "Requests that wait to be let in",
            "short",
            {"{{replica}}": "sum by (replica) (ray_lift_admission_waiting)"},
        ),
        Panel(
            "Calls made once more, since a replica died",
            "cps",
            {"{{to}}": _rate("ray_lift_retries_total", "to")},
        ),
        Panel(
            "Calls that went over to the other pool",
            "cps",
            {"{{stage}} {{why}}": _rate("ray_lift_fallbacks_total", "stage, why")},
            says="`open`: the breaker is, and the pool was not asked. `failed`, `full`: it was, in vain.",
        ),
        Panel("Streams", "short", {"{{state}}": "sum by (state) (ray_lift_streams)"}),
        Panel(
            "Items of jobs",
            "short",
            {"{{state}}": "max by (state) (ray_lift_job_items)"},
            says="In the database, which all ingresses share.",
        ),
    ),
)
AUTOSCALING = Board(
    "lift-autoscaling",
    "lift: autoscaling",
    (
        Panel(
            "Why so many: what each term asks for, and what was decided",
            "short",
            {
                "{{deployment}} {{term}}": "max by (deployment, term) (ray_lift_scaling_term)",
                "{{deployment}} decided": "max by (deployment) (ray_lift_scaling_target)",
            },
            24,
            "The largest term decides. docs/runbook.md explains them.",
        ),
        Panel(
            "Replicas by state",
            "short",
            {"{{deployment}} {{state}}": "max by (deployment, state) (ray_lift_replicas) > 0"},
        ),
        Panel(
            "Target by Ray",
            "short",
            {"{{deployment}}": "max by (deployment) (ray_serve_autoscaling_target_replicas)"},
        ),
        Panel(
            "Cause of the last decision",
            "bool",
            {"{{deployment}} {{cause}}": "max by (deployment, cause) (ray_lift_scaling_cause)"},
        ),
        Panel(
            "Requests in replicas",
            "short",
            {"{{deployment}}": "sum by (deployment) (ray_serve_replica_processing_queries)"},
        ),
        Panel(
            "Time until a replica is ready",
            "ms",
            {
                "p99 {{deployment}}": "histogram_quantile(0.99, sum by (deployment, le)"
                " (ray_serve_replica_startup_latency_ms_bucket))"
            },
        ),
    ),
)
VALIDATOR = Board(
    "lift-validator",
    "lift: validator",
    (
        Panel("Jail", "bool", {"{{tier}}": "max by (tier) (ray_lift_sandbox_tier)"}),
        Panel(
            "Sandboxes that run, and jobs that wait",
            "short",
            {
                "{{state}}": "sum by (state) (ray_lift_sandbox_jobs)",
                "sandboxes": "sum(ray_lift_sandbox_slots)",
            },
        ),
        Panel("Runs", "cps", {"{{kind}}": _rate("ray_lift_sandbox_runs_total", "kind")}),
        Panel(
            "Runs that went beyond a limit, or forged a report",
            "cps",
            {"{{end}}": _rate('ray_lift_sandbox_runs_total{end!="reported"}', "end")},
        ),
        Panel("Time of a validation", "s", _quantiles("ray_lift_stage_seconds", "stage", 'stage="validate"')),
        Panel(
            "Verdicts on code that was brought",
            "reqps",
            {
                "{{level}}": _rate('ray_lift_answer_seconds_count{route="validate"}', "level"),
            },
        ),
    ),
)
COST = Board(
    "lift-cost",
    "lift: cost",
    (
        Panel(
            "Dollars an hour",
            "currencyUSD",
            {"{{deployment}}": f"3600 * {_rate('ray_lift_cost_dollars_total', 'deployment')}"},
        ),
        Panel("Dollars a verified answer", "currencyUSD", {"a verified answer": f"{_COST} / ({_VERIFIED} > 0)"}),
        Panel("Dollars an answer", "currencyUSD", {"an answer": f"{_COST} / ({_ANSWERS} > 0)"}),
        Panel(
            "Dollars a million tokens written",
            "currencyUSD",
            {
                "a million": f"1e6 * {_COST} / (sum(rate(ray_lift_tokens_total"
                '{kind="completion"}[$__rate_interval])) > 0)'
            },
        ),
    ),
)
BOARDS = (OVERVIEW, INGRESS, ENGINE, AUTOSCALING, VALIDATOR, COST)
