"""The stand-in for SGLang's kernels, as it is installed beside the CPU engine."""

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="the engine is not installed: `make install`")
sgl_kernel = pytest.importorskip("sgl_kernel", reason="the engine is not installed: `make install`")


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


@pytest.mark.engine  # for its packages: torch takes seconds to import
def test_torchvision_can_be_imported_and_nothing_heavy_is_before_it_is() -> None:
    program = (
        "import sys; assert 'torch' not in sys.modules; import torchvision, torch;print(torch.ops.torchvision.nms)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "torchvision.nms" in shown.stdout
