"""Engine on SGLang with XGrammar, on a CPU and on a GPU alike. The only file that imports SGLang."""

import asyncio
import os
import time
import uuid
from collections.abc import Sequence
from typing import Any

import sglang

from deployments.models.weights import locate
from deployments.settings import EngineSettings
from lift_sys.errors import SpecificationInvalid
from schemas import Chat, Completion, Message, Sampling

_PROBE_EVERY_S, _PROBE_LIMIT_S = 15.0, 20.0
_GREETING = Chat(messages=(Message(role="user", content="Hi"),))


class SGLangEngine:
    """One SGLang engine. Build it in the event loop that will use it, then `await warm_up(…)` before the first call."""

    def __init__(self, settings: EngineSettings) -> None:
        """Loads the weights. Raises `WeightsMissing` that names the model and the remedy."""
        arguments = engine_arguments(settings, str(locate(settings.model)))
        if settings.device == "cpu":
            # For the processes that SGLang starts now. Ray has set the second to the replica's `num_cpus`.
            os.environ["SGLANG_USE_CPU_ENGINE"] = "1"
            os.environ["OMP_NUM_THREADS"] = str(settings.threads or os.cpu_count() or 1)
        self._engine = sglang.Engine(**arguments)
        self._probed = time.monotonic()
        self._context_tokens = settings.context_tokens
        self._tokenizer = self._engine.tokenizer_manager.tokenizer

    async def generate(self, chats: Sequence[Chat], grammar: str, sampling: Sampling, session: str) -> list[Completion]:
        parameters = {"temperature": sampling.temperature, "max_new_tokens": sampling.max_tokens, "ebnf": grammar}
        prompts = [(self._prompt(chat, room_for=sampling.max_tokens), chat.n) for chat in chats]
        branches = await asyncio.gather(*(self._branch(prompt, n, parameters) for prompt, n in prompts))
        return [completion for branch in branches for completion in branch]

    async def _branch(self, prompt: list[int], n: int, parameters: dict[str, Any]) -> list[Completion]:
        """`n` sequences over one prefill.

        SGLang's own `n` does the same, but 0.5.23 hands the grammar to the prefill too, and then logs an error for it.
        """
        if n > 1:
            await self._complete(prompt, {"max_new_tokens": 0, "temperature": 0.0})
        return await asyncio.gather(*(self._complete(prompt, parameters) for _ in range(n)))

    def _prompt(self, chat: Chat, room_for: int) -> list[int]:
        """The chat as token ids, in the model's own template. Raises `SpecificationInvalid` when it is too long."""
        messages = [message.model_dump() for message in chat.messages]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        room = self._context_tokens - room_for
        if len(ids) > room:
            raise SpecificationInvalid(
                "prompt", f"makes a prompt of {len(ids)} tokens, and this model has room for {room}"
            )
        return ids

    async def _complete(self, prompt: list[int], parameters: dict[str, Any]) -> Completion:
        """One sequence. Cancelling this await aborts it in the scheduler."""
        begun = time.monotonic()
        answer = await self._engine.async_generate(input_ids=prompt, sampling_params=parameters, rid=uuid.uuid4().hex)
        meta = answer["meta_info"]
        return Completion(
            text=answer["text"],
            finish_reason=meta["finish_reason"]["type"],
            prompt_tokens=meta["prompt_tokens"],
            cached_tokens=meta["cached_tokens"],
            completion_tokens=meta["completion_tokens"],
            seconds=time.monotonic() - begun,
        )

    async def warm_up(self, grammars: Sequence[str], chats: Sequence[Chat]) -> None:
        """Compile every grammar, and bring the prefix of every chat into the cache."""
        for grammar in grammars:
            await self.generate([_GREETING], grammar, Sampling(max_tokens=1), "")
        for chat in chats:
            await self._complete(self._prompt(chat, room_for=1), {"max_new_tokens": 1, "temperature": 0.0})

    async def check_health(self) -> None:
        """Raises when an idle scheduler does not give a token in time. A busy one is watched by SGLang itself."""
        load = await self.load()
        if load["running"] + load["waiting"] or time.monotonic() - self._probed < _PROBE_EVERY_S:
            return
        async with asyncio.timeout(_PROBE_LIMIT_S):
            await self._complete([0], {"max_new_tokens": 1, "temperature": 0.0})
        self._probed = time.monotonic()

    async def load(self) -> dict[str, float]:
        """Requests running and waiting, and the share of the KV cache in use. Reads shared memory: no queueing."""
        [snapshot] = await self._engine.tokenizer_manager.get_loads()
        return {
            "running": snapshot.num_running_reqs,
            "waiting": snapshot.num_waiting_reqs,
            "token_usage": snapshot.token_usage,
        }

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
    return {
        "model_path": model_path,
        "device": settings.device,
        "tp_size": settings.tensor_parallel,
        "context_length": settings.context_tokens,
        "grammar_backend": settings.grammar_backend,
        "constrained_json_disable_any_whitespace": True,
        "log_level": "warning",
        **{key: value for key, value in chosen.items() if value is not None},
    }


_ON_A_CPU = {
    "attention_backend": "torch_native",
    "sampling_backend": "pytorch",
    "disable_overlap_schedule": True,
    "disable_cuda_graph": True,
    # The scheduler's loop would else keep a core busy while there is nothing to do.
    "sleep_on_idle": True,
}
