"""What can be known before an engine starts, so that it ends by name and in a second, and not in a scheduler's log."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from deployments.fit.deploy import require_fits
from deployments.grammars import require_all_fit
from deployments.models.errors import ReaderMissing
from deployments.models.weights import locate, require_whole
from deployments.settings import EngineSettings
from lift_sys.grammar.tree import Grammar


def prepared(settings: EngineSettings, grammars: Sequence[Grammar]) -> Path:
    """The model's folder: small enough for the GPU, whole and readable, with room for the longest answer.

    Raises `ReaderMissing`, `WeightsMissing`, `DoesNotFit` or `BoundExceeded`. Each names the remedy.
    """
    _require_reader(settings)
    folder = locate(settings.model)
    require_fits(settings, folder)
    if settings.load_format != "dummy":
        require_whole(settings.model, folder)
    require_all_fit(grammars, folder, settings.context_tokens)
    return folder


def _require_reader(settings: EngineSettings) -> None:
    """SGLang does not bring it."""
    if settings.load_format == "fastsafetensors" and find_spec("fastsafetensors") is None:
        raise ReaderMissing("fastsafetensors", "Run `pip install '.[gpu]'`, or set engine.load_format: auto.")
