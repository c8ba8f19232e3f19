"""The table of GPUs, and what the driver says of those that are here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.fit.errors import UnknownGpu
from deployments.fit.gpus import Gpu, installed_bytes, known, named

Driver = Callable[[str], None]


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Puts a program in the place of nvidia-smi."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def install(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)

    return install


@pytest.mark.parametrize("gpu", known(), ids=lambda gpu: gpu.name)
def test_every_gpu_of_the_table_is_found_in_any_case(gpu: Gpu) -> None:
    assert named(gpu.name) == named(gpu.name.lower()) == gpu


@pytest.mark.parametrize(
    ("wrong", "near"), [("A10", "A10G"), ("l40", "L40S"), ("A100-80", "A100-80G"), ("H1000", "H100")]
)
def test_an_unknown_gpu_is_refused_with_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(UnknownGpu, match=f"Did you mean {near}"):
        named(wrong)


@pytest.mark.parametrize("text", ["{", "- A10G", "A10G: {memory_mib: much}", "A10G: {}"])
def test_a_spoilt_table_is_refused_by_name(tmp_path: Path, text: str) -> None:
    table = tmp_path / "gpus.yaml"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(UnknownGpu, match=r"gpus\.yaml cannot be read"):
        known(table)


@pytest.mark.parametrize(
    ("script", "mebibytes"),
    [("echo 23028", 23_028), ("echo 23028; echo 81559", 81_559)],
)
def test_the_largest_gpu_here_counts(driver: Driver, script: str, mebibytes: int) -> None:
    driver(script)
    assert installed_bytes() == mebibytes * 2**20


def test_only_gpus_that_the_process_may_use_count(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver('case "$*" in *--id=1,3*) echo 23028;; *) echo 81559;; esac')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3")
    assert installed_bytes() == 23_028 * 2**20


@pytest.mark.parametrize("script", ["exit 9", "echo '[N/A]'", "true"])
def test_a_driver_that_does_not_know_says_nothing(driver: Driver, script: str) -> None:
    driver(script)
    assert installed_bytes() is None


def test_a_machine_without_a_driver_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_bytes() is None
