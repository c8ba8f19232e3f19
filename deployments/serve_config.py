"""A Serve config file, read strictly. Serve itself takes misspelt keys in silence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.schema import ServeDeploySchema

from deployments.placement import misplaced
from deployments.scaling import POLICIES
from deployments.settings import EngineSettings, Settings

_IMPORT_PATH = "deployments.app:build"
_PORTS = range(1, 65_536)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
FALLBACK = "FallbackEngine"
_FREE = {"args", "runtime_env", "user_config", "request_router_kwargs", "policy_kwargs", "resources"}
"""Keys whose content is not Serve's."""


class ConfigInvalid(ValueError):
    """`ConfigInvalid(path, problems)`: each problem names a key of the file."""

    def __str__(self) -> str:
        path, problems = self.args
        return f"{path}: " + "; ".join(problems)


@dataclass(frozen=True)
class ServeConfig:
    path: Path
    settings: Settings
    host: str
    port: int

    @property
    def url(self) -> str:
        """For a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def engine_names(settings: Settings) -> tuple[str, ...]:
    """The deployments that hold an engine of the deployment's own."""
    return ("Engine",) if settings.pools == "shared" else ("IREngine", "CodeEngine")


def stage_names(settings: Settings) -> tuple[str, ...]:
    """The deployments that hold a stage."""
    return ("IRStage", "CodeStage", "Validator") if settings.model_stages == "deployed" else ("Validator",)


def fallback_names(settings: Settings) -> tuple[str, ...]:
    """That which holds another engine, if there is one."""
    return (FALLBACK,) if settings.fallback and settings.fallback.engine else ()


def load(path: Path) -> ServeConfig:
    """Read and check a file. Raises `ConfigInvalid` that names every key that is wrong."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(path, [str(error.strerror)]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigInvalid(path, [f"not YAML: {error}"]) from None
    if not isinstance(data, dict):
        raise ConfigInvalid(path, ["not a mapping"])
    problems = list(_unknown_keys(data, ServeDeploySchema, "")) or list(_refused(ServeDeploySchema, data, ""))
    if problems:
        raise ConfigInvalid(path, problems)
    schema = ServeDeploySchema.model_validate(data)
    if schema.http_options.port not in _PORTS:
        raise ConfigInvalid(path, [f"http_options.port: {schema.http_options.port}, not 1 to {_PORTS[-1]}"])
    settings = _settings(path, schema)
    return ServeConfig(path, settings, schema.http_options.host, schema.http_options.port)


def _settings(path: Path, schema: ServeDeploySchema) -> Settings:
    if len(schema.applications) != 1:
        raise ConfigInvalid(path, [f"applications: {len(schema.applications)} of them, and one is wanted"])
    [application] = schema.applications
    if application.import_path != _IMPORT_PATH:
        raise ConfigInvalid(path, [f"applications.0.import_path: {application.import_path!r}, not {_IMPORT_PATH!r}"])
    problems = list(_refused(Settings, application.args, "applications.0.args."))
    if problems:
        raise ConfigInvalid(path, problems)
    settings = Settings.model_validate(application.args)
    wrong = [*_wrong_deployments(application.deployments, settings), *_open_to_all(schema.http_options.host, settings)]
    if wrong:
        raise ConfigInvalid(path, wrong)
    return settings


def _wrong_deployments(deployments: list[Any], settings: Settings) -> Iterator[str]:
    names = {"Ingress", *stage_names(settings), *engine_names(settings), *fallback_names(settings)}
    times = Counter(deployment.name for deployment in deployments)
    given = set(times)
    yield from (f"deployments: {name} stands there {count} times" for name, count in times.items() if count > 1)
    yield from (f"deployments: {name} is not in the graph of {', '.join(sorted(names))}" for name in given - names)
    yield from (f"deployments: {name} is missing" for name in sorted(names - given))
    for deployment in deployments:
        yield from misplaced(deployment, _engine_of(deployment.name, settings))
        if "max_ongoing_requests" not in deployment.model_fields_set:
            yield f"deployments.{deployment.name}.max_ongoing_requests: must be said, Serve's own default is 5"
        if isinstance(deployment.autoscaling_config, dict):
            yield from _wrong_scaling(
                deployment.autoscaling_config, f"deployments.{deployment.name}.autoscaling_config."
            )


def _engine_of(name: str, settings: Settings) -> EngineSettings | None:
    if name in engine_names(settings):
        return settings.engine
    return settings.fallback.engine if settings.fallback and name == FALLBACK else None


def _open_to_all(host: str, settings: Settings) -> Iterator[str]:
    if settings.api.keys_file or settings.api.allow_anonymous or host in _LOOPBACK:
        return
    yield (
        f"applications.0.args.api.keys_file: {host} is open to others, so callers need keys: name the file of "
        "`lift keys create`, or say allow_anonymous: true where something in front knows who calls"
    )


def _wrong_scaling(scaling: dict[str, Any], prefix: str) -> Iterator[str]:
    """What Serve itself would find out only when it starts the policy, or never."""
    policy = scaling.get("policy") or {}
    name = policy.get("policy_function")
    if name is None:
        return
    if name not in POLICIES:
        yield f"{prefix}policy.policy_function: {name!r} is none of {', '.join(POLICIES)}"
        return
    for delay in ("upscale_delay_s", "downscale_delay_s"):
        if scaling.get(delay) != 0:
            yield f"{prefix}{delay}: must be 0, since the policy has its own down_delay_s"
    bounds = {key: scaling[key] for key in ("min_replicas", "max_replicas") if key in scaling}
    given = policy.get("policy_kwargs") or {}
    yield from (f"{prefix}policy.policy_kwargs.{key}: belongs into autoscaling_config" for key in bounds.keys() & given)
    yield from _refused(POLICIES[name], {**given, **bounds}, f"{prefix}policy.policy_kwargs.")


def _refused(model: type[BaseModel], data: Any, prefix: str) -> Iterator[str]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield f"{prefix}{'.'.join(map(str, one['loc']))}: {one['msg']}"


def _unknown_keys(data: Any, model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Keys that no field of the model has, at every level, as far as Serve has models."""
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        field = model.model_fields.get(key)
        if field is None:
            yield f"{prefix}{key}: not a key of Serve"
            continue
        for below in [] if key in _FREE else _models(field.annotation):
            values = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, one in values:
                yield from _unknown_keys(one, below, f"{prefix}{key}." + ("" if index is None else f"{index}."))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The model within a type such as `list[Model]` or `Model | None`; none or several say nothing of the keys."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [model for part in get_args(annotation) for model in _models(part)]
    return found if len(found) == 1 else []
