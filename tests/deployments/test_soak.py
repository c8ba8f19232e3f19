"""What a soak concludes, and a short one."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import psutil
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deployments.bench.scale.load import Asked
from deployments.soak.samples import Use, series, watch, windows
from deployments.soak.slopes import FLOORS, slope
from tests.conftest import config, free_port

HOUR_S = 3_600
quantities = st.sampled_from(sorted(FLOORS))


def line(per_hour: float, noise: float, seed: int) -> list[tuple[float, float]]:
    """Twelve minutes, a sample every ten seconds."""
    chance = Random(seed)
    return [(at_s, 100 + per_hour * at_s / HOUR_S + chance.gauss(0, noise)) for at_s in range(0, 720, 10)]


@given(quantities, st.floats(3, 1_000), st.integers(0, 100))
def test_what_grows_by_far_more_than_the_floor_leaks(quantity: str, times: float, seed: int) -> None:
    per_hour = times * FLOORS[quantity]
    found = slope("Ingress", quantity, line(per_hour, per_hour / 100, seed))
    assert found
    assert found.leaks
    assert found.per_hour == pytest.approx(per_hour, rel=0.2)
    assert found.low <= found.per_hour <= found.high


@given(quantities, st.floats(-1_000, 0.5), st.floats(0, 0.01), st.integers(0, 100))
def test_what_shrinks_or_grows_by_less_than_the_floor_does_not(
    quantity: str, times: float, noise: float, seed: int
) -> None:
    found = slope("Ingress", quantity, line(times * FLOORS[quantity], noise * FLOORS[quantity], seed))
    assert found
    assert not found.leaks


@given(st.integers(0, 71), st.floats(1, 1e6))
def test_one_outlier_is_no_leak(place: int, height: float) -> None:
    samples = line(0, 0.001, 1)
    samples[place] = (samples[place][0], samples[place][1] + height)
    found = slope("Ingress", "memory_mb", samples)
    assert found
    assert not found.leaks


def test_noise_that_is_wide_is_no_leak_whatever_its_slope_says() -> None:
    found = slope("Ingress", "memory_mb", line(100, 1_000, 4))
    assert found
    assert found.per_hour > FLOORS["memory_mb"]
    assert not found.leaks


def test_of_few_samples_nothing_is_said() -> None:
    assert slope("Ingress", "fds", line(1_000, 0, 1)[:4]) is None


def asked(due_s: float, latency_s: float, status: int = 200) -> Asked:
    return Asked(due_s, 0.0, latency_s, status, True, 1, ())


def test_p99_is_of_the_answers_of_one_window_after_the_other() -> None:
    rows = [asked(1, 0.1), asked(2, 0.3), asked(11, 0.2), asked(12, 9.0, status=503), asked(35, 0.4)]
    assert list(windows(rows, 10)) == [(5.0, 0.3), (15.0, 0.2), (35.0, 0.4)]


def test_what_came_before_the_service_had_settled_does_not_count() -> None:
    uses = [Use(float(at_s), "Engine", 100.0 + at_s, 10, 1) for at_s in range(10)]
    found = series(uses, [asked(at_s, 0.1) for at_s in range(10)], settled_s=5, window_s=2)
    assert [at_s for at_s, _ in found["Engine", "memory_mb"]] == [5, 6, 7, 8, 9]
    assert [at_s for at_s, _ in found["service", "p99_s"]] == [5, 7, 9]


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_process_that_opens_files_is_seen_to() -> None:
    """A service is whatever this process has started."""
    program = "import sys, time\nkept = []\nwhile True:\n kept.append(open('/dev/null')); time.sleep(0.02)"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    uses: list[Use] = []
    watching = asyncio.create_task(watch(psutil.Process(), 0.1, uses))
    found = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while not (found and found.leaks):
                await asyncio.sleep(0.2)
                found = slope("other", "fds", series(uses, [], settled_s=0.3, window_s=1)["other", "fds"])
    watching.cancel()
    child.kill()
    await child.wait()
    assert found
    assert found.leaks


@pytest.mark.cluster
@pytest.mark.timeout(150)
def test_a_soak_of_fifteen_seconds_tells_the_slopes_of_every_part(tmp_path: Path) -> None:
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(config({"engine": {"kind": "scripted"}}, free_port(), {})), encoding="utf-8")
    (tmp_path / "docs" / "results").mkdir(parents=True)
    words = [
        "soak",
        str(path),
        "--minutes",
        "0.25",
        "--rate",
        "2",
        "--every",
        "0.3",
        "--window",
        "1",
        "--record",
        "soak",
    ]
    lift = str(Path(sys.executable).with_name("lift"))
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    run = subprocess.run(
        [lift, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=140, check=False
    )
    result = json.loads((tmp_path / "docs" / "results" / "soak.json").read_text(encoding="utf-8"))
    assert run.returncode in (0, 1), run.stderr  # in so short a time caches still fill
    assert result["summary"]["failed"] == 0
    parts = {one["part"] for one in result["summary"]["slopes"]}
    assert {"Ingress", "IRStage", "CodeStage", "Validator", "Engine", "service"} <= parts
