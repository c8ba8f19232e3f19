"""Let a torchvision whose compiled operators do not load beside this torch be imported all the same.

The published torchvision is a CUDA build. Beside a CPU build of torch its library does not load, `torchvision::nms` is
therefore never defined, and `torchvision._meta_registrations` then fails to describe it. This hook runs just before
that module, once `torchvision.extension` has said whether the library loaded, and declares what is missing.
Where the library loads, nothing happens.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_BEFORE = "torchvision._meta_registrations"
_MISSING = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _DeclareMissingOperators(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _BEFORE:
            sys.meta_path.remove(self)
            if not sys.modules["torchvision.extension"]._has_ops():
                _declare()
        return None


def _declare() -> None:
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    library.define(f"nms{_MISSING}")
    library.define(f"qnms{_MISSING}")
    # A Library withdraws what it declared when it is collected.
    sys.modules[__name__].__dict__["_kept"] = library


sys.meta_path.insert(0, _DeclareMissingOperators())
