"""An API with keys, in this process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deployments.api.routes import make_api
from deployments.bench.scripted_service import ScriptedService
from deployments.security.key_file import edit_keys
from deployments.security.keys import Keys, Quota, Scope, new_key
from deployments.settings import ApiSettings

LIFT = {"prompt": "double a number"}
VALIDATE = {"code": "def f(x): return x", "function": "f"}


@dataclass
class Guarded:
    """Keys of callers, and an API that asks for them."""

    path: Path
    backend: ScriptedService

    def key(self, name: str, *scopes: Scope, **quota: int) -> str:
        key, text = new_key(name, scopes, quota=Quota(**quota))
        edit_keys(self.path, lambda known: Keys(keys=(*known.keys, key)))
        return text

    def client(self, **settings: Any) -> httpx.AsyncClient:
        api = make_api(self.backend.service(), ApiSettings(keys_file=self.path, **settings))
        return client_of(api)


def client_of(api: Any, client: tuple[str, int] = ("127.0.0.1", 1), url: str = "http://test") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(api, raise_app_exceptions=False, client=client)
    return httpx.AsyncClient(transport=transport, base_url=url)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
