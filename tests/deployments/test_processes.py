"""What the processes of an engine are told, and which of SGLang's models they import."""

import gc
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from deployments.imports import without_collector
from deployments.processes import InThisEnvironment, begin, may_fork, skip_other_models
from deployments.settings import EngineSettings

DISABLED = "SGLANG_DISABLED_MODEL_ARCHS"


def test_a_process_has_the_variables_before_the_functions_module_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SGLang's modules do, this one reads a variable while it is imported."""
    (tmp_path / "reader.py").write_text(
        "import os\nSEEN = os.environ.get('LIFT_SEEN')\n\n\ndef seen():\n    return SEEN\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from reader import seen  # type: ignore[import-not-found]

    monkeypatch.setenv("LIFT_SEEN", "by the other")
    (tmp_path / "call").write_bytes(pickle.dumps(InThisEnvironment(seen)))
    code = f"import pickle; print(pickle.load(open({str(tmp_path / 'call')!r}, 'rb'))())"
    paths = f"{tmp_path}:{Path.cwd()}"
    told = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": paths}, capture_output=True, text=True)
    assert told.stdout.strip() == "by the other", told.stderr


@pytest.mark.parametrize(
    ("architecture", "kept"), [("Qwen2ForCausalLM", {"qwen2"}), ("Qwen3MoeForCausalLM", {"qwen3_moe"})]
)
def test_only_the_model_that_is_served_is_imported(
    architecture: str, kept: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabled = disabled_for([architecture], tmp_path, monkeypatch)
    assert len(disabled) > 100
    assert disabled & {"qwen2", "qwen3_moe"} == {"qwen2", "qwen3_moe"} - kept


def test_all_models_are_imported_for_one_that_sglang_does_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disabled_for(["NobodysForCausalLM"], tmp_path, monkeypatch) == set()


def disabled_for(architectures: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    (folder / "config.json").write_text(json.dumps({"architectures": architectures}), encoding="utf-8")
    monkeypatch.setenv(DISABLED, "")
    monkeypatch.delenv(DISABLED)
    skip_other_models(folder)
    return set(filter(None, os.environ.get(DISABLED, "").split(",")))


@pytest.mark.parametrize(
    ("said", "forked"),
    [
        ({}, True),
        ({"head_start": False}, False),
        ({"sglang": {"enable_memory_saver": True}}, False),
    ],
)
def test_processes_are_forked_where_they_can_be(said: dict[str, object], forked: bool) -> None:
    assert may_fork(EngineSettings.model_validate(said)) == forked


def test_the_collector_works_again_after_imports_that_fail() -> None:
    with pytest.raises(ZeroDivisionError), without_collector():
        1 / gc.isenabled()  # a collector that rests is 0
    assert gc.isenabled()
    gc.unfreeze()


@pytest.mark.engine
def test_a_forked_process_has_the_libraries_and_collects_only_what_is_its_own() -> None:
    code = """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    from deployments.processes import begin
    from deployments.settings import EngineSettings

    begin(EngineSettings())
    with ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        imported = pool.submit(eval, "'torch' in __import__('sys').modules").result()
        frozen = pool.submit(eval, "__import__('gc').get_freeze_count()").result()
        collects = pool.submit(eval, "__import__('gc').isenabled()").result()
    print(imported, frozen > 100_000, collects)
    """
    told = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=120)
    assert told.stdout.split() == ["True"] * 3, told.stderr


@pytest.mark.parametrize(
    ("sglang", "before", "kept"),
    [
        ({"enable_memory_saver": True, "enable_weights_cpu_backup": True}, None, "1"),
        ({"enable_memory_saver": True, "enable_weights_cpu_backup": True}, "0", "0"),
        ({"enable_memory_saver": True}, None, None),
        ({}, None, None),
    ],
)
def test_the_copy_of_the_weights_on_the_host_outlives_a_waking(
    sglang: dict[str, bool], before: str | None, kept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says goes first."""
    monkeypatch.setattr(os, "environ", {"TMS_RETAIN_CPU_BACKUP": before} if before else {})
    begin(EngineSettings.model_validate({"device": "cuda", "sglang": sglang, "head_start": False}))
    assert os.environ.get("TMS_RETAIN_CPU_BACKUP") == kept


@pytest.mark.parametrize(("before", "direct"), [(None, "0"), ("1", "1")])
def test_weights_are_read_from_the_page_cache_unless_the_environment_says_otherwise(
    before: str | None, direct: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"FASTSAFETENSORS_ODIRECT": before} if before else {})
    begin(EngineSettings(device="cuda", head_start=False))
    assert os.environ["FASTSAFETENSORS_ODIRECT"] == direct
