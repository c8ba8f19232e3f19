"""`lift fit`: whether a model fits a GPU, and what to take if it does not."""

import json as json_text
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import typer
from rich.table import Column, Table

from deployments.cli.console import REJECTED, fail, out
from deployments.fit import gpus
from deployments.fit.advice import alternatives
from deployments.fit.errors import FitProblem
from deployments.fit.fit import CONCURRENT, CONTEXT_TOKENS, MEMORY_FRACTION, Fit, Plan, gb
from deployments.fit.fit import fit as decide
from deployments.fit.precision import QUANTISED, Precision, precision_of
from deployments.fit.shapes import Shape, read, shape_of
from deployments.models.errors import WeightsProblem

_KV_BYTES = {"auto": None, "fp8_e4m3": 1, "fp8_e5m2": 1}


def fit(
    model: Annotated[str, typer.Argument(help="A folder with a config.json, or a hub id, of which only that is got.")],
    gpu: Annotated[str, typer.Option(help="A name of cluster/gpus.yaml, such as `A100-80G`.")],
    tp: Annotated[int, typer.Option(help="GPUs that share the model.", min=1, max=16)] = 1,
    quant: Annotated[str | None, typer.Option(help=f"{', '.join(QUANTISED)}. Default: as the weights are.")] = None,
    context: Annotated[int, typer.Option(help="Tokens of a request with its answer.", min=16)] = CONTEXT_TOKENS,
    concurrent: Annotated[int, typer.Option(help="Requests at once.", min=1)] = CONCURRENT,
    kv_dtype: Annotated[Literal["auto", "fp8_e4m3", "fp8_e5m2"], typer.Option(help="Of the KV cache.")] = "auto",
    memory_fraction: Annotated[
        float, typer.Option(help="Of the memory, for weights and KV cache.", min=0.05, max=0.99)
    ] = MEMORY_FRACTION,
    json: Annotated[bool, typer.Option("--json", help="The decision as JSON.")] = False,
) -> None:
    """Compute from a model's config.json whether it fits a GPU with its KV cache. Exit code 1: it does not.

    `lift fit Qwen/Qwen3-Coder-30B-A3B-Instruct --gpu A100-80G`
    """
    try:
        config = _config(model)
        shape, precision = shape_of(config), precision_of(config, quant)
        plan = Plan(gpus.named(gpu), tp, precision, context, concurrent, memory_fraction, _KV_BYTES[kv_dtype])
        found = decide(shape, plan)
    except (FitProblem, WeightsProblem) as problem:
        fail(str(problem))
    others = [] if found.fits else alternatives(shape, plan)
    if json:
        typer.echo(json_text.dumps(_data(shape, plan, found, others), indent=2))
    else:
        _show(shape, plan, found)
        _advise(plan, others)
        _remark(found, [plan, *others], stored=precision_of(config))
    if not found.fits:
        raise typer.Exit(REJECTED)


def _config(model: str) -> Mapping[str, Any]:
    from deployments.models.weights import config_file

    return read(config_file(model))


def _show(shape: Shape, plan: Plan, found: Fit) -> None:
    size = f"{shape.parameters / 1e9:.1f} B parameters in {plan.precision.name}"
    _say(f"{shape.architecture}, {size}, on {_where(plan)}")
    table = Table("of each GPU", Column("size", justify="right"), Column("", overflow="fold"), box=None)
    for row in _rows(plan, found):
        table.add_row(*row)
    out.print(table)
    _say(f"{'[bold green]fits[/]' if found.fits else '[bold red]does not fit[/]'}: {found.why}")


def _rows(plan: Plan, found: Fit) -> list[tuple[str, str, str]]:
    cache_bytes = found.cache_tokens * found.kv_bytes_per_token
    return [
        ("memory", gb(found.memory_bytes), f"{plan.gpu.memory_mib:,} MiB, as the driver says"),
        ("weights", gb(found.weights_bytes), plan.precision.name),
        ("reserve", gb(found.reserve_bytes), f"CUDA, activations, graphs; memory_fraction {plan.memory_fraction}"),
        ("KV cache", gb(cache_bytes), f"{found.cache_tokens:,} tokens of {found.kv_bytes_per_token:,} bytes"),
        ("requests", f"{found.requests}", f"at once, of {plan.context_tokens:,} tokens each"),
    ]


def _advise(plan: Plan, others: Sequence[Plan]) -> None:
    for other in others:
        _say(f"would fit: {_change(plan, other)} ({_where(other)})")


def _remark(found: Fit, plans: Sequence[Plan], stored: Precision) -> None:
    """What is to be known of quantised weights before they are chosen."""
    if found.note:
        _say(f"note: {found.note}")
    if not stored.quantised and any(plan.precision.quantised for plan in plans):
        _say(
            f"note: a quantisation needs weights stored so, and these are {stored.name}; SGLang itself can make fp8 of "
            f"them, once it has loaded all of them as {stored.name}"
        )


def _change(plan: Plan, other: Plan) -> str:
    """The options by which the second plan differs from the first."""
    options = {
        "--gpu": (plan.gpu.name, other.gpu.name),
        "--tp": (plan.tensor_parallel, other.tensor_parallel),
        "--quant": (plan.precision.name, other.precision.name),
        "--context": (plan.context_tokens, other.context_tokens),
    }
    return " ".join(f"{name} {new}" for name, (old, new) in options.items() if new != old)


def _where(plan: Plan) -> str:
    """With the list price of cluster/gpus.yaml."""
    return f"{plan.where}, ${plan.usd_per_hour:.2f} an hour"


def _say(line: str) -> None:
    out.print(line, highlight=False, soft_wrap=True)


def _data(shape: Shape, plan: Plan, found: Fit, others: Sequence[Plan]) -> dict[str, Any]:
    return {
        "architecture": shape.architecture,
        "parameters": shape.parameters,
        **_plan_data(plan),
        **asdict(found),
        "would_fit": [{"change": _change(plan, other), **_plan_data(other)} for other in others],
    }


def _plan_data(plan: Plan) -> dict[str, Any]:
    return {
        "gpu": plan.gpu.name,
        "tensor_parallel": plan.tensor_parallel,
        "precision": plan.precision.name,
        "context_tokens": plan.context_tokens,
        "concurrent": plan.concurrent,
        "memory_fraction": plan.memory_fraction,
        "usd_per_hour": round(plan.usd_per_hour, 3),
    }
