"""Engine on SGLang with XGrammar, on a CPU and on a GPU alike. The only file that imports SGLang."""

import asyncio
import multiprocessing
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from sglang.srt.entrypoints.engine import Engine
from sglang.srt.managers.io_struct import ReleaseMemoryOccupationReqInput, ResumeMemoryOccupationReqInput
from sglang.srt.managers.scheduler import run_scheduler_process
from sglang.srt.model_loader import weight_utils
from sglang.srt.server_args import ATTENTION_BACKEND_CHOICES, QUANTIZATION_CHOICES, ServerArgs

from deployments import processes
from deployments.prepare import prepared
from deployments.settings import EngineSettings
from deployments.special_tokens import inert
from lift_sys.errors import SpecificationInvalid
from lift_sys.grammar.spelling import EBNF, LARK, Dialect, spell
from lift_sys.grammar.tree import Grammar
from lift_sys.hearing import Hear, listener
from lift_sys.scaling import Load
from schemas import Chat, Completion, Piece, Sampling

_PROBE_EVERY_S = 15.0
_PROBE_LIMIT_S = {"cuda": 20.0, "cpu": 100.0}
"""The scheduler hears of a probe between two batches; on a busy CPU one takes long."""
_READ_AT_ONCE = {"cuda": 1_024, "cpu": 0}
"""Tokens of a prefill that cost a GPU no more than another step would; a CPU's time is that of its tokens."""
_LONGEST_CAPTURED = 2_048
"""Tokens of a prefill. In a longer one the GPU has more to do than Python, which launches kernel by kernel."""
_NOTHING = {"max_new_tokens": 0, "temperature": 0.0}
"""To be written: a prompt that is only read."""
_ON_GRAMMARS = "rammar"
"""What is in SGLang's words when a grammar is refused, fails, or takes too long."""
_DIALECTS: dict[str, Dialect] = {"xgrammar": EBNF, "llguidance": LARK}


@dataclass(frozen=True)
class Prompt:
    """What `n` sequences go on from."""

    tokens: list[int]
    parameters: dict[str, Any]
    """SGLang's own, of a sequence."""
    n: int = 1


def run_scheduler(server_args: ServerArgs, *args: Any) -> None:
    """SGLang's own, in the process that it is to run in."""
    if server_args.load_format == "fastsafetensors":
        from deployments.file_reader import FileReader

        weight_utils.SafeTensorsFileLoader = FileReader
    run_scheduler_process(server_args, *args)


class _Spawned(Engine):  # type: ignore[misc]  # untyped
    """SGLang's own, with our scheduler."""

    run_scheduler_process_func = staticmethod(run_scheduler)


class _Forked(Engine):  # type: ignore[misc]  # untyped
    """Its processes are forked from the server of `processes`: SGLang itself has them spawned."""

    run_scheduler_process_func = staticmethod(processes.InThisEnvironment(run_scheduler))
    run_detokenizer_process_func = staticmethod(processes.InThisEnvironment(Engine.run_detokenizer_process_func))

    @classmethod
    def _launch_scheduler_processes(cls, *args: Any, **kwargs: Any) -> Any:
        multiprocessing.set_start_method("forkserver", force=True)
        return super()._launch_scheduler_processes(*args, **kwargs)


class SGLangEngine:
    """One SGLang engine. Build it in the event loop that will use it, then `await warm_up(…)` before the first call."""

    def __init__(self, settings: EngineSettings, grammars: Sequence[Grammar]) -> None:
        """Loads the weights. Raises what `prepared` does, and `ValueError` for what SGLang does not know."""
        folder = prepared(settings, grammars)
        dialect = _DIALECTS[settings.grammar_backend]
        self._grammars = {grammar.name: spell(grammar.root, dialect) for grammar in grammars}
        arguments = engine_arguments(settings, str(folder))
        _require_known(arguments)
        processes.begin(settings)
        processes.skip_other_models(folder)
        self._engine = (_Forked if processes.may_fork(settings) else _Spawned)(**arguments)
        self._processes = multiprocessing.active_children()
        self._asked = 0
        self._probed = time.monotonic()
        self._probe_limit_s = _PROBE_LIMIT_S[settings.device]
        self._read_at_once = _READ_AT_ONCE[settings.device]
        self._context_tokens = settings.context_tokens
        self._tokenizer = self._engine.tokenizer_manager.tokenizer
        self._marks = tuple(self._tokenizer.get_added_vocab())

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        return await self.write([self.prompt_of(chat, sampling) for chat in chats], sampling.priority)

    def prompt_of(self, chat: Chat, sampling: Sampling, parameters: dict[str, Any] | None = None) -> Prompt:
        """`parameters`: in place of those of the chat's grammar. Raises what `tokens_of` does."""
        tokens = self.tokens_of(chat, room_for=sampling.max_tokens)
        return Prompt(tokens, parameters or self.parameters(chat.grammar, sampling), chat.n)

    def parameters(self, grammar: str, sampling: Sampling) -> dict[str, Any]:
        """SGLang's own words for an answer held to a grammar."""
        return {
            "temperature": sampling.temperature,
            "max_new_tokens": sampling.max_tokens,
            "ebnf": self._grammars[grammar],
            # Then the text is what the grammar admitted: to it a special token is the characters of its name.
            "skip_special_tokens": False,
        }

    async def write(self, prompts: Sequence[Prompt], priority: int = 0) -> list[Completion]:
        """`n` sequences of each, in order. All begin in one step; those of a long prompt share a prefill before it.

        SGLang's own `n` always prefills first, and 0.5.23 hands the grammar to that too, and then logs an error for it.
        """
        long = [one for one in prompts if one.n > 1 and one.n * len(one.tokens) > self._read_at_once]
        await asyncio.gather(*(self.complete(one.tokens, _NOTHING, priority) for one in long))
        sequences = [(one.tokens, one.parameters) for one in prompts for _ in range(one.n)]
        if len(sequences) > 1 and (together := await self._together(sequences, priority)):
            return together
        return await asyncio.gather(*(self.complete(*sequence, priority) for sequence in sequences))

    async def _together(
        self, sequences: Sequence[tuple[list[int], dict[str, Any]]], priority: int
    ) -> list[Completion] | None:
        """In one message to the scheduler; else it reads what comes first, and the rest a step later.

        None where SGLang refuses a grammar: it does not say which. Cancelling this await aborts all.
        """
        asked = self._engine.async_generate(
            input_ids=[tokens for tokens, _ in sequences],
            sampling_params=[parameters for _, parameters in sequences],
            rid=[uuid.uuid4().hex for _ in sequences],
            priority=priority,
        )
        answers = await self._unless_refused(asked, len(sequences))
        return [_completion(answer, answer["meta_info"]["e2e_latency"]) for answer in answers] if answers else None

    async def _unless_refused(self, answer: Awaitable[Any], sequences: int) -> Any:
        """The answer, or None where SGLang refuses a grammar; until then so many count as asked for."""
        self._asked += sequences
        try:
            return await answer
        except ValueError as error:
            if _ON_GRAMMARS not in str(error):
                raise
            return None
        finally:
            self._asked -= sequences

    def tokens_of(self, chat: Chat, room_for: int) -> list[int]:
        """The chat as a prompt, in the model's own template. Raises `SpecificationInvalid` when it is too long."""
        messages = [{"role": message.role, "content": inert(message.content, self._marks)} for message in chat.messages]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids: list[int] = self._tokenizer.encode(text + chat.opening, add_special_tokens=False)
        room = self._context_tokens - room_for
        if len(ids) > room:
            raise SpecificationInvalid(
                "prompt", f"makes a prompt of {len(ids)} tokens, and this model has room for {room}"
            )
        return ids

    async def complete(self, prompt: list[int], parameters: dict[str, Any], priority: int = 0) -> Completion:
        """One sequence. Cancelling this await aborts it in the scheduler."""
        begun = time.monotonic()
        asked = self._answer(input_ids=prompt, sampling_params=parameters, rid=uuid.uuid4().hex, priority=priority)
        answer = await self._unless_refused(asked, 1)
        seconds = time.monotonic() - begun
        return _completion(answer, seconds) if answer else _without_grammar(seconds)

    async def _answer(self, **asked: Any) -> dict[str, Any]:
        hear = listener()
        if hear is None:
            answer: dict[str, Any] = await self._engine.async_generate(**asked)
            return answer
        return await _told(await self._engine.async_generate(**asked, stream=True), hear)

    async def warm_up(self, chats: Sequence[Chat]) -> dict[str, float]:
        """Compile every grammar, and bring the prefix of every chat into the cache.

        Gives the seconds of each grammar, its first token included. Raises `RuntimeError` if SGLang refuses one.
        """
        took_s = {}
        for name in self._grammars:
            greeting = await self.complete([0], self.parameters(name, Sampling(max_tokens=1)))
            if greeting.finish_reason in ("abort", "grammar"):
                raise RuntimeError(f"SGLang refuses the grammar {name!r}; its log says why")
            took_s[name] = greeting.seconds
        for chat in chats:
            await self.complete(self.tokens_of(chat, room_for=1), {"max_new_tokens": 1, "temperature": 0.0})
        return took_s

    async def check_health(self) -> None:
        """Raises when a process of the engine is dead, or when an idle scheduler does not give a token in time.

        SGLang watches a busy scheduler itself, and ends its replica by a signal. One started in the background by a
        shell ignores that signal.
        """
        if dead := [process.name for process in self._processes if not process.is_alive()]:
            raise RuntimeError(f"SGLang's processes {', '.join(dead)} died; its log says why")
        [snapshot] = await self._engine.tokenizer_manager.get_loads()
        if snapshot.num_running_reqs + snapshot.num_waiting_reqs or time.monotonic() - self._probed < _PROBE_EVERY_S:
            return
        async with asyncio.timeout(self._probe_limit_s):
            await self.complete([0], {"max_new_tokens": 1, "temperature": 0.0})
        self._probed = time.monotonic()

    async def load(self) -> Load:
        """Reads shared memory: no queueing.

        The scheduler writes there between two batches, which on a CPU is seconds old. What it has not seen yet waits.
        """
        [snapshot] = await self._engine.tokenizer_manager.get_loads()
        seen = snapshot.num_running_reqs + snapshot.num_waiting_reqs
        return Load(
            running=snapshot.num_running_reqs,
            waiting=snapshot.num_waiting_reqs + max(0, self._asked - seen),
            used_tokens=snapshot.num_used_tokens,
            capacity_tokens=snapshot.max_total_num_tokens,
            uncached_tokens=snapshot.num_waiting_uncached_tokens,
        )

    def startup_s(self) -> dict[str, float]:
        """Seconds of SGLang's own start: `whole`, and the parts of it that it tells apart."""
        told = self._engine.tokenizer_manager.startup_time
        return {
            "whole": told["tokenizer_e2e"],
            "scheduler": told["scheduler_e2e"],
            "weights": told["load_weight"],
            "kv_cache": told["kv_cache_allocation"],
            "graphs": sum(told["cuda_graph"].values()),
        }

    async def accept_length(self) -> float | None:
        """Tokens a step of the recent batches; None without speculation."""
        [state] = await self._engine.tokenizer_manager.get_internal_state()
        length: float | None = state.get("avg_spec_accept_length")
        return length

    async def memory(self) -> dict[str, float]:
        """GiB of the device by what they hold, each of one GPU, and `tokens` that the KV cache has room for."""
        [state] = await self._engine.tokenizer_manager.get_internal_state()
        told = state["memory_usage"]
        return {
            "weights": told["weight"],
            "kv_cache": told["kvcache"],
            "graphs": sum(told["graph"].values()),
            "tokens": told["token_capacity"],
        }

    async def pause(self) -> None:
        """Give the device's memory back while nothing runs. Needs SGLang's `enable_memory_saver`."""
        await self._engine.tokenizer_manager.release_memory_occupation(ReleaseMemoryOccupationReqInput(), None)

    async def resume(self) -> None:
        """Take it again, with the weights as they were where SGLang's `enable_weights_cpu_backup` keeps them."""
        await self._engine.tokenizer_manager.resume_memory_occupation(ResumeMemoryOccupationReqInput(), None)

    def shutdown(self) -> None:
        self._engine.shutdown()


def engine_arguments(settings: EngineSettings, model_path: str) -> dict[str, Any]:
    """The settings in SGLang's words; what is None stays SGLang's choice."""
    chosen: dict[str, Any] = {
        "dtype": "bfloat16" if settings.device == "cpu" and settings.dtype == "auto" else settings.dtype,
        "mem_fraction_static": settings.memory_fraction,
        "max_total_tokens": settings.max_cached_tokens,
        "max_running_requests": settings.max_running_requests,
        "attention_backend": settings.attention_backend,
        "quantization": settings.quantization,
        "speculative_algorithm": settings.speculative_algorithm,
        "speculative_draft_model_path": settings.speculative_draft_model,
    }
    if settings.device == "cpu":
        chosen = {**_ON_A_CPU, **{key: value for key, value in chosen.items() if value is not None}}
    further = {name: value for name, value in settings.sglang.items() if name not in _no_use_for(settings)}
    return {
        "log_level": "warning",
        "enable_metrics": True,  # else it does not tell when the first token came
        "enable_priority_scheduling": True,
        "disable_priority_preemption": True,  # what has begun is not thrown away
        "default_priority_value": 0,
        **_captured(settings),
        **_read(settings),
        **further,
        "model_path": model_path,
        "device": settings.device,
        "tp_size": settings.tensor_parallel,
        "load_format": settings.load_format,
        "context_length": settings.context_tokens,
        "grammar_backend": settings.grammar_backend,
        "constrained_json_disable_any_whitespace": True,
        **{key: value for key, value in chosen.items() if value is not None},
    }


def _completion(answer: dict[str, Any], seconds: float) -> Completion:
    meta = answer["meta_info"]
    return Completion(
        text=answer["text"],
        finish_reason=meta["finish_reason"]["type"],
        prompt_tokens=meta["prompt_tokens"],
        cached_tokens=meta["cached_tokens"],
        completion_tokens=meta["completion_tokens"],
        seconds=seconds,
        ttft_s=meta.get("first_token_latency"),
        tpot_s=1 / meta["decode_throughput"] if meta.get("decode_throughput") else None,
    )


async def _told(answers: AsyncIterator[dict[str, Any]], hear: Hear) -> dict[str, Any]:
    """The last answer. Each of SGLang's holds the whole text so far."""
    said = 0
    async for answer in answers:
        text = answer["text"]
        if len(text) > said:
            hear(Piece(text=text[said:], begins=said == 0))
            said = len(text)
    return answer


def _captured(settings: EngineSettings) -> dict[str, Any]:
    """CUDA graphs for every batch that may run, and for prefills. What has none runs kernel by kernel.

    By itself SGLang captures up to 32 sequences on an A100-40G, and on an A10G up to 24 (0.5.17) or 48 (0.5.23), and
    runs more; and some fifty lengths of a prefill, each of which takes a start half a second at true size.
    """
    if settings.device == "cpu":
        return {}
    captured: dict[str, Any] = {"cuda_graph_max_bs_decode": settings.max_running_requests}
    if "cuda_graph_max_bs_prefill" not in settings.sglang:  # which a list would overrule
        captured["cuda_graph_bs_prefill"] = _prefills(settings)
    return captured


def _prefills(settings: EngineSettings) -> list[int]:
    """Lengths in tokens: as SGLang takes no graph more than twice as long as what is read, powers of two.

    Without 2, for which 4 does; and the longest prefill that there can be, where it is shorter than the longest graph.
    """
    limits = (settings.sglang.get("chunked_prefill_size"), settings.max_cached_tokens)
    longest = min([_LONGEST_CAPTURED, *(limit for limit in limits if isinstance(limit, int) and limit > 0)])
    return sorted({1, longest, *(2**power for power in range(2, longest.bit_length()))})


def _read(settings: EngineSettings) -> dict[str, Any]:
    """Not by NVIDIA's cuFile, which wants a driver of its own, and takes memory of every GPU for each process.

    https://github.com/vllm-project/vllm/pull/34070
    """
    return {"model_loader_extra_config": '{"enable_gds": false}'} if settings.load_format == "fastsafetensors" else {}


def _no_use_for(settings: EngineSettings) -> set[str]:
    """SGLang refuses to be told how to read weights where it reads none."""
    return {"model_loader_extra_config"} if settings.load_format == "dummy" else set()


def _without_grammar(seconds: float) -> Completion:
    return Completion(
        text="", finish_reason="grammar", prompt_tokens=0, cached_tokens=0, completion_tokens=0, seconds=seconds
    )


def _require_known(arguments: dict[str, Any]) -> None:
    """Raises `ValueError` for a name that SGLang does not know. Its scheduler would end of it, without a word to us."""
    for key, known in {"attention_backend": ATTENTION_BACKEND_CHOICES, "quantization": QUANTIZATION_CHOICES}.items():
        if (name := arguments.get(key)) not in (None, *known):
            raise ValueError(f"engine.{key}: SGLang knows no {name!r}; there are {', '.join(map(str, known))}")


_ON_A_CPU = {
    "attention_backend": "torch_native",
    "sampling_backend": "pytorch",
    "disable_overlap_schedule": True,
    "disable_cuda_graph": True,
    # A long prompt in one piece would keep the scheduler from its messages for a minute.
    "chunked_prefill_size": 1_024,
    # The scheduler's loop would else keep a core busy while there is nothing to do.
    "sleep_on_idle": True,
}
