"""Tells an address that a job has ended, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from deployments.jobs.address import AddressRefused, parse, resolve
from deployments.jobs.attempt import Again, End, backoff_s
from deployments.jobs.store import JobStore, Taken
from deployments.jobs.stored import stored
from lift_sys.errors import JobExpired, JobUnknown, LiftError
from schemas import JobEnded

_LONGEST_WAIT_S = 3_600.0
_TOLD = End("", True)
_FAILED = End("", False)


def signers(secrets: str) -> tuple[Webhook, ...]:
    """From secrets with spaces between them. Raises `ValueError` that does not say them."""
    try:
        made = tuple(Webhook(secret) for secret in secrets.split())
    except (binascii.Error, EmptyWebhookSecretError, ValueError):
        raise ValueError("a webhook secret is not of the form whsec_ and base64") from None
    if not made:
        raise ValueError("there is no webhook secret")
    return made


class Telling:
    """A Doer."""

    def __init__(self, store: JobStore, signers: Sequence[Webhook], *, private: bool, timeout_s: float) -> None:
        self._store = store
        self._signers = signers
        self._private = private
        self._timeout_s = timeout_s

    async def ready(self) -> bool:
        return bool(self._signers)

    async def do(self, taken: Taken) -> End | Again:
        try:
            job = await stored(self._store.job, taken.owner, taken.job_id)
            now = datetime.now(UTC)
            body = JobEnded(timestamp=now, data=job).model_dump_json()
            async with asyncio.timeout(self._timeout_s):
                status = await self._post(taken.body, body, _signed(self._signers, f"msg_{taken.job_id}", now, body))
        except (JobUnknown, JobExpired):
            return _FAILED
        except (httpx.HTTPError, TimeoutError, AddressRefused, LiftError):
            return self._again(taken)
        if status == httpx.codes.GONE:
            return _FAILED
        return _TOLD if httpx.codes.is_success(status) else self._again(taken)

    def lost(self, taken: Taken) -> End:
        return _FAILED

    def _again(self, taken: Taken) -> Again:
        return Again(backoff_s(taken.attempt, _LONGEST_WAIT_S), True, _FAILED)

    async def _post(self, address: str, body: str, headers: dict[str, str]) -> int:
        """The status. Of what is answered nothing is read, and no redirect is followed."""
        url = parse(address, private=self._private)
        at = url.copy_with(host=await resolve(url, private=self._private))
        named = {**headers, "host": url.netloc.decode("ascii"), "content-type": "application/json"}
        # The certificate is held to the name, although the connection goes to the number.
        extensions = {"sni_hostname": url.host}
        async with (
            httpx.AsyncClient(timeout=self._timeout_s, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", at, content=body, headers=named, extensions=extensions) as answer,
        ):
            return answer.status_code


def _signed(signers: Sequence[Webhook], message: str, now: datetime, body: str) -> dict[str, str]:
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signer.sign(message, now, body) for signer in signers),
    }
