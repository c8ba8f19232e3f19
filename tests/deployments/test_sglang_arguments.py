"""The settings in SGLang's own words, for a CPU and for a GPU."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployments.settings import EngineSettings

pytestmark = pytest.mark.slow

SMALL = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
CONFIGS = Path(__file__).parents[1] / "data" / "configs"

GPU = EngineSettings(
    model="x",
    device="cuda",
    tensor_parallel=4,
    dtype="bfloat16",
    memory_fraction=0.9,
    max_cached_tokens=1_000,
    max_running_requests=8,
    attention_backend="triton",
    quantization="fp8",
    speculative_algorithm="EAGLE3",
    speculative_draft_model="y",
)
NOISE = EngineSettings(model="x", load_format="dummy", sglang={"model_loader_extra_config": "{}", "log_level": "error"})
QUICK = EngineSettings(device="cuda", load_format="fastsafetensors")
SETTINGS = {
    "cpu": EngineSettings(),
    "gpu": GPU,
    "noise": NOISE,
    "quick": QUICK,
    "own reading": QUICK.model_copy(update={"sglang": {"model_loader_extra_config": '{"enable_gds": true}'}}),
    "plain gpu": EngineSettings(device="cuda"),
    "small chunk": EngineSettings(device="cuda", sglang={"chunked_prefill_size": 100}),
    "own length": EngineSettings(device="cuda", sglang={"cuda_graph_max_bs_prefill": 64}),
}
PROGRAM = """
import inspect, json, sys
from sglang.srt.server_args import ServerArgs
from deployments.settings import EngineSettings
from types import SimpleNamespace
from deployments import sglang_engine
given = [sglang_engine.engine_arguments(EngineSettings.model_validate_json(text), "/weights") for text in sys.argv[1:]]
sglang_engine.run_scheduler_process = lambda arguments, *rest: rest
readers = {}
for load_format in ("auto", "fastsafetensors"):
    sglang_engine.run_scheduler(SimpleNamespace(load_format=load_format), 0)
    readers[load_format] = sglang_engine.weight_utils.SafeTensorsFileLoader.__name__
known = list(inspect.signature(ServerArgs).parameters)
print(json.dumps({"known": known, "given": given, "readers": readers}))
"""
ASKED = """
import asyncio, json
from deployments.bench.free import Held
from deployments.sglang_engine import Prompt, SGLangEngine
from lift_sys.evaluation.direct import FREE
from schemas import Chat, Sampling
class SGLang:
    def __init__(self, refuses):
        self.refuses, self.asked = refuses, []
    async def async_generate(self, input_ids, sampling_params, rid, priority):
        several, tokens = isinstance(rid, list), "max_new_tokens"
        self.asked.append([one[tokens] for one in sampling_params] if several else sampling_params[tokens])
        if self.refuses and several:
            raise ValueError("Failed to compile ebnf grammar")
        answer = {"text": "", "meta_info": dict.fromkeys(["prompt_tokens", "cached_tokens", "completion_tokens"], 1)}
        answer["meta_info"] |= {"finish_reason": {"type": "stop"}, "e2e_latency": 1.0}
        return [answer for _ in rid] if several else answer
class Adapter(SGLangEngine):
    def __init__(self, at_once, refuses):
        self._read_at_once, self._asked, self._engine = at_once, 0, SGLang(refuses)
        self._grammars = {"ir": "root ::= x"}
    def tokens_of(self, chat, room_for):
        return [0]
def asked(at_once, *prompts, refuses=False):
    adapter = Adapter(at_once, refuses)
    answers = asyncio.run(adapter.write([Prompt([0] * tokens, {"max_new_tokens": tokens}, n) for tokens, n in prompts]))
    assert len(answers) == sum(n for _, n in prompts)
    assert adapter._asked == 0
    return adapter._engine.asked
def chats_asked(engine_of, *grammars):
    adapter = Adapter(1_024, False)
    chats = [Chat(messages=(), grammar=name) for name in grammars]
    asyncio.run(engine_of(adapter).generate(chats, Sampling(max_tokens=7), "a session"))
    return adapter._engine.asked
print(json.dumps([
    chats_asked(lambda adapter: adapter, "ir", "ir"),
    chats_asked(Held, "ir", FREE),
    asked(1_024, (256, 4)),
    asked(1_024, (257, 4), (9, 1), (8, 2)),
    asked(1_024, (5_000, 1)),
    asked(0, (2, 2)),
    asked(1_024, (2, 2), refuses=True),
]))
"""
REFUSED = """
import sys
from deployments.settings import EngineSettings
from deployments.sglang_engine import SGLangEngine
sys.modules["fastsafetensors"] = None  # as if it were not installed
for text in sys.argv[1:]:
    try:
        SGLangEngine(EngineSettings.model_validate_json(text), [])
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    """What SGLang takes and what the adapter gives, from a process of its own: SGLang warns and patches on import."""
    command = [sys.executable, "-c", PROGRAM, *(one.model_dump_json() for one in SETTINGS.values())]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert shown.returncode == 0, shown.stderr[-2_000:]
    found = json.loads(shown.stdout.splitlines()[-1])
    return {**found, "given": dict(zip(SETTINGS, found["given"], strict=True))}


def test_every_argument_is_one_that_sglang_takes(asked: dict[str, Any]) -> None:
    for given in asked["given"].values():
        assert set(given) <= set(asked["known"])


def test_a_gpu_gets_what_the_config_says_and_no_more(asked: dict[str, Any]) -> None:
    given = asked["given"]["gpu"]
    assert given["tp_size"] == 4
    assert given["quantization"] == "fp8"
    assert given["speculative_draft_model_path"] == "y"
    assert "disable_cuda_graph" not in given
    assert given["cuda_graph_max_bs_decode"] == 8, "graphs for all that may run"
    assert given["cuda_graph_bs_prefill"] == [1, 4, 8, 16, 32, 64, 128, 256, 512, 1_000], "and prefills"
    assert given["constrained_json_disable_any_whitespace"] is True


def test_a_cpu_gets_the_backends_that_run_there(asked: dict[str, Any]) -> None:
    given = asked["given"]["cpu"]
    assert given["attention_backend"] == "torch_native"
    assert given["dtype"] == "bfloat16"
    assert given.keys().isdisjoint({"mem_fraction_static", "cuda_graph_max_bs_decode", "cuda_graph_bs_prefill"})


def test_every_prefill_up_to_the_longest_has_a_graph_that_sglang_takes(asked: dict[str, Any]) -> None:
    captured = asked["given"]["plain gpu"]["cuda_graph_bs_prefill"]
    assert captured[-1] == 2_048
    for tokens in range(1, 2_049):
        padded = min(size for size in captured if size >= tokens)
        assert padded <= 2 * tokens, f"{tokens} would be read without a graph"


@pytest.mark.parametrize(("name", "captured"), [("small chunk", [1, 4, 8, 16, 32, 64, 100]), ("own length", None)])
def test_prefills_are_captured_as_long_as_the_config_lets_them_be(
    asked: dict[str, Any], name: str, captured: list[int] | None
) -> None:
    assert asked["given"][name].get("cuda_graph_bs_prefill") == captured


def test_how_weights_are_read_is_not_said_where_none_are(asked: dict[str, Any]) -> None:
    noise = asked["given"]["noise"]
    assert "model_loader_extra_config" not in noise
    assert noise["log_level"] == "error"


def test_weights_are_read_by_way_of_pinned_memory_unless_the_config_says_otherwise(asked: dict[str, Any]) -> None:
    assert asked["given"]["quick"]["model_loader_extra_config"] == '{"enable_gds": false}'
    assert asked["given"]["own reading"]["model_loader_extra_config"] == '{"enable_gds": true}'
    assert "model_loader_extra_config" not in asked["given"]["plain gpu"]


def test_the_schedulers_process_reads_with_our_reader_where_files_are_read_whole(asked: dict[str, Any]) -> None:
    assert asked["readers"] == {"auto": "SafeTensorsFileLoader", "fastsafetensors": "FileReader"}


def test_what_cannot_work_is_refused_before_sglang_starts(tmp_path: Path) -> None:
    """A model too large for the GPU that the driver tells of, missing weights, a backend that is none, no reader."""
    shutil.copy(CONFIGS / "qwen3-coder-30b-a3b.json", tmp_path / "config.json")
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 23028\n", encoding="utf-8")
    driver.chmod(0o755)
    cpu = EngineSettings(model=str(tmp_path), load_format="dummy")
    wrong = {
        "DoesNotFit: ": cpu.model_copy(update={"device": "cuda"}),
        "WeightsMissing: No weights": cpu.model_copy(update={"load_format": "auto"}),
        "ValueError: engine.attention_backend: SGLang knows no 'magic'": cpu.model_copy(
            update={"model": SMALL, "attention_backend": "magic"}
        ),
        "ReaderMissing: engine.load_format: the package 'fastsafetensors' is not installed": cpu.model_copy(
            update={"model": SMALL, "device": "cuda", "load_format": "fastsafetensors"}
        ),
    }
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", REFUSED, *(settings.model_dump_json() for settings in wrong.values())]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=True)
    said = [line for line in shown.stdout.splitlines() if ": " in line]
    assert len(said) == len(wrong)
    assert all(line.startswith(begun) for line, begun in zip(said, wrong, strict=True)), said


def test_all_that_is_asked_for_together_goes_to_the_scheduler_in_one_message() -> None:
    """Told by how many tokens are to be written; 0 is a prefill, which only variations of a long prompt have.

    On a CPU every prompt is a long one. Where SGLang refuses a grammar each is asked for by itself, so that one that is
    refused does not take the others with it. The benchmarks' engine, which knows chats without a grammar too, sends as
    the service's own does.
    """
    shown = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=110, check=False)
    assert shown.returncode == 0, shown.stderr[-2_000:]
    chats, held, short, long, single, on_a_cpu, refused = json.loads(shown.stdout.splitlines()[-1])
    assert chats == held == [[7, 7]]
    assert short == [[256, 256, 256, 256]]
    assert long == [0, [257, 257, 257, 257, 9, 8, 8]]
    assert single == [5_000]
    assert on_a_cpu == [0, [2, 2]]
    assert refused == [[2, 2], 2, 2]
