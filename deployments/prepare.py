"""What can be known before an engine starts, so that it ends by name and in a second, and not in a scheduler's log."""

from collections.abc import Sequence
from pathlib import Path

from deployments.fit.deploy import require_fits
from deployments.grammars import require_all_fit
from deployments.models.weights import locate, require_whole
from deployments.settings import EngineSettings
from lift_sys.grammar.tree import Grammar


def prepared(settings: EngineSettings, grammars: Sequence[Grammar]) -> Path:
    """The model's folder: whole, small enough for the GPU, with room for the longest answer.

    Raises `WeightsMissing`, `DoesNotFit` or `BoundExceeded`. Each names the remedy.
    """
    folder = locate(settings.model)
    if settings.load_format != "dummy":
        require_whole(settings.model, folder)
    require_fits(settings, folder)
    require_all_fit(grammars, folder, settings.context_tokens)
    return folder
