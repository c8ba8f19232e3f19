"""`lift validate`: a verdict on code that is there, without model, cluster or service."""

import asyncio
import json as json_text
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deployments.cli.console import REJECTED, fail
from deployments.cli.show import show_verdict
from lift_sys.errors import SandboxUnavailable, SpecificationInvalid
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validator_stage import validate_code
from schemas import IR, ValidateRequest, Verdict


def validate(
    code: Annotated[str, typer.Option(help="A file with Python code; `-` reads standard input.")],
    function: Annotated[str | None, typer.Option(help="The function in it; not needed with --ir.")] = None,
    example: Annotated[list[str] | None, typer.Option(help="Such as `f(1) == 2`. May be repeated.")] = None,
    ir: Annotated[str | None, typer.Option(help="A file with an IR as JSON.")] = None,
    weak_sandbox: Annotated[bool, typer.Option(help="Run it even where nothing holds it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Give a verdict on code: `lift validate --code f.py --function f --example "f(1) == 2"`.

    Exit code 1: the verdict is `rejected`. 2: the files or examples cannot be used.
    """
    request = _request(code, function, example or [], ir)
    verdict = _judge(request, ProcessSandbox(allow_weak=weak_sandbox))
    if json:
        shown = verdict.model_dump(mode="json")
        asked = request.model_dump(mode="json", exclude_none=True)
        typer.echo(json_text.dumps({"verdict": shown.pop("level"), **shown, "request": asked}, indent=2))
    else:
        show_verdict(verdict)
    if verdict.level == "rejected":
        raise typer.Exit(REJECTED)


def _request(code: str, function: str | None, examples: list[str], ir: str | None) -> ValidateRequest:
    specification = _ir(ir) if ir else None
    source = _read("--code", code)
    try:
        return ValidateRequest(code=source, ir=specification, function=function, examples=tuple(examples))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        fail(f"{f'--{field}: ' if field else ''}{first['msg']}")


def _ir(file: str) -> IR:
    try:
        return IR.model_validate_json(_read("--ir", file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"--ir {file}: {'.'.join(map(str, first['loc']))}: {first['msg']}")


def _read(option: str, file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8")
    except OSError as error:
        fail(f"{option} {file}: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{option} {file}: not UTF-8 at byte {error.start}")


def _judge(request: ValidateRequest, sandbox: ProcessSandbox) -> Verdict:
    try:
        return asyncio.run(validate_code(request, sandbox=sandbox))
    except SpecificationInvalid as error:
        field, message = error.args
        fail(f"--{field.replace('examples', 'example')}: {message}")
    except SandboxUnavailable as error:
        fail(f"{error} (here: --weak-sandbox)")
