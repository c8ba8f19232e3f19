"""The configs for GPU clusters: each is what `make configs` writes, can be loaded, and fits its GPUs."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.configs.__main__ import files
from deployments.configs.presets import PRESETS, Pool, Preset
from deployments.configs.serve import serve_text
from deployments.fallback import prompt_tokens
from deployments.fit.deploy import require_fits
from deployments.fit.errors import DoesNotFit
from deployments.fit.fit import Fit, Plan, fit
from deployments.fit.gpus import named
from deployments.fit.precision import precision_of
from deployments.fit.shapes import shape_of
from deployments.serve_config import ConfigInvalid, load
from deployments.settings import EngineSettings
from lift_sys.ir_stage import ir_chat
from schemas import LiftRequest

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
WRITTEN = files()
CONFIGS = ROOT / "tests" / "data" / "configs"
MODELS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "Qwen/Qwen2.5-Coder-7B-Instruct": ("qwen2.5-coder-7b", None),
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": ("qwen3-coder-30b-a3b", None),
    "Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8": ("qwen3-coder-30b-a3b", {"quant_method": "fp8"}),
    "/models/Qwen3-Coder-30B-A3B-Instruct-AWQ": ("qwen3-coder-30b-a3b", {"quant_method": "awq"}),
}
POOLS = [pytest.param(pool, preset, id=f"{preset.name}-{pool.gpu}") for preset in PRESETS for pool in preset.pools]
CACHE_TOKENS = {"a10g": 89_000, "a10g-30b-4bit": 36_000, "a10g-tp4": 200_000, "a100": 144_000, "a100-40g": 440_000}
"""That the presets' comments speak of, at least."""


@pytest.fixture(params=PRESETS, ids=lambda preset: preset.name)
def preset(request: pytest.FixtureRequest) -> Preset:
    found: Preset = request.param
    return found


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(CLUSTER)))
def test_what_is_checked_in_is_what_the_command_writes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == WRITTEN[path], "run `make configs`"


def test_a_config_is_loaded_and_says_what_its_preset_says(preset: Preset) -> None:
    settings = load(CLUSTER / f"serve.{preset.name}.yaml").settings
    assert settings.engine == EngineSettings.model_validate(preset.main.settings)
    other = settings.fallback.engine if settings.fallback else None
    assert other == (EngineSettings.model_validate(preset.fallback.settings) if preset.fallback else None)
    assert (settings.fallback.short_tokens if settings.fallback else 0) == preset.short_tokens


def test_every_engine_runs_on_its_own_kind_of_gpu() -> None:
    deployments = config_of(CLUSTER / "serve.mixed.yaml")["applications"][0]["deployments"]
    kinds = {one["name"]: one["ray_actor_options"].get("accelerator_type") for one in deployments}
    assert {name: kind for name, kind in kinds.items() if kind} == {"Engine": "A100-80G", "FallbackEngine": "A10G"}


def test_an_engine_asks_for_gpus_and_nothing_that_another_could_take(preset: Preset) -> None:
    """Else a validator that starts while an engine is replaced may take its place, and the GPU stands idle."""
    deployments = config_of(CLUSTER / f"serve.{preset.name}.yaml")["applications"][0]["deployments"]
    engines = [one["ray_actor_options"] for one in deployments if one["name"].endswith("Engine")]
    assert engines
    assert all(options["num_cpus"] == 0 < options["num_gpus"] for options in engines)


@pytest.mark.parametrize(("pool", "preset"), POOLS)
def test_a_first_wave_of_the_longest_requests_fits(pool: Pool, preset: Preset) -> None:
    found = fit_of(pool)
    assert found.fits, found.why


@pytest.mark.parametrize("preset", [one for one in PRESETS if one.name in CACHE_TOKENS], ids=lambda one: one.name)
def test_the_cache_holds_what_the_comment_says_and_what_is_let_in(preset: Preset) -> None:
    tokens = fit_of(preset.main).cache_tokens
    assert CACHE_TOKENS[preset.name] <= tokens < CACHE_TOKENS[preset.name] * 1.1
    ingresses = 2
    assert preset.admitted_tokens * ingresses <= tokens


@pytest.mark.parametrize(("pool", "preset"), POOLS)
def test_a_deploy_lets_it_through(pool: Pool, preset: Preset, tmp_path: Path) -> None:
    deploy(pool, tmp_path)


@pytest.mark.parametrize(
    "pool",
    [
        replace(PRESETS[3].main, gpu="A10G"),
        replace(PRESETS[3].main, gpu="A100-40G"),
        replace(PRESETS[0].main, gpu="A10G", context_tokens=262_144),
    ],
    ids=lambda pool: pool.gpu,
)
def test_a_model_that_does_not_fit_is_refused_by_name(pool: Pool, tmp_path: Path) -> None:
    assert not fit_of(pool).fits
    with pytest.raises(DoesNotFit, match=f"{pool.model} needs .* GB for weights"):
        deploy(pool, tmp_path)


Change = Callable[[dict[str, Any], dict[str, Any]], object]
BROKEN: dict[str, tuple[Change, str]] = {
    "an accelerator of no such name": (
        lambda args, options: options.update(accelerator_type="A100-80GB"),
        "Engine.ray_actor_options.accelerator_type: 'A100-80GB' is none of Ray's names. Did you mean A100-80G",
    ),
    "an accelerator like no other": (
        lambda args, options: options.update(accelerator_type="?"),
        "'?' is none of Ray's",
    ),
    "another accelerator than the engine's": (
        lambda args, options: options.update(accelerator_type="A10G"),
        "accelerator_type: A10G, and its engine's gpu is A100-80G",
    ),
    "fewer GPUs than the engine spans": (
        lambda args, options: args["engine"].update(tensor_parallel=2),
        "Engine.ray_actor_options.num_gpus: 1.0, and its engine's tensor_parallel is 2",
    ),
    "a fallback that spans more": (
        lambda args, options: args["fallback"]["engine"].update(tensor_parallel=4),
        "FallbackEngine.ray_actor_options.num_gpus: 1.0, and its engine's tensor_parallel is 4",
    ),
    "a GPU of no such name": (lambda args, options: args["engine"].update(gpu="A100G"), "no GPU is called 'A100G'"),
}


@pytest.mark.parametrize(("spoil", "named"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_refused_by_name(tmp_path: Path, spoil: Change, named: str) -> None:
    data = copy.deepcopy(config_of(CLUSTER / "serve.mixed.yaml"))
    application = data["applications"][0]
    [options] = [one["ray_actor_options"] for one in application["deployments"] if one["name"] == "Engine"]
    spoil(application["args"], options)
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigInvalid) as refusal:
        load(path)
    assert named in str(refusal.value)


def test_two_deployments_with_one_name_are_refused(tmp_path: Path) -> None:
    data = config_of(CLUSTER / "serve.mixed.yaml")
    data["applications"][0]["deployments"][-1]["name"] = "Engine"
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigInvalid, match="Engine stands there 2 times"):
        load(path)


def test_presets_have_names_of_their_own() -> None:
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)


def test_a_preset_changes_nothing_but_its_pools() -> None:
    text = serve_text(next(one for one in PRESETS if one.name == "a100"))
    ours, base = yaml.safe_load(text), config_of(CLUSTER / "serve.yaml")
    [engine] = [one for one in ours["applications"][0]["deployments"] if one["name"] == "Engine"]
    assert engine["ray_actor_options"].pop("accelerator_type") == "A100-80G"
    assert ours == base


def config_of(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def model_config(pool: Pool) -> dict[str, Any]:
    """As a checkpoint's config.json says it."""
    name, quantization = MODELS[pool.model]
    config: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    return config | ({"quantization_config": quantization} if quantization else {})


def fit_of(pool: Pool) -> Fit:
    config = model_config(pool)
    first = 4
    return fit(
        shape_of(config),
        Plan(
            named(pool.gpu),
            pool.tensor_parallel,
            precision_of(config),
            context_tokens=pool.context_tokens,
            concurrent=first,
            memory_fraction=pool.settings["memory_fraction"],
        ),
    )


def deploy(pool: Pool, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(model_config(pool)), encoding="utf-8")
    require_fits(EngineSettings.model_validate(pool.settings), folder, named(pool.gpu).memory_bytes)


def test_a_request_of_two_pages_goes_to_the_small_pool_and_both_pools_can_be_full() -> None:
    """The samples of the IR call take most of `short_tokens`; what is left is for the request's own words."""
    data = config_of(CLUSTER / "serve.mixed.yaml")["applications"][0]
    short_tokens = data["args"]["fallback"]["short_tokens"]
    assert prompt_tokens([ir_chat(LiftRequest(prompt="x" * 1_500))]) <= short_tokens
    assert prompt_tokens([ir_chat(LiftRequest(prompt="x" * 4_500))]) > short_tokens
    limits = {one["name"]: one.get("max_queued_requests") for one in data["deployments"]}
    assert limits["Engine"] == limits["FallbackEngine"] == 32
