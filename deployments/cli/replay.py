"""`lift replay`: find a verdict's evidence again."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from deployments.cli.console import fail, out, plain
from lift_sys.errors import SandboxUnavailable, SpecificationInvalid
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validator_stage import validate_code
from schemas import ValidateRequest
from schemas.verdict import Evidence

_OF_ALL_VARIATIONS = "agreement"
"""The clause that the chosen code alone cannot show again."""


def replay(
    verdict: Annotated[Path, typer.Argument(help="What `lift validate --json` or `lift generate --json` printed.")],
    weak_sandbox: Annotated[bool, typer.Option(help="Run it even where nothing holds it.")] = False,
) -> None:
    """Judge the same code by the same specification and seed, and compare clause by clause.

    Exit code 1: some clause came out otherwise. 2: the file is no such verdict.
    """
    request, told, seed = _read(verdict)
    try:
        again = asyncio.run(validate_code(request, sandbox=ProcessSandbox(allow_weak=weak_sandbox), seed=seed))
    except (SandboxUnavailable, SpecificationInvalid) as error:
        fail(": ".join(map(str, error.args)))
    found = {evidence.clause: evidence for evidence in again.evidence}
    differing = [evidence for evidence in told if _differs(evidence, found.get(evidence.clause))]
    for evidence in differing:
        now = found.get(evidence.clause)
        out.print(plain(f"{evidence.clause} was {evidence.outcome}: {evidence.detail}"))
        out.print(plain(f"  and is {f'{now.outcome}: {now.detail}' if now else 'not there'}"))
    if differing:
        fail(f"{len(differing)} of {len(told)} clauses came out otherwise", 1)
    out.print(plain(f"all {len(told)} clauses came out the same"))


def _read(file: Path) -> tuple[ValidateRequest, list[Evidence], int]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        verdict = content["verdict"] if isinstance(content["verdict"], dict) else content
        told = [Evidence.model_validate(evidence) for evidence in verdict["evidence"]]
        request = ValidateRequest.model_validate(content["request"] if "request" in content else _lifted(content))
        return request, [e for e in told if e.clause != _OF_ALL_VARIATIONS], int(verdict["seed"])
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        fail(f"{file}: no verdict of `lift validate --json` or `lift generate --json` ({error!r:.200})")


def _lifted(response: dict[str, Any]) -> dict[str, Any]:
    """What to validate of an answer of the service."""
    return {"code": response["code"]["source"], "ir": response["ir"], "examples": response["examples"]}


def _differs(was: Evidence, now: Evidence | None) -> bool:
    return now is None or (was.outcome, was.detail) != (now.outcome, now.detail)
