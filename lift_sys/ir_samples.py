"""Requests with the IRs wanted for them, which a model sees before the user's words. One asks for no function."""

from pathlib import Path

from pydantic import TypeAdapter

from schemas.ir import IR
from schemas.wire import Wire


class Sample(Wire):
    request: str
    ir: IR


SAMPLES = TypeAdapter(tuple[Sample, ...]).validate_json((Path(__file__).parent / "ir_samples.json").read_bytes())
