"""Requests of every shape to the API in this process, made by schemathesis from what the API says of itself."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from deployments.api.routes import make_api
from deployments.bench.scripted_service import ScriptedService
from deployments.security.key_file import edit_keys
from deployments.security.keys import SCOPES, Keys, new_key
from deployments.settings import ApiSettings

_SHOWN = 500
_LATE = 504
_REFUSALS = {"negative_data_rejection": {"enabled": True, "expected-statuses": [400, 401, 404, 405, 413, 422]}}
_CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
"""Of schemathesis. Whether what fits the schema is taken is not among them: that a prompt is not blank, or that an
example compares, no JSON Schema says."""


@dataclass
class Outcome:
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    """How many answers there were of each status, by operation."""
    failures: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(counter.total() for counter in self.statuses.values())

    @property
    def unexpected_5xx(self) -> int:
        """The scripted service never fails. A deadline that a request itself sets may be over, and is no surprise."""
        counted = ((status, times) for counter in self.statuses.values() for status, times in counter.items())
        return sum(times for status, times in counted if status >= 500 and status != _LATE)


def api(keys_file: Path | None = None) -> FastAPI:
    return make_api(ScriptedService().service(), ApiSettings(keys_file=keys_file))


def fuzz(examples: int, seed: int) -> Outcome:
    """`examples` requests at most of each operation in each phase; the same seed makes the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.yaml"
        key, text = new_key("fuzz", SCOPES)
        edit_keys(path, lambda known: Keys(keys=(key,)))
        return _fuzz(api(path), {"Host": "localhost", "Authorization": f"Bearer {text}"}, examples, seed)


def _fuzz(asked: FastAPI, headers: dict[str, str], examples: int, seed: int) -> Outcome:
    import schemathesis
    from schemathesis.config import SchemathesisConfig
    from schemathesis.engine import events, from_schema

    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in _CHECKS}, **_REFUSALS},
            "generation": {"max-examples": examples, "database": "none", "no-shrink": False},
            "phases": {"stateful": {"enabled": False}},
            "headers": headers,
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", asked, config=config)
    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(outcome, event.recorder)
        elif isinstance(event, events.NonFatalError):
            outcome.failures.append(f"{event.label}: {event.value!r}"[:_SHOWN])
        elif isinstance(event, events.FatalError):
            raise event.exception
    return outcome


def _count(outcome: Outcome, recorder: Any) -> None:
    counter = outcome.statuses.setdefault(recorder.label, Counter())
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            counter[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info:
                failure = check.failure_info.failure
                told = f"{recorder.label}: {check.name}: {failure.title}: {failure.message} ({case_id})"
                outcome.failures.append(told[:_SHOWN])
