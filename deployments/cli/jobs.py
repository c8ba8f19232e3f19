"""`lift jobs`: many requests at once, answered later."""

import time
import uuid
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table

from deployments.cli.console import err, fail, out, progress_bars
from deployments.cli.generate import URL, ApiKey
from deployments.cli.jobs_client import JobsClient
from schemas import Job, LiftRequest

_LOOK_S = 0.5
Id = Annotated[str, typer.Argument(help="Of the job, as `submit` printed it.", metavar="ID")]
Wait = Annotated[bool, typer.Option("--wait", help="Show how far it is until it has ended.")]

jobs = typer.Typer(help="Submit many requests at once, and fetch their answers later.", no_args_is_help=True)


@jobs.command()
def submit(
    file: Annotated[Path, typer.Argument(help='One request a line, such as {"prompt": "reverse a text"}.')],
    webhook: Annotated[str | None, typer.Option(help="An address to tell when it has ended.")] = None,
    wait: Wait = False,
    url: URL = "http://127.0.0.1:8000",
    api_key: ApiKey = None,
) -> None:
    """Have a file of requests accepted, and print the job's id."""
    requests = [one.model_dump(mode="json", exclude_defaults=True) for one in _read(file)]
    body = {"requests": requests, **({"webhook": webhook} if webhook else {})}
    with JobsClient(url, api_key) as client:
        job = client.submit(body, uuid.uuid4().hex)
        typer.echo(job.id)
        if wait:
            _show(_ended(client, job))


@jobs.command()
def status(job_id: Id, wait: Wait = False, url: URL = "http://127.0.0.1:8000", api_key: ApiKey = None) -> None:
    """Say how far a job is."""
    with JobsClient(url, api_key) as client:
        job = client.job(job_id)
        _show(_ended(client, job) if wait else job)


@jobs.command()
def results(job_id: Id, url: URL = "http://127.0.0.1:8000", api_key: ApiKey = None) -> None:
    """Print what is there by now, one JSON object a line: `index`, and `response` or `problem`."""
    with JobsClient(url, api_key) as client:
        for line in client.results(job_id):
            typer.echo(line)


@jobs.command()
def cancel(job_id: Id, url: URL = "http://127.0.0.1:8000", api_key: ApiKey = None) -> None:
    """Stop what is not done yet."""
    with JobsClient(url, api_key) as client:
        _show(client.cancel(job_id))


@jobs.command(name="list")
def listed(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    url: URL = "http://127.0.0.1:8000",
    api_key: ApiKey = None,
) -> None:
    """Your jobs, the newest first."""
    with JobsClient(url, api_key) as client:
        _show(*client.listed(limit).jobs)


def _read(file: Path) -> list[LiftRequest]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{file}: not UTF-8 at byte {error.start}")
    requests = [_request(f"{file}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if not requests:
        fail(f"{file}: there is no request in it")
    return requests


def _request(where: str, line: str) -> LiftRequest:
    try:
        return LiftRequest.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{where}: {'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}")


def _ended(client: JobsClient, job: Job) -> Job:
    with progress_bars() as progress:
        total = sum(job.counts.model_dump().values())
        bar = progress.add_task("items", total=total)
        while True:
            progress.update(bar, completed=total - job.counts.queued - job.counts.running)
            if job.ended_at is not None:
                return job
            time.sleep(_LOOK_S)
            job = client.job(job.id)


def _show(*jobs: Job) -> None:
    table = Table("status", "queued", "running", "done", "failed", "cancelled", "made", box=None)
    table.add_column("job", no_wrap=True, min_width=32)
    for job in jobs:
        made = f"{job.made_at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(job.status, *map(str, job.counts.model_dump().values()), made, job.id)
    (out if jobs else err).print(table if jobs else "no jobs")
