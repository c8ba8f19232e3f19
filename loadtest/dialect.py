"""How a request is put, and how its answer is told: in the service's own form, or in OpenAI's."""

import json
from dataclasses import dataclass
from typing import Any

from schemas.chat import ChatChunk
from schemas.events import EVENT, Event


@dataclass(frozen=True)
class Dialect:
    chat_model: str = ""
    """Asked for in OpenAI's form, if there is one."""

    @property
    def path(self) -> str:
        return "/v1/chat/completions" if self.chat_model else "/v1/lift"

    def body(self, prompt: str) -> dict[str, Any]:
        if not self.chat_model:
            return {"prompt": prompt, "stream": True}
        return {"model": self.chat_model, "messages": [{"role": "user", "content": prompt}], "stream": True}

    def event(self, data: bytes) -> Event | None:
        """What a part of the stream says, if anything. Raises `ValueError` at an error, and at what is neither."""
        if not self.chat_model:
            return EVENT.validate_json(data)
        if data == b"[DONE]":
            return None
        told = json.loads(data)
        if "error" in told:
            raise ValueError(told["error"].get("message", "an error without a message"))
        return ChatChunk.model_validate(told).lift
