"""A model's name to the folder with its weights: `locate` only looks, `fetch` gets them."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from deployments.models import cache
from deployments.models.cache import Stored
from deployments.models.catalogue import CATALOGUE, Pieces, did_you_mean, notice
from deployments.models.convert import convert
from deployments.models.errors import FetchFailed, WeightsMissing
from deployments.models.hub import Hub, HubUnavailable, is_hub_id
from deployments.models.pieces import assemble
from deployments.models.progress import Progress

Convert = Callable[[Path, Path], None]
"""Makes the folder (second) from a GGUF file (first)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where weights can come from. Tests bring their own."""

    hub: Hub
    catalogue: Mapping[str, Pieces]
    convert: Convert


_KINDS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
"""Of files that SGLang reads weights from."""
SOURCES = Sources(Hub(), CATALOGUE, convert)


def locate(model: str, sources: Sources = SOURCES) -> Path:
    """The absolute folder. Never asks the network. Raises WeightsMissing, which says what to do."""
    found = _find(model, sources.hub)
    if found is None:
        raise WeightsMissing(model, _remedy(model, sources), *_places(model, sources))
    return found


def require_whole(model: str, folder: Path) -> None:
    """Raises WeightsMissing, which names them, if files are missing that the folder's index names, or all weights."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(name for name in named if not (folder / name).is_file())
    else:
        missing = [] if any(file for kind in _KINDS for file in folder.glob(kind)) else [_KINDS[0]]
    if missing:
        remedy = f"{folder} lacks {len(missing)} of its files. Fetch the model again, or copy the rest."
        raise WeightsMissing(model, remedy, *missing[:3])


def fetch(model: str, progress: Progress, sources: Sources = SOURCES) -> Path:
    """At once if the weights are here, else from the hub, else from the catalogue. Raises some WeightsProblem.

    May be called again after any interruption, and by several processes at once.
    """
    if found := _find(model, sources.hub):
        return found
    if not is_hub_id(model):
        return locate(model, sources)
    try:
        with cache.sole(model, progress):
            return _find(model, sources.hub) or _download(model, progress, sources)
    except (OSError, httpx.HTTPError) as error:
        reason = f"{str(error) or type(error).__name__}. What came so far is kept for another attempt."
        raise FetchFailed(model, reason) from error


def config_file(model: str, sources: Sources = SOURCES) -> Path:
    """The config.json of weights that are here, else that file alone from the hub. Raises some WeightsProblem."""
    if found := _find(model, sources.hub):
        return found / "config.json"
    if not is_hub_id(model):
        return locate(model, sources)
    try:
        return sources.hub.cached_config(model) or _download_config(model, sources)
    except (OSError, httpx.HTTPError) as error:
        raise FetchFailed(model, str(error) or type(error).__name__) from error


def cached(sources: Sources = SOURCES) -> list[Stored]:
    """Ours, then those of the hub library."""
    return cache.stored() + sources.hub.stored()


def _find(model: str, hub: Hub) -> Path | None:
    for folder in (Path(model).expanduser().absolute(), cache.folder(model)):
        if (folder / "config.json").is_file():
            return folder
    return hub.cached(model)


def _places(model: str, sources: Sources) -> list[str]:
    return [f"a folder {model!r} with a config.json", str(cache.folder(model)), f"the hub's cache {sources.hub.cache}"]


def _remedy(model: str, sources: Sources) -> str:
    if is_hub_id(model):
        return f"Run `lift model fetch {model}`."
    hint = did_you_mean(model, sources.catalogue)
    return f"{hint}Known without a hub: {', '.join(sources.catalogue)}; any other `owner/name` comes from the hub."


def _download(model: str, progress: Progress, sources: Sources) -> Path:
    try:
        sources.hub.probe(model)
    except HubUnavailable as refusal:
        if model not in sources.catalogue:
            raise FetchFailed(model, _no_source(model, refusal, sources)) from refusal
        return _make(model, progress, sources)
    cache.require_space(sources.hub.cache, sources.hub.missing_bytes(model))
    return sources.hub.download(model)


def _download_config(model: str, sources: Sources) -> Path:
    try:
        sources.hub.probe(model)
    except HubUnavailable as refusal:
        remedy = "Give a folder with its config.json instead."
        raise FetchFailed(model, f"the hub did not help ({refusal}). {remedy}") from refusal
    return sources.hub.download_config(model)


def _no_source(model: str, refusal: HubUnavailable, sources: Sources) -> str:
    hint = did_you_mean(model, sources.catalogue)
    return f"the hub did not help ({refusal}). {hint}Known without a hub: {', '.join(sources.catalogue)}."


def _make(model: str, progress: Progress, sources: Sources) -> Path:
    pieces, work = sources.catalogue[model], cache.workshop(model)
    cache.require_space(work, pieces.disk_bytes - cache.size_bytes(work))
    made = work / "model"
    if not made.exists():
        gguf = assemble(pieces, work, progress)
        progress("Converting to bf16", 0, 0)
        sources.convert(gguf, made)
        progress("Converting to bf16", pieces.folder_bytes, pieces.folder_bytes)
    (made / "NOTICE").write_text(notice(model, pieces), encoding="utf-8")
    folder = made.rename(cache.folder(model))
    shutil.rmtree(work)
    return folder
