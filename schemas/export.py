"""`python -m schemas.export` writes the JSON Schemas to schemas/json/."""

from pathlib import Path

from schemas.api import LiftRequest, LiftResponse, Problem, ValidateRequest
from schemas.code import Code
from schemas.ir import IR
from schemas.jobs import Job, JobEnded, JobRequest, JobResult
from schemas.verdict import Verdict
from schemas.wire import Wire

FOLDER = Path(__file__).parent / "json"

EXPORTED: dict[str, type[Wire]] = {
    "request": LiftRequest,
    "ir": IR,
    "code": Code,
    "verdict": Verdict,
    "response": LiftResponse,
    "validate": ValidateRequest,
    "problem": Problem,
    "job_request": JobRequest,
    "job": Job,
    "job_result": JobResult,
    "job_ended": JobEnded,
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, model in EXPORTED.items():
        (FOLDER / f"{name}.schema.json").write_text(model.schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
