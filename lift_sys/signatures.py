"""An IR's signature in Python: as a function's first line, and as `inspect.Signature`, which binds arguments."""

import inspect
from collections.abc import Sequence
from typing import Any

from schemas.ir import Kind, Parameter, Signature

_KINDS: dict[Kind, Any] = {
    "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "keyword_only": inspect.Parameter.KEYWORD_ONLY,
    "var_positional": inspect.Parameter.VAR_POSITIONAL,
    "var_keyword": inspect.Parameter.VAR_KEYWORD,
}

_STARS = {"var_positional": "*", "var_keyword": "**"}


def header(signature: Signature) -> str:
    """The function's first line in Python."""
    parts: list[str] = []
    for parameter in signature.parameters:
        if parameter.kind == "keyword_only" and "*" not in parts and not any(p[:1] == "*" for p in parts):
            parts.append("*")
        parts.append(_written(parameter))
    prefix = "async def" if signature.is_async else "def"
    return f"{prefix} {signature.name}({', '.join(parts)}) -> {signature.returns}:"


def _written(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" = {parameter.default}"
    return f"{_STARS.get(parameter.kind, '')}{parameter.name}: {parameter.type}{default}"


def signature(parameters: Sequence[Parameter]) -> inspect.Signature:
    """Defaults are their literals' text. Raises `ValueError` when no function has these parameters."""
    return inspect.Signature([inspect.Parameter(p.name, _KINDS[p.kind], default=_default(p)) for p in parameters])


def _default(parameter: Parameter) -> object:
    return inspect.Parameter.empty if parameter.default is None else parameter.default
