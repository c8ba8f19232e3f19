"""The options that the load tests share."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[str, typer.Option(help="A running service.")]
Slo = Annotated[
    str, typer.Option(help="Seconds to the whole answer, and to the first IR or candidate: total=40,ttft=2.")
]
Attain = Annotated[float, typer.Option(help="The share of requests that must meet it.", min=0, max=1)]
Arrivals = Annotated[str, typer.Option(help="poisson, even, gamma:CV, mmpp:TIMES (bursts), or replay:FILE.")]
TimeoutS = Annotated[float, typer.Option(help="After which a request is given up.", min=0.1)]
LagMs = Annotated[
    float, typer.Option(help="How late requests may leave at p99 for the run to count; it is in their latency.", min=1)
]
ContextWords = Annotated[int, typer.Option(help="Before the task in each prompt.", min=0)]
Shared = Annotated[float, typer.Option(help="The share of them that all prompts begin with.", min=0, max=1)]
Chat = Annotated[str, typer.Option(help="A model to ask for in OpenAI's form, at /v1/chat/completions.")]
Workers = Annotated[int, typer.Option(help="Processes that send.", min=1)]
Insecure = Annotated[bool, typer.Option(help="Take any TLS certificate.")]
Html = Annotated[Path | None, typer.Option(help="A file for the report as one page, which needs no network.")]
PrometheusUrl = Annotated[
    str | None,
    typer.Option("--prometheus", help="The address of one that scrapes the service, for replicas and queues."),
]
Marks = Annotated[
    Path | None, typer.Option(help='A file of what was done meanwhile, a line each: {"t": UNIX_TIME, "what": "…"}.')
]
Record = Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, with a row a request.")]
