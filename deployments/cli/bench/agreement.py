"""`lift bench agreement`: whether our load tester and SGLang's say the same of one endpoint."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import typer

from deployments.cli.bench.arguments import command_line, require_ready
from deployments.cli.console import err, fail, out, progress_bars
from deployments.cli.load.run import Target
from loadtest.prompts import Mix
from schemas.figure import Figure, circumstances, index, write_result

_LIMIT_S = 300
_OURS, _THEIRS = "lift load", "sglang bench_serving"


class _Endpoint(NamedTuple):
    url: str
    model: str
    """By the name that the service has for it."""
    tokenizer: Path


def agreement(
    model: Annotated[str, typer.Argument(help="With whose tokenizer the other client counts; `lift model fetch` it.")],
    url: Annotated[str, typer.Option(help="A running service.")] = "http://127.0.0.1:8000",
    rate: Annotated[float, typer.Option(help="Requests a second.", min=0.1)] = 2.0,
    requests: Annotated[int, typer.Option(help="Of each run.", min=2)] = 40,
    rounds: Annotated[int, typer.Option(help="Runs of each client, in turn, each with a seed of its own.", min=1)] = 3,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figure.")] = None,
) -> None:
    """Ask /v1/chat/completions by `lift load --chat` and by `python -m sglang.bench_serving`, in turn.

    Both send the same prompts at the same rate as a Poisson process, each with draws of its own.
    """
    from deployments.models.errors import WeightsMissing
    from deployments.models.weights import locate

    url = url.rstrip("/")
    require_ready(url)
    try:
        endpoint = _Endpoint(url, _served(url), locate(model))
    except WeightsMissing as error:
        fail(str(error))
    rows = []
    with progress_bars() as bars:
        for seed in bars.track(range(1, rounds + 1), description="asking in turn"):
            turns = (_ours, _theirs) if seed % 2 else (_theirs, _ours)
            rows += [turn(endpoint, rate, requests, seed) for turn in turns]
    told = summary(rows)
    out.print(told)
    if record:
        options = {"url": url, "rate": rate, "requests": requests, "rounds": rounds, "record": record}
        command = command_line("lift bench agreement", model, **options)
        write_result(record, told, rows, command)
        value, where = told["latency_ratio"], {"command": command, "data": f"{record}.json", **circumstances()}
        unit = "our median latency over theirs"
        index([Figure(id="load.client_agreement", value=value, unit=unit, goal="0.95 to 1.05", **where)])


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds of each client, and our own over theirs; of each pair too."""
    told: dict[str, Any] = {}
    for name in ("latency", "throughput"):
        key = {"latency": "median_latency_s", "throughput": "answers_per_s"}[name]
        ours, theirs = ([row[key] for row in rows if row["client"] == client] for client in (_OURS, _THEIRS))
        told |= {f"{name}_ours": statistics.median(ours), f"{name}_theirs": statistics.median(theirs)}
        told[f"{name}_ratio"] = round(statistics.median(ours) / statistics.median(theirs), 4)
        told[f"{name}_ratios"] = [round(one / other, 4) for one, other in zip(ours, theirs, strict=True)]
    return told


def _served(url: str) -> str:
    """The name of the model there."""
    told = httpx.get(f"{url}/v1/models", timeout=10).raise_for_status().json()
    return str(told["data"][0]["id"])


def _ours(endpoint: _Endpoint, rate: float, requests: int, seed: int) -> dict[str, Any]:
    asked = {"rate": rate, "seconds": requests / rate, "seed": seed, "chat": endpoint.model, "timeout_s": _LIMIT_S}
    ran = Target(endpoint.url, None, insecure=False, workers=1).run(asked)
    good = [row for row in ran.rows if row["status"] == 200]
    if len(good) < len(ran.rows) or not good:
        fail(f"{_OURS}: {len(ran.rows) - len(good)} of {len(ran.rows)} requests failed: {ran.told['errors']}", 1)
    ended = max(row["due_s"] + row["latency_s"] for row in good) - min(row["due_s"] for row in good)
    latencies = [row["latency_s"] for row in good]
    return _row(_OURS, seed, latencies, len(good) / ended, lag_p99_ms=ran.told["self_check"]["lag_p99_ms"])


def _theirs(endpoint: _Endpoint, rate: float, requests: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        prompts, result = Path(folder) / "prompts.jsonl", Path(folder) / "result.jsonl"
        mix = Mix(seed)
        lines = [{"conversations": [{"value": mix.prompt(n)}, {"value": "some code"}]} for n in range(requests)]
        prompts.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        command = [sys.executable, "-m", "sglang.bench_serving", "--backend", "sglang-oai-chat"]
        command += ["--base-url", endpoint.url, "--model", endpoint.model, "--tokenizer", str(endpoint.tokenizer)]
        command += ["--dataset-name", "custom", "--dataset-path", str(prompts), "--num-prompts", str(requests)]
        command += ["--request-rate", str(rate), "--seed", str(seed), "--output-file", str(result)]
        command += ["--output-details", "--disable-tqdm", "--warmup-requests", "0"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            fail(f"{_THEIRS} did not end within {_LIMIT_S} s", 1)
        if done.returncode or not result.exists():
            err.print(done.stderr[-2_000:], markup=False)
            fail(f"{_THEIRS} ended with {done.returncode}", 1)
        told = json.loads(result.read_text(encoding="utf-8").splitlines()[-1])
    if told["completed"] < requests:
        fail(f"{_THEIRS}: {told['completed']} of {requests} requests were answered: {told['errors'][:1]}", 1)
    row = _row(_THEIRS, seed, told["ttfts"], told["request_throughput"])
    # It keeps no latency of each request, only of each first text, and ours comes whole.
    return {**row, "median_latency_s": round(told["median_e2e_latency_ms"] / 1_000, 4)}


def _row(client: str, seed: int, seconds: list[float], per_s: float, **more: float) -> dict[str, Any]:
    kept = [round(one, 4) for one in seconds]
    median = round(statistics.median(kept), 4)
    row = {"client": client, "seed": seed, "median_latency_s": median, "answers_per_s": round(per_s, 4)}
    return {**row, "seconds": kept, **more}
