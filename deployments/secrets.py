"""The secrets that a config names by file or variable, and whether they are there. Their content is not read."""

import os
from collections.abc import Iterator, Mapping

from deployments.settings import Settings


def missing_secrets(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """What is not there, each by its key under `args`, with the remedy."""
    keys_file = settings.api.keys_file
    if keys_file and not os.access(keys_file, os.R_OK):
        yield f"args.api.keys_file: {keys_file} cannot be read; `lift keys create` writes one"
    for key, variable in _variables(settings):
        if variable and not environment.get(variable):
            yield f"args.{key}: the environment has no {variable}; set it where the service starts"


def _variables(settings: Settings) -> Iterator[tuple[str, str | None]]:
    if settings.jobs:
        yield "jobs.database_env", settings.jobs.database_env
        yield "jobs.webhook_secret_env", settings.jobs.webhook_secret_env
    if settings.fallback and settings.fallback.upstream:
        yield "fallback.upstream.key_variable", settings.fallback.upstream.key_variable
