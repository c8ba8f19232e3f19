"""A call of the store from an event loop."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from lift_sys.errors import StoreUnavailable

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def stored(call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Raises what the call does, and `StoreUnavailable` where the database does not answer.

    A caller that is cancelled hears nothing of the call, which goes on: it must be safe to be done and not known of.
    """
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except DBAPIError as error:
        raise StoreUnavailable(f"the database of jobs does not answer ({type(error.orig).__name__})") from error
