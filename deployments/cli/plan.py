"""`lift plan`: how many replicas a load needs, and what they cost."""

import json as json_text
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from deployments.cli.console import err, fail, out
from deployments.fit import gpus
from deployments.fit.errors import UnknownGpu
from deployments.fit.gpus import Gpu
from deployments.simulation.study import MEASURED, NotAnswerable, profile_named
from lift_sys.simulation.outcome import Objective
from lift_sys.simulation.plan import Impossible, Plan
from lift_sys.simulation.plan import plan as decide

if TYPE_CHECKING:
    from lift_sys.simulation.profile import Profile

_LIMITS = {
    "tokens": "a replica writes as many tokens as it can",
    "time": "in a larger batch the slowest requests would take longer than they may",
    "cache": "the KV cache holds no more sequences",
    "sequences": "max_running_requests lets no more sequences in",
}


def plan(
    rps: Annotated[float, typer.Option(help="Requests a second, at the peak.", min=0.001, max=1e6)],
    slo: Annotated[float, typer.Option(help="Seconds that a whole request may take.", min=0.01)] = 40.0,
    ttft: Annotated[float, typer.Option(help="Seconds to the first token of the IR.", min=0.01)] = 1.0,
    share: Annotated[float, typer.Option(help="Of the requests, that must be in time.", min=0.5, max=0.9999)] = 0.99,
    gpu: Annotated[str | None, typer.Option(help="A name of cluster/gpus.yaml. Default: the profile's.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Of that GPU, the measured one being 1.", min=0.01, max=100)
    ] = None,
    model_profile: Annotated[str, typer.Option(help="A measured model, or a JSON file.")] = MEASURED,
    json: Annotated[bool, typer.Option("--json", help="The plan as JSON.")] = False,
) -> None:
    """Replicas and dollars for a load: by arithmetic on what was measured, then checked by simulation.

    `lift plan --rps 50 --slo 40 --gpu H100`
    """
    try:
        profile = profile_named(model_profile)
        card = gpus.named(gpu or profile.gpu)
        with err.status("simulating …"):
            found = decide(_on(profile, card, speed), rps, Objective(ttft, slo, share))
    except (NotAnswerable, UnknownGpu, Impossible, OSError) as problem:
        fail(str(problem))
    facts = _facts(found, card, rps)
    if json:
        typer.echo(json_text.dumps(facts, indent=2))
    else:
        _show(facts, profile, found)


def _on(profile: "Profile", card: Gpu, speed: float | None) -> "Profile":
    if speed is None and card.name != profile.gpu:
        raise NotAnswerable(
            f"--gpu {card.name}: {profile.name} was measured on {profile.gpu} only; measure it there (`lift bench "
            f"engine`), or say with --speed how fast a {card.name} is, a {profile.gpu} being 1"
        )
    return profile.slower(1 / speed) if speed else profile


def _facts(found: Plan, card: Gpu, rps: float) -> dict[str, Any]:
    usd = found.replicas * card.usd_per_hour
    return {
        "gpu": card.name,
        "replicas": found.replicas,
        "by_arithmetic": found.by_arithmetic,
        "usd_per_hour": round(usd, 2),
        "usd_per_1000_requests": round(usd / rps / 3.6, 4),
        "sequences_per_replica": found.batch.sequences,
        "requests_per_s_and_replica": round(found.batch.requests_per_s, 4),
        "limit": found.batch.limit,
        "validators": found.validators,
        "simulated": {"replicas": found.checked_replicas, **found.outcome.summary(card.usd_per_hour)},
        "objective": asdict(found.outcome.objective),
    }


def _show(facts: dict[str, Any], profile: "Profile", found: Plan) -> None:
    simulated = facts["simulated"]
    table = Table(Column(""), Column("", justify="right"), Column("", overflow="fold"), box=None, show_header=False)
    rows = [
        (
            "engines",
            f"{facts['replicas']:,}",
            f"one {facts['gpu']} each; {facts['by_arithmetic']:,} by arithmetic",
        ),
        (
            "cost",
            f"${facts['usd_per_hour']:,.2f}",
            f"an hour; ${facts['usd_per_1000_requests']:.3f} for 1,000 requests",
        ),
        ("batch", f"{facts['sequences_per_replica']}", f"sequences in each: {_LIMITS[found.batch.limit]}"),
        ("validators", f"{facts['validators']:,}", "of 4 cores each, which cost extra"),
        ("in time", f"{simulated['attainment']:.2%}", f"of {simulated['requests']:,} simulated requests"),
        ("TTFT", f"{simulated['ttft_s']['p99']:.2f} s", "p99"),
        ("request", f"{simulated['total_s']['p99']:.1f} s", f"p99; median {simulated['total_s']['p50']:.1f} s"),
    ]
    for row in rows:
        table.add_row(*row)
    out.print(table)
    spare = math.ceil(facts["replicas"] * 0.1)
    out.print(
        f"{profile.name}, as measured. Steady Poisson arrivals: for bursts and failures, `lift simulate`; a spare "
        f"tenth is {spare} more.",
        soft_wrap=True,
        highlight=False,
    )
