"""What the benchmark commands are given, and how they say afterwards what was run."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml
from pydantic import ValidationError

from deployments.cli.console import fail
from deployments.settings import Settings

Change = Annotated[str, typer.Option(help="KEY=VALUE,… of the engine in place of the config's, as quantization=fp8.")]


def read_settings(config: Path, changes: str = "") -> Settings:
    """The settings in a Serve config, with some of the engine's changed: `quantization=fp8,sglang.log_level=info`.

    Does without Ray, which need not be where a GPU is lent for a measurement.
    """
    try:
        said = yaml.safe_load(config.read_text(encoding="utf-8"))["applications"][0]["args"]
        change_engine(said, changes)
        return Settings.model_validate(said)
    except OSError as error:
        fail(f"{config}: {error.strerror}")
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        fail(f"{config}: no Serve config with `args` of an application")
    except ValidationError as error:
        fail(f"{config}: " + "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))


def change_engine(args: dict[str, Any], changes: str) -> None:
    """Puts `quantization=fp8,sglang.log_level=info` into the engine of an application's `args`."""
    for change in filter(None, changes.split(",")):
        key, _, value = change.partition("=")
        *outer, last = key.split(".")
        inner = args.setdefault("engine", {})
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = yaml.safe_load(value)


def sizes(batches: str) -> list[int]:
    try:
        return [int(size) for size in batches.split(",")]
    except ValueError:
        fail(f"--batches {batches!r}: numbers with commas between them are wanted, such as 1,8,32")


def require_ready(url: str, config: Path | str = "CONFIG") -> None:
    """Ends the command where no service is ready."""
    try:
        ready = httpx.get(f"{url}/readyz", timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        ready = False
    if not ready:
        fail(f"no service is ready at {url}: start one with `lift serve {config}`, or name it with --url")


def command_line(*words: object, **options: object) -> str:
    """A command as one types it. Options that are None, False or empty are left out; a list's is given for each."""
    said = [str(word) for word in words]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, list):
            said += [f"{option} {one}" for one in value]
        elif value is True:
            said.append(option)
        elif value is not None and value is not False and value != "":
            said.append(f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}")
    return " ".join(said)
