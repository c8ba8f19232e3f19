"""Shapes of the two models that were measured, and GPUs of any size."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployments.fit.shapes import Shape, shape_of

CONFIGS = Path(__file__).parents[2] / "data" / "configs"


@pytest.fixture(scope="session")
def moe_config() -> dict[str, Any]:
    """Qwen3-Coder-30B-A3B-Instruct."""
    config: dict[str, Any] = json.loads((CONFIGS / "qwen3-coder-30b-a3b.json").read_text(encoding="utf-8"))
    return config


@pytest.fixture(scope="session")
def small_config() -> dict[str, Any]:
    """Qwen2.5-Coder-0.5B-Instruct."""
    config: dict[str, Any] = json.loads((CONFIGS / "qwen2.5-coder-0.5b.json").read_text(encoding="utf-8"))
    return config


@pytest.fixture(scope="session")
def moe(moe_config: dict[str, Any]) -> Shape:
    return shape_of(moe_config)
