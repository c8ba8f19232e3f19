"""An IR's parameters as Python's own `inspect.Signature`, which knows what goes together and binds arguments."""

import inspect
from collections.abc import Sequence
from typing import Any

from schemas.ir import Kind, Parameter

_KINDS: dict[Kind, Any] = {
    "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "keyword_only": inspect.Parameter.KEYWORD_ONLY,
    "var_positional": inspect.Parameter.VAR_POSITIONAL,
    "var_keyword": inspect.Parameter.VAR_KEYWORD,
}


def signature(parameters: Sequence[Parameter]) -> inspect.Signature:
    """Defaults are their literals' text. Raises `ValueError` when no function has these parameters."""
    return inspect.Signature([inspect.Parameter(p.name, _KINDS[p.kind], default=_default(p)) for p in parameters])


def _default(parameter: Parameter) -> object:
    return inspect.Parameter.empty if parameter.default is None else parameter.default
