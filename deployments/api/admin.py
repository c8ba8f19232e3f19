"""`/admin`: who may call, what they use now, and keys read again at once. Needs the scope `admin`."""

from datetime import UTC, datetime

from fastapi import FastAPI
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from deployments.security.audit_log import audit
from deployments.security.key_file import KeyFile
from deployments.security.keys import Key, Quota, Scope
from deployments.security.quotas import Quotas
from schemas.wire import Wire


class KeyState(Wire):
    name: str
    id: str
    scopes: tuple[Scope, ...]
    expires: AwareDatetime | None
    valid: bool
    quota: Quota
    """Of the key itself; what it leaves open, the deployment's settings say."""
    at_once: int
    """Requests of the caller that this ingress works on now."""
    left: dict[str, int]
    """Of the caller: requests of this minute (`minute`), tokens of this day (`day`)."""


class Loaded(Wire):
    keys: int


def add_admin(api: FastAPI, keys: KeyFile | None, quotas: Quotas) -> None:
    async def state(key: Key) -> KeyState:
        return KeyState(
            name=key.name,
            id=key.id,
            scopes=key.scopes,
            expires=key.expires,
            valid=key.is_valid(datetime.now(UTC)),
            quota=key.quota,
            at_once=quotas.at_once(key.caller),
            left=await quotas.left(key.caller),
        )

    @api.get("/admin/keys", tags=["admin"])
    async def list_keys() -> list[KeyState]:
        """Every key with what its caller uses, as this ingress counts it. No secret: only hashes are kept."""
        audit("admin", "listed the keys")
        return [await state(key) for key in (keys.keys().keys if keys else ())]

    @api.post("/admin/keys/reload", tags=["admin"], responses={404: {}, 409: {}})
    async def reload_keys() -> Loaded:
        """Read the keys file now, in the ingress that answers. Each does so within a second of its next request."""
        audit("admin", "reload of the keys")
        if keys is None:
            raise HTTPException(404, "this deployment has no api.keys_file")
        if not keys.look():
            raise HTTPException(409, "the keys file cannot be used, and the keys stay as they were; the log says why")
        return Loaded(keys=len(keys.keys().keys))
