"""The model hub, through its own library: its cache, its settings (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE), its bars."""

import re
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path

import httpx
from huggingface_hub import HfApi, constants, scan_cache_dir, snapshot_download
from huggingface_hub.errors import CacheNotFound, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

from deployments.models.cache import Stored

_CONFIG = "config.json"
# Not the same weights again in the formats of other engines.
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]


class HubUnavailable(Exception):
    """The hub does not answer, or does not give this model; the text says which."""


@dataclass(frozen=True, slots=True)
class Hub:
    endpoint: str = constants.ENDPOINT
    cache: Path = Path(constants.HF_HUB_CACHE)
    probe_timeout_s: float = 3.0

    def cached(self, model: str) -> Path | None:
        """The model's snapshot if it is complete; never asks the network."""
        try:
            snapshot = snapshot_download(model, cache_dir=self.cache, allow_patterns=_WANTED, local_files_only=True)
        except (LocalEntryNotFoundError, HFValidationError):
            return None
        # The tokenizer alone makes a snapshot too.
        folder = Path(snapshot)
        return folder if (folder / _CONFIG).exists() and any(folder.glob("*.safetensors")) else None

    def cached_config(self, model: str) -> Path | None:
        """Its config.json, with or without weights; never asks the network."""
        try:
            snapshot = snapshot_download(model, cache_dir=self.cache, allow_patterns=_CONFIG, local_files_only=True)
        except (LocalEntryNotFoundError, HFValidationError):
            return None
        file = Path(snapshot, _CONFIG)
        return file if file.exists() else None

    def stored(self) -> list[Stored]:
        try:
            repos = scan_cache_dir(self.cache).repos
        except CacheNotFound:
            return []
        sizes = {repo.repo_id: repo.size_on_disk for repo in repos if repo.repo_type == "model"}
        return [Stored(model, found, sizes[model]) for model in sorted(sizes) if (found := self.cached(model))]

    def probe(self, model: str) -> None:
        """Raises HubUnavailable within seconds, where a download would wait for minutes."""
        try:
            HfApi(endpoint=self.endpoint).model_info(model, timeout=self.probe_timeout_s)
        except (httpx.HTTPError, OfflineModeIsEnabled, JSONDecodeError, HFValidationError) as refusal:
            # Not JSON: what a network with a login page answers.
            raise HubUnavailable(f"{self.endpoint}: {refusal}") from refusal

    def download_config(self, model: str) -> Path:
        """That file alone. Raises `FileNotFoundError` if the model has none."""
        folder = snapshot_download(model, cache_dir=self.cache, endpoint=self.endpoint, allow_patterns=_CONFIG)
        file = Path(folder, _CONFIG)
        if not file.exists():
            raise FileNotFoundError(f"{self.endpoint} has no {_CONFIG} of it")
        return file

    def missing_bytes(self, model: str) -> int:
        files = snapshot_download(
            model, cache_dir=self.cache, endpoint=self.endpoint, allow_patterns=_WANTED, dry_run=True
        )
        return sum(file.file_size or 0 for file in files if file.will_download)

    def download(self, model: str) -> Path:
        """Goes on where an interrupted one stopped."""
        try:
            return Path(snapshot_download(model, cache_dir=self.cache, endpoint=self.endpoint, allow_patterns=_WANTED))
        except RuntimeError as failure:
            # hf_xet, which moves the bytes, says so of most of its troubles.
            raise ConnectionError(str(failure)) from failure


def is_hub_id(model: str) -> bool:
    """Whether a hub could have it: `owner/name`, with no "--" in it."""
    return "--" not in model and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model, re.ASCII) is not None
