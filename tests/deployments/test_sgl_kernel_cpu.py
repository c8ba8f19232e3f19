"""The stand-in for SGLang's kernels, as it is installed beside the CPU engine."""

import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the engine is not installed: `make install`")
sgl_kernel = pytest.importorskip("sgl_kernel", reason="the engine is not installed: `make install`")
products = pytest.importorskip("sgl_kernel.products", reason="an older stand-in is installed: `make install`")


def test_cache_locations_go_to_each_requests_row() -> None:
    pool = torch.zeros(4, 8, dtype=torch.int32)
    sgl_kernel.assign_req_to_token_pool_cpu(
        torch.tensor([2, 0]),
        pool,
        torch.tensor([1, 0]),
        torch.tensor([3, 3]),
        torch.tensor([10, 11, 20, 21, 22]),
        8,
    )
    assert pool.tolist() == [[20, 21, 22, 0, 0, 0, 0, 0], [0] * 8, [0, 10, 11, 0, 0, 0, 0, 0], [0] * 8]


def test_a_kernel_that_is_not_there_says_so_when_called() -> None:
    with pytest.raises(NotImplementedError, match=r"sgl_kernel\.silu_and_mul"):
        sgl_kernel.silu_and_mul(None)


@pytest.mark.parametrize(
    ("shape", "dtype", "quick"),
    [
        ((1, 16), "bfloat16", False), ((39, 16), "bfloat16", False), ((40, 16), "bfloat16", True),
        ((5, 8, 16), "bfloat16", True), ((300, 16), "float32", False), ((300, 16), "bfloat16", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("biased", [False, True])
def test_many_rows_of_bf16_are_multiplied_in_fp32(
    shape: tuple[int, ...], dtype: str, quick: bool, biased: bool
) -> None:
    """The product is the same to what bf16 can tell, and of the same type; other rows go as they went."""
    kind = getattr(torch, dtype)
    torch.manual_seed(0)
    rows, weight, bias = torch.randn(shape).to(kind), torch.randn(32, 16).to(kind), torch.randn(32).to(kind)
    asked: list[Any] = []

    def plain(rows: Any, weight: Any, bias: Any = None) -> Any:
        asked.append(rows.dtype)
        return torch.nn.functional.linear(rows, weight, bias)

    found = products.in_fp32(plain)(rows, weight, bias if biased else None)
    exact = rows.double() @ weight.double().T + (bias.double() if biased else 0)
    assert (found.dtype, found.shape) == (kind, (*shape[:-1], 32))
    assert torch.norm(found.double() - exact) / torch.norm(exact) < 0.01
    assert asked == [torch.float32 if quick else kind]


@pytest.mark.slow  # for its packages: torch takes seconds to import
def test_torchvision_can_be_imported_and_nothing_heavy_is_before_it_is() -> None:
    program = (
        "import sys; assert 'torch' not in sys.modules; import torchvision, torch;print(torch.ops.torchvision.nms)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "torchvision.nms" in shown.stdout
