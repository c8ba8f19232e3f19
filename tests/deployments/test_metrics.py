"""What a real cluster exports of outputs that were refused, and of the jail."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from deployments.bench.watch import watching

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

Serve = Callable[[dict[str, Any]], AbstractContextManager[Any]]
_REPORTED_WITHIN_S = 60


def test_every_refused_output_is_counted_by_stage_and_reason(serve: Serve) -> None:
    """An engine without a bound cuts each of the two attempts at an IR; an operator sees two of them."""
    with serve({"engine": {"kind": "scripted", "scripted_cut": True}, "ir": {"max_attempts": 2}}) as service:
        answer = service.client.post("/v1/lift", json={"prompt": "double a number"})
        assert answer.status_code == 502
        assert "reached the limit" in answer.json()["detail"]
        with watching(service.pid) as watch:
            url = f"http://127.0.0.1:{watch.metrics_port}/metrics"
        found = until_exported(url, "ray_lift_invalid_outputs_total", "stage", "reason")
        tiers = until_exported(url, "ray_lift_sandbox_tier", "tier")
    assert found == {("ir", "cut"): 2.0}
    assert [name for (name,), value in tiers.items() if value] in (["namespaces"], ["landlock"])


def until_exported(url: str, name: str, *tags: str) -> dict[tuple[str, ...], float]:
    """The metric's values by these tags, from the node's own port, once Ray has reported them."""
    until = time.monotonic() + _REPORTED_WITHIN_S
    while time.monotonic() < until:
        text = httpx.get(url, timeout=10).text
        rows = re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
        if rows:
            labels = [dict(re.findall(r'(\w+)="([^"]*)"', row)) for row, _ in rows]
            values = [float(value) for _, value in rows]
            return {tuple(one[tag] for tag in tags): value for one, value in zip(labels, values, strict=True)}
        time.sleep(0.5)
    pytest.fail(f"no {name} within {_REPORTED_WITHIN_S} s")
