"""The one kernel that SGLang 0.5.23 cannot do without on a CPU, in plain torch; and quicker products (products.py).

Every other kernel of the real package has a torch path in SGLang, which it takes when the name is missing or the call
fails: see `__getattr__`.
"""

from typing import NoReturn

from torch import Tensor

from sgl_kernel.products import hasten

hasten()


def assign_req_to_token_pool_cpu(
    req_pool_indices: Tensor,
    req_to_token: Tensor,
    start_offset: Tensor,
    end_offset: Tensor,
    out_cache_loc: Tensor,
    pool_len: int,
) -> None:
    """Write each request's new cache locations into its row of the token pool, in place.

    With B requests: `req_pool_indices`, `start_offset`, `end_offset` are (B,); `req_to_token` is (rows, pool_len);
    `out_cache_loc` is (sum(end - start),), the requests' locations one after the other.
    """
    lengths = (end_offset - start_offset).tolist()
    rows, starts = req_pool_indices.tolist(), start_offset.tolist()
    for row, start, locations in zip(rows, starts, out_cache_loc.split(lengths), strict=True):
        req_to_token[row, start : start + len(locations)] = locations.to(req_to_token.dtype)


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"sgl_kernel.{name} has no CPU stand-in; SGLang should have taken its torch path")

    return missing
