"""A variation of the code: one Python module that defines the function."""

from typing import Annotated

from pydantic import Field

from schemas.wire import Identifier, Wire


class Code(Wire):
    """Built around the source that a model wrote between two fences, raw: as a JSON string it would be worse code."""

    function: Identifier
    imports: Annotated[tuple[str, ...], Field(max_length=64)]
    """The top-level modules that the source imports, sorted."""
    source: Annotated[str, Field(min_length=1, max_length=200_000)]
