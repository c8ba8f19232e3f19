"""`lift bench` of engine and graph: what is concluded from rows. The graph itself is measured in test_cluster.py."""

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from deployments.bench.added import Single, added_ms
from deployments.bench.cpu import service_of, spent_s
from deployments.bench.engines import Batch, speedups
from deployments.bench.graph import Arm, Block, in_process, measure_blocks, ratios
from deployments.bench.weights import shapes, shards
from deployments.cli.bench import bench
from deployments.cli.bench.arguments import command_line, read_settings, sizes
from deployments.scripted_engine import ScriptedEngine
from loadtest.gpu import STEPS
from schemas import LiftRequest, LiftResponse
from schemas.figure import RESULTS

LIFT = str(Path(sys.executable).with_name("lift"))
CONFIG = """
applications:
  - name: lift
    import_path: deployments.app:build
    args:
      engine: {kind: scripted, sglang: {log_level: warning}}
      repairs: 0
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "lift bench x config.yaml"),
        ({"prompt_tokens": 64}, "lift bench x config.yaml --prompt-tokens 64"),
        ({"ir": 0, "change": "", "price": None, "apart": False}, "lift bench x config.yaml --ir 0"),
        ({"apart": True, "price": 2.5}, "lift bench x config.yaml --apart --price 2.5"),
        ({"also": ["a=1", "b=2"]}, "lift bench x config.yaml --also a=1 --also b=2"),
    ],
)
def test_a_recorded_command_is_what_one_types(options: dict[str, object], said: str) -> None:
    assert command_line("lift bench x", Path("config.yaml"), **options) == said


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ("", {}),
        ("quantization=fp8", {"quantization": "fp8"}),
        ("memory_fraction=0.5,max_running_requests=8", {"memory_fraction": 0.5, "max_running_requests": 8}),
        (
            "sglang.enable_memory_saver=true,sglang.log_level=info",
            {"sglang": {"log_level": "info", "enable_memory_saver": True}},
        ),
    ],
)
def test_a_measurement_can_change_the_engine_of_its_config(config: Path, changes: str, changed: dict[str, Any]) -> None:
    usual = read_settings(config).engine
    assert read_settings(config, changes).engine == usual.model_copy(update=changed)


@pytest.mark.parametrize(
    ("changes", "named"), [("quantisation=fp8", "quantisation"), ("memory_fraction=2", "memory_fraction")]
)
def test_a_wrong_change_is_refused_by_name(
    config: Path, changes: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        read_settings(config, changes)
    assert named in capsys.readouterr().err


def test_sizes_are_numbers_with_commas(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizes("1,8,32") == [1, 8, 32]
    with pytest.raises(typer.Exit):
        sizes("1;8")
    assert "'1;8'" in capsys.readouterr().err


def block(arm: Arm, repeat: int, seconds: float, clients: int = 8) -> Block:
    return Block(
        arm=arm, clients=clients, repeat=repeat, requests=10, failed=0, seconds=seconds + 5, tokens=120,
        busy_s=seconds, busy_tokens=100, latency_s=(1.0,), stage_s={}, levels={}, cpu_ms={},
    )  # fmt: skip


def test_a_ratio_is_of_blocks_that_took_turns_while_all_their_clients_were_busy() -> None:
    """Each repeat of the graph by the same repeat of the other; other numbers of clients are another matter."""
    rows = [
        block("process", 0, 2.0), block("graph", 0, 2.0), block("process", 1, 3.0), block("graph", 1, 4.0),
        block("process", 0, 9.0, clients=1), block("graph", 0, 1.0, clients=1),
    ]  # fmt: skip
    assert ratios(rows, 8, "process") == [1.0, 0.75]
    assert ratios(rows, 1, "process") == [9.0]
    assert ratios(rows, 8, "engine") == []


def test_what_is_written_while_a_client_is_idle_is_not_counted(config: Path) -> None:
    """The last of nine requests takes its time, while the other of two clients has none left."""
    at_once = in_process(read_settings(config, ""), ScriptedEngine(), validated=False)
    asked = itertools.count(1)

    async def ask(request: LiftRequest) -> LiftResponse:
        if next(asked) == 18:  # nine warm up
            await asyncio.sleep(0.5)
        return await at_once(request)

    [block] = asyncio.run(measure_blocks({"process": ask}, [2], n=1, repeats=1, limit_s=60, on_row=lambda row: None))
    assert block.requests == 9
    assert block.busy_tokens * 9 == block.tokens * 8
    assert block.busy_s < 0.5 <= block.seconds


def single(
    arm: Arm, task: int, seconds: float, tokens: int, *, engine: float = 0.7, ir: float = 0.01, validate: float = 0.1
) -> Single:
    stages = {"ir": ir, "code": 0.01, "validate": validate}
    return Single(arm=arm, task=task, repeat=0, seconds=seconds, tokens=tokens, stage_s=stages, engine_s=engine)


def test_what_is_added_is_told_by_pairs_that_wrote_as_much() -> None:
    rows = [
        single("process", 0, 1.000, 50), single("graph", 0, 1.012, 50),
        single("process", 1, 1.000, 50), single("graph", 1, 3.000, 51),
        single("graph", 2, 1.0, 50),
    ]  # fmt: skip
    assert [one.whole for one in added_ms(rows)] == [12.0]


def test_what_is_added_is_told_by_part_and_without_the_engines_and_the_validators_own_time() -> None:
    slower = single("graph", 0, 1.712, 50, engine=1.1, ir=0.014, validate=0.4)
    [one] = added_ms([single("process", 0, 1.000, 50), slower])
    assert (one.ir, one.code, one.between, round(one.whole, 2)) == (4.0, 0.0, 8.0, 12.0)


def test_a_speedup_is_of_batches_that_took_turns() -> None:
    rows = [
        Batch(engine=engine, concurrency=8, repeat=repeat, seconds=seconds, tokens=100)
        for engine, repeat, seconds in [("a", 0, 2.0), ("b", 0, 1.0), ("a", 1, 2.0), ("b", 1, 4.0)]
    ]
    assert speedups(rows, "b", "a", 8) == [2.0, 0.5]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("ray::ServeReplica:lift:Ingress", "Ingress"),
        ("ray::ServeReplica:lift:Engine.handle_request", "Engine"),
        ("ray::ProxyActor.run", "proxy"),
        ("ray::ServeController", "controller"),
        ("/site/ray/core/src/ray/raylet/raylet", "ray"),
        ("sglang::scheduler", None),
        ("/usr/bin/python3", None),
        ("", None),
    ],
)
def test_a_process_is_known_by_its_title(title: str, name: str | None) -> None:
    assert service_of(title) == name


def test_processes_that_end_meanwhile_give_no_time_back() -> None:
    before = {("Ingress", 1): 5.0, ("Ingress", 2): 7.0, ("Engine", 3): 1.0}
    after = {("Ingress", 1): 5.5, ("Ingress", 4): 0.25, ("Engine", 3): 1.0}
    assert spent_s(before, after) == {"Ingress": 0.75, "Engine": 0.0}


TINY = {
    "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 8, "vocab_size": 32, "num_hidden_layers": 2, "head_dim": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "moe_intermediate_size": 6, "num_experts": 3,
}  # fmt: skip


def test_noise_has_the_names_and_the_size_of_the_real_weights() -> None:
    """Counted by hand: per layer two norms, attention with its own norms, a router, and three experts."""
    found = dict(shapes(TINY))
    layer = 2 * 8 + (2 * 16 * 8 + 2 * 8 * 8 + 2 * 4) + 3 * 8 + 3 * 3 * 6 * 8
    assert sum(map(prod, found.values())) == 2 * 32 * 8 + 8 + 2 * layer
    assert found["model.layers.1.mlp.experts.2.down_proj.weight"] == (8, 6)
    assert found["model.layers.0.self_attn.k_norm.weight"] == (4,)


def test_shards_hold_every_tensor_once_and_in_order() -> None:
    files = shards(shapes(TINY), shard_bytes=1_000)
    assert [name for file in files for name in file] == [name for name, _ in shapes(TINY)]
    assert len(files) > 3
    assert all(sum(map(prod, file.values())) * 2 < 1_000 + 2 * 32 * 8 for file in files)


def test_recorded_results_are_drawn(tmp_path: Path) -> None:
    for name in ("start", "branches"):
        path = tmp_path / f"{name}.json"
        path.write_bytes((RESULTS / "gpu" / f"{name}.json").read_bytes())
        drawn = CliRunner().invoke(bench, ["plot", str(path)])
        assert drawn.exit_code == 0, drawn.output
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "why"), [("overhead", "no picture of `make bench`"), ("gpu/graph_added", "no blocks of requests")]
)
def test_what_cannot_be_drawn_is_said(name: str, why: str) -> None:
    refused = CliRunner().invoke(bench, ["plot", str(RESULTS / f"{name}.json")])
    assert refused.exit_code == 2
    assert why in " ".join(refused.output.split())


@pytest.mark.parametrize(
    ("model", "start", "gpu", "close"),
    [
        ("qwen3-coder-30b-a3b", "start", "H200", True),
        ("qwen3-coder-30b-a3b", "start_h100", "H100", True),
        ("qwen2.5-coder-0.5b", "start", "H200", False),
    ],
)
def test_a_start_is_compared_with_what_fits(model: str, start: str, gpu: str, close: bool, tmp_path: Path) -> None:
    """The model that was started, and one that was not."""
    shutil.copy(Path("tests/data/configs") / f"{model}.json", tmp_path / "config.json")
    shown = CliRunner().invoke(bench, ["fit", str(tmp_path), str(RESULTS / "gpu" / f"{start}.json"), "--gpu", gpu])
    assert shown.exit_code == 0, shown.output
    assert (float(re.findall(r"'error': ([0-9.]+)", shown.output)[0]) < 0.05) is close


@pytest.mark.parametrize("step", STEPS)
def test_every_measurement_on_a_gpu_is_a_command_with_these_options(step: str) -> None:
    name, config, *options = STEPS[step].split()
    read_settings(Path(config))
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(bench, [name, "--help"]).output
    assert {option for option in options if option.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))


@pytest.mark.slow
def test_without_a_service_nothing_is_measured(config: Path) -> None:
    asked = [LIFT, "bench", "graph", str(config), "--url", "http://127.0.0.1:9"]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "no service is ready at http://127.0.0.1:9" in ran.stderr
