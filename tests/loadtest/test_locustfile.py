"""The load test's traffic is traffic that the service takes."""

import ast
from pathlib import Path

import pytest

from schemas import LiftRequest

FILE = Path(__file__).parents[2] / "loadtest" / "locustfile.py"


def prompts() -> list[str]:
    """Read from the text: importing locust patches the standard library for the whole test process."""
    assignments = (node for node in ast.parse(FILE.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign))
    [found] = [a.value for a in assignments if isinstance(a.targets[0], ast.Name) and a.targets[0].id == "PROMPTS"]
    return list(ast.literal_eval(found))


@pytest.mark.parametrize("prompt", prompts())
def test_every_prompt_is_a_request(prompt: str) -> None:
    assert LiftRequest(prompt=prompt).prompt == prompt
