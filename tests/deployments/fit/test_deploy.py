"""The check before weights are loaded: it refuses what cannot work, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deployments.fit.deploy import require_fits
from deployments.fit.errors import DoesNotFit
from deployments.fit.fit import Plan, fit
from deployments.fit.gpus import Gpu, known
from deployments.fit.shapes import shape_of
from deployments.settings import EngineSettings

A10G, A100_40G, H100 = 23_028, 40_960, 81_559
ON_CUDA = {"model": "some/model", "device": "cuda"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, moe_config: dict[str, Any]) -> Path:
    return written(tmp_path_factory.mktemp("moe"), moe_config)


def written(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def check(engine: dict[str, Any], folder: Path, memory_mib: int) -> None:
    require_fits(EngineSettings.model_validate(ON_CUDA | engine), folder, memory_mib * 2**20)


@pytest.mark.parametrize(
    ("engine", "memory_mib", "why"),
    [
        ({}, A10G, "some/model needs 61.9 GB for weights and 8192 tokens of KV cache, and the GPU has 23.6 GB"),
        ({"tensor_parallel": 2}, A10G, "and each GPU has 23.6 GB"),
        ({"load_format": "dummy"}, A100_40G, "needs 61.9 GB"),
        ({"context_tokens": 262_144}, H100, "for weights and 262144 tokens"),
        ({"memory_fraction": 0.7}, H100, "61.1 GB for weights, within memory_fraction, and the GPU has 59.9 GB"),
        ({"quantization": "fp8"}, A100_40G, "61.1 GB for the weights until they are fp8"),
        ({"dtype": "float32"}, H100, "needs 123.7 GB"),
    ],
)
def test_what_cannot_work_is_refused_with_its_size(
    folder: Path, engine: dict[str, Any], memory_mib: int, why: str
) -> None:
    with pytest.raises(DoesNotFit, match=why):
        check(engine, folder, memory_mib)


@pytest.mark.parametrize(
    ("engine", "memory_mib"),
    [
        ({}, H100),
        ({"tensor_parallel": 4}, A10G),
        ({"quantization": "awq"}, A10G),
        ({"quantization": "fp8"}, H100),
        ({"context_tokens": 262_144, "max_cached_tokens": 65_536}, H100),
        ({"context_tokens": 262_144, "sglang": {"kv_cache_dtype": "fp8_e4m3"}}, H100),
        ({"device": "cpu"}, 1),
    ],
)
def test_what_may_work_is_let_through(folder: Path, engine: dict[str, Any], memory_mib: int) -> None:
    check(engine, folder, memory_mib)


def test_weights_that_are_fp8_already_are_not_made_so_at_loading(tmp_path: Path, moe_config: dict[str, Any]) -> None:
    stored = {**moe_config, "quantization_config": {"quant_method": "fp8"}}
    check({"quantization": "fp8"}, written(tmp_path, stored), A100_40G)


@pytest.mark.parametrize(
    ("change", "engine", "why"),
    [
        ({"architectures": ["MambaForCausalLM"]}, {}, "MambaForCausalLM is not known here"),
        ({"hidden_size": None}, {}, "lacks or misstates hidden_size"),
        ({"quantization_config": {"quant_method": "quark"}}, {}, "'quark'"),
        ({}, {"quantization": "bitsandbytes"}, "'bitsandbytes'"),
        ({}, {"tensor_parallel": 3}, "does not divide the 32 attention heads"),
        ({}, {"sglang": {"cpu_offload_gb": 40}}, "engine.sglang has cpu_offload_gb"),
    ],
)
def test_what_cannot_be_told_is_let_through_with_a_warning(
    tmp_path: Path,
    moe_config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    engine: dict[str, Any],
    why: str,
) -> None:
    check(engine, written(tmp_path, moe_config | change), 1_000)
    assert "not checked whether some/model fits" in caplog.text
    assert why in caplog.text


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_config_that_cannot_be_read_is_let_through_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    check({}, tmp_path, 1_000)
    assert "not checked whether some/model fits" in caplog.text


def test_a_machine_that_names_no_gpu_is_let_through_with_a_warning(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    require_fits(EngineSettings.model_validate(ON_CUDA), folder)
    assert "the driver names no GPU's memory" in caplog.text


@given(
    gpu=some.sampled_from(known()),
    tp=some.sampled_from([1, 2, 4, 8]),
    context_tokens=some.integers(16, 262_144),
    memory_fraction=some.floats(0.3, 0.95),
)
def test_a_deploy_never_refuses_what_lift_fit_says_fits(
    folder: Path, moe_config: dict[str, Any], gpu: Gpu, tp: int, context_tokens: int, memory_fraction: float
) -> None:
    plan = Plan(gpu, tp, context_tokens=context_tokens, concurrent=1, memory_fraction=memory_fraction)
    if fit(shape_of(moe_config), plan).fits:
        engine = {"tensor_parallel": tp, "context_tokens": context_tokens, "memory_fraction": memory_fraction}
        check(engine, folder, gpu.memory_mib)
