"""What a Serve config may say under `args:`."""

from typing import Any

import pytest
from pydantic import ValidationError

from deployments.settings import EngineSettings, Settings


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"engin": {}}, "engin"),
        ({"engine": {"modle": "x"}}, "engine.modle"),
        ({"engine": {"tensor_parallel": 0}}, "engine.tensor_parallel"),
        ({"engine": {"grammar_backend": "regex"}}, "engine.grammar_backend"),
        ({"engine": {"memory_fraction": 1.5}}, "engine.memory_fraction"),
        ({"code": {"n": 0}}, "code.n"),
        ({"code": {"temperature": 3}}, "code.temperature"),
        ({"validator": {"memory_bytes": 1}}, "validator.memory_bytes"),
        ({"api": {"default_timeout_s": -1}}, "api.default_timeout_s"),
        ({"pools": "both"}, "pools"),
        ({"jobs": {}}, "jobs"),
        ({"jobs": {"database": "a", "database_env": "B"}}, "jobs"),
        ({"jobs": {"database": ""}}, "jobs.database"),
        ({"jobs": {"database": "a", "lease_s": 0}}, "jobs.lease_s"),
        ({"jobs": {"database": "a", "most_items": 10_001}}, "jobs.most_items"),
        ({"fallback": {}}, "fallback"),
        ({"fallback": {"engine": {}, "upstream": {"base_url": "http://x/v1", "model": "m"}}}, "fallback"),
        ({"fallback": {"upstream": {"base_url": "x", "model": "m"}}}, "fallback.upstream.base_url"),
    ],
)
def test_a_wrong_key_or_amount_is_refused_by_name(args: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate(args)
    assert named in {".".join(str(part) for part in error["loc"]) for error in refusal.value.errors()}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ({"mix": {"stub": 1}}, "needs one of script, complete"),
        ({"mix": {"scrip": 1}}, "no framing is called 'scrip'; there are script,"),
        ({"mix": {"planned": 1}}, "need each other"),
        ({"plan_tokens": 32}, "need each other"),
        ({"plan_tokens": 512, "max_tokens": 512, "mix": {"planned": 1}}, "leaves no code"),
    ],
)
def test_a_mix_suits_every_request_and_leaves_room_for_code(code: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Settings.model_validate({"code": code})


@pytest.mark.parametrize("graphs", [{"cuda_graph_bs_decode": [1, 8, 32]}, {"cuda_graph_max_bs_decode": 32}])
def test_no_batch_may_run_for_which_no_graph_was_captured(graphs: dict[str, Any]) -> None:
    assert EngineSettings(max_running_requests=32, sglang=graphs)
    assert EngineSettings(sglang=graphs)
    with pytest.raises(ValidationError, match="max_running_requests is 33, and CUDA graphs are captured for up to 32"):
        EngineSettings(max_running_requests=33, sglang=graphs)


def test_weights_are_not_read_into_a_gpu_that_is_none() -> None:
    assert EngineSettings(device="cuda", load_format="fastsafetensors")
    with pytest.raises(ValidationError, match=r"load_format is fastsafetensors, .* device is cpu: take auto"):
        EngineSettings(device="cpu", load_format="fastsafetensors")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().repairs = 3  # type: ignore[misc]
