"""The profile of Qwen3-Coder-30B-A3B on one H100, read from docs/results."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lift_sys.simulation.profile import Call, Kind, Profile

RESULTS = Path(__file__).parents[2] / "docs" / "results"
_IR_TOKENS = 188
"""Of the README's answer. The result files count IR and code together: 436 where the code took a single wave."""
_WAVE = 4
_MOST_NOISE_BATCH = 160


def h100_moe(results: Path = RESULTS) -> Profile:
    """Speed, cache and cold start are of that model with random weights, requests those of the evaluations with 1.5B.

    Raises `OSError` or `KeyError` where a file of docs/results is missing or is another's.
    """
    start = _read(results / "gpu" / "start_h100.json")
    graph = [row for row in _read(results / "overhead.json")["rows"] if row["service"] == "production"]
    evaluations = [_read(results / "eval" / f"{name}.15b.json")["rows"] for name in ("he", "mbpp")]
    return Profile(
        name="qwen3-coder-30b-a3b",
        gpu="H100",
        step_s=_steps(results / "gpu"),
        prefill_s_per_token=_prefill(_read(results / "gpu" / "branches_true_size.json")["summary"]),
        max_running=start["engine"]["max_running_requests"],
        capacity_tokens=start["summary"]["memory"]["tokens"],
        cold_start_s=tuple(row["total_s"] for row in start["rows"]),
        kinds=tuple(_kind(row) for rows in evaluations for row in rows if row["arm"] == "service"),
        # One variation, one sandbox: a wave has as many sandboxes as variations (cluster/serve.yaml).
        validate_s=tuple(row["validate_ms"] / 1_000 for row in graph),
        overhead_s=tuple(row["graph_ms"] / 1_000 for row in graph),
    )


def _steps(gpu: Path) -> dict[int, float]:
    """With our grammars. In the run of the largest batch prompts were read too, so it is rather too slow."""
    rows = [row for row in _read(gpu / "grammar_cost.json")["rows"] if row["arm"] != "free"]
    batches = sorted({row["concurrency"] for row in rows})
    noise = [row for row in _read(gpu / "grammar_noise.json")["rows"] if row["tokens"] > 1]
    return {
        batch: statistics.median(row["ms_per_token"] for row in rows if row["concurrency"] == batch) / 1_000
        for batch in batches
    } | {_MOST_NOISE_BATCH: statistics.median(row["seconds"] / row["tokens"] for row in noise)}


def _prefill(summary: Mapping[str, Mapping[str, float]], n: int = 16, prompt_tokens: int = 2_048) -> float:
    """Prompts of their own cost this more than a shared one."""
    more_s = summary[f"separate_{n}"]["seconds"] - summary[f"shared_{n}"]["seconds"]
    return more_s / ((n - 1) * prompt_tokens)


def _kind(row: Mapping[str, Any]) -> Kind:
    """An answer's tokens, shared out among its calls."""
    waves = row["samples"] // _WAVE
    prompt = row["prompt_tokens"] / (1 + row["samples"])
    uncached = (row["prompt_tokens"] - row["cached_tokens"]) / (1 + waves)
    written = max(_WAVE, (row["completion_tokens"] - _IR_TOKENS) / row["samples"])

    def call(sequences: int, tokens: float) -> Call:
        kv_tokens = sequences * (prompt + tokens)
        return Call(sequences=sequences, tokens=tokens, uncached_tokens=uncached, kv_tokens=kv_tokens)

    return Kind(ir=call(1, _IR_TOKENS), wave=call(_WAVE, written), waves=waves)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def mean_call_sequences(kinds: Sequence[Kind]) -> float:
    """Sequences of a call that runs, weighed by the tokens it takes: what a limit on sequences is in calls."""
    tokens = sum(kind.tokens for kind in kinds)
    return tokens / sum(kind.depth_tokens for kind in kinds)
