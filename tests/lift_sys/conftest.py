"""Values that several tests start from."""

import pytest
from hypothesis import settings

from lift_sys.sandbox import Limits, ProcessSandbox
from schemas import IR

settings.register_profile("same every time", deadline=None, database=None, derandomize=True, max_examples=40)
settings.load_profile("same every time")


@pytest.fixture(scope="session")
def sandbox() -> ProcessSandbox:
    """Real processes. So many at once that no test waits, and impatient: programs that hang are part of the tests."""
    return ProcessSandbox(Limits(call_s=0.5, cpu_s=1, wall_s=2.5), concurrency=4)


@pytest.fixture
def ir() -> IR:
    """Of `double(x: int) -> int`, with two right examples and a right postcondition."""
    return IR.model_validate(
        {
            "intent": {"summary": "Double a number.", "rationale": "Nothing is left open.", "asks_for": "function"},
            "signature": {
                "name": "double",
                "parameters": [{"name": "x", "type": "int", "kind": "positional", "default": None}],
                "returns": "int",
                "is_async": False,
            },
            "examples": [
                {"origin": "inferred", "arguments": "2", "expect": "returns", "value": "4", "covers": "typical"},
                {"origin": "inferred", "arguments": "0", "expect": "returns", "value": "0", "covers": "boundary"},
            ],
            "assertions": [{"kind": "ensures", "expr": "result == x + x", "origin": "implied"}],
            "effects": {"pure": True, "allowed": [], "raises": [], "imports": []},
            "holes": [],
        }
    )
