"""What stands around the machine's own kernel: a hint for whoever plans a deployment, and no part of any tier."""

from pathlib import Path
from typing import Literal

Kind = Literal["gVisor", "a microVM", "a virtual machine", "a container"]
_MICRO_VMS = ("Firecracker", "Cloud Hypervisor")


def kind(root: Path = Path("/")) -> Kind | None:
    """The strongest that shows; None on bare metal, or where nothing shows."""
    if "gVisor" in _read(root / "proc/version"):
        return "gVisor"
    maker = _read(root / "sys/class/dmi/id/sys_vendor") + _read(root / "sys/class/dmi/id/product_name")
    if any(name in maker for name in _MICRO_VMS) or "-fc" in _read(root / "proc/sys/kernel/osrelease"):
        return "a microVM"
    if " hypervisor" in _read(root / "proc/cpuinfo"):
        return "a virtual machine"
    return "a container" if (root / ".dockerenv").exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
