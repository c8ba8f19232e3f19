"""Requests about jobs to a running service."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from deployments.cli.console import fail
from schemas import Job, JobList

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 30.0
_TRIES = 5
_PAUSE_S = 1.0


class JobsClient:
    """Its methods end the command with the problem's own words if there is no answer."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        import httpx

        from lift_sys.client.protocol import options

        self._url = url
        self._broken = (httpx.TransportError,)
        try:
            self._http = httpx.Client(**options(url.rstrip("/"), api_key), timeout=_TIMEOUT_S)
        except httpx.InvalidURL as error:
            fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._http.close()

    def submit(self, body: dict[str, Any], key: str) -> Job:
        """By its key, so that sending it again after a broken connection makes no second job."""
        return Job.model_validate_json(self._ask("POST", "/v1/jobs", json=body, headers={"idempotency-key": key}))

    def job(self, job_id: str) -> Job:
        return Job.model_validate_json(self._ask("GET", f"/v1/jobs/{job_id}"))

    def cancel(self, job_id: str) -> Job:
        return Job.model_validate_json(self._ask("DELETE", f"/v1/jobs/{job_id}"))

    def listed(self, limit: int) -> JobList:
        return JobList.model_validate_json(self._ask("GET", f"/v1/jobs?limit={limit}"))

    def results(self, job_id: str) -> Iterator[str]:
        from lift_sys.client.protocol import refusal

        with self._named(), self._http.stream("GET", f"/v1/jobs/{job_id}/results") as answer:
            if answer.status_code >= 400:
                answer.read()
                fail(str(refusal(answer)))
            yield from answer.iter_lines()

    def _ask(self, method: str, path: str, **given: Any) -> bytes:
        from lift_sys.client.protocol import refusal

        with self._named():
            answer = self._persist(method, path, **given)
        if answer.status_code >= 400:
            fail(str(refusal(answer)))
        return answer.content

    def _persist(self, method: str, path: str, **given: Any) -> "httpx.Response":
        for _ in range(_TRIES - 1):
            try:
                answer = self._http.request(method, path, **given)
            except self._broken:
                time.sleep(_PAUSE_S)
                continue
            if answer.status_code not in (409, 503):
                return answer
            time.sleep(_PAUSE_S)
        return self._http.request(method, path, **given)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except self._broken as error:
            fail(f"no service at {self._url} ({error}); start one with `lift serve`")
