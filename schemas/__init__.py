"""What flows: every value that crosses a process border, in the order in which a request meets it."""

from schemas.api import Answered, FieldError, LiftRequest, LiftResponse, Problem, Question, StageReport, ValidateRequest
from schemas.code import Code
from schemas.engine import Chat, Completion, Message, Piece, Sampling
from schemas.ir import IR, Assertion, Effects, Example, Hole, Intent, Parameter, Signature
from schemas.jobs import Job, JobCounts, JobEnded, JobList, JobRequest, JobResult
from schemas.verdict import Evidence, Rival, Verdict

IR_JSON_SCHEMA = IR.model_json_schema()
CODE_GENERATION_SCHEMA = Code.model_json_schema()

__all__ = [
    "CODE_GENERATION_SCHEMA",
    "IR",
    "IR_JSON_SCHEMA",
    "Answered",
    "Assertion",
    "Chat",
    "Code",
    "Completion",
    "Effects",
    "Evidence",
    "Example",
    "FieldError",
    "Hole",
    "Intent",
    "Job",
    "JobCounts",
    "JobEnded",
    "JobList",
    "JobRequest",
    "JobResult",
    "LiftRequest",
    "LiftResponse",
    "Message",
    "Parameter",
    "Piece",
    "Problem",
    "Question",
    "Rival",
    "Sampling",
    "Signature",
    "StageReport",
    "ValidateRequest",
    "Verdict",
]
