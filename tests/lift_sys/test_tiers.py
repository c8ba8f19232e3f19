"""How strongly runs are held, for each kind of user that a validator may be: tried with real processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.siege

ROOT = Path(__file__).parents[2]

TRY = """
import asyncio, json, os
from lift_sys.errors import SandboxUnavailable
from lift_sys.jail.values import decode
from lift_sys.sandbox import ProcessSandbox

SOURCE = '''
import os, socket
def f():
    return os.getuid()
def escapes():
    found = []
    for way in (os.fork, socket.socket, lambda: open("/etc/passwd"), lambda: open("/tmp/x", "w"),
                lambda: os.kill(os.getppid(), 0)):
        try:
            way()
            found.append(str(way))
        except OSError:
            pass
    return found
'''

async def main():
    try:
        await ProcessSandbox().tier()
    except SandboxUnavailable as error:
        print(json.dumps({"refused": str(error)}))
    sandbox = ProcessSandbox(allow_weak=True)
    reports = [await sandbox.run(SOURCE, name, [""]) for name in ("f", "escapes")]
    user, escapes = (decode(report.outcomes[0].returned) for report in reports)
    print(json.dumps({"tier": reports[0].tier, "user": user, "escapes": escapes}))

asyncio.run(main())
"""
NO_NAMESPACES = """
import errno, pyseccomp as s
rules = s.SyscallFilter(defaction=s.ALLOW)
for call in ("unshare", "setns", "mount", "pivot_root", "umount2", "chroot"):
    rules.add_rule(s.ERRNO(errno.EPERM), call)
for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x02000000, 0x04000000, 0x08000000):
    rules.add_rule(s.ERRNO(errno.EPERM), "clone", s.Arg(0, s.MASKED_EQ, flag, flag))
rules.add_rule(s.ERRNO(errno.ENOSYS), "clone3")
rules.load()
"""
"""As a container's default profile has it."""
NO_LANDLOCK = """
import errno, pyseccomp as s
rules = s.SyscallFilter(defaction=s.ALLOW)
rules.add_rule(s.ERRNO(errno.ENOSYS), 444)  # landlock_create_ruleset
rules.load()
"""


def said(program: str, *prefix: str, root: Path = ROOT) -> list[dict[str, object]]:
    """What a program prints, one object a line. `root`: where the packages are."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=120, check=False, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_nobody() -> list[str]:
    """A prefix to a command. Where the interpreter lies in a home closed to others, a private mount opens it."""
    closed = next((p for p in reversed(Path(sys.base_prefix).parents) if not p.stat().st_mode & 1), None)
    become = "exec setpriv --reuid 65534 --regid 65534 --clear-groups"
    if closed is None:
        return ["sh", "-c", f'{become} "$@"', "sh"]
    below = closed / Path(sys.base_prefix).relative_to(closed).parts[0]
    script = (
        f"held=$(mktemp -d) && mount --bind {below} $held && mount -t tmpfs -o mode=755 none {closed} && "
        f'mkdir -p {below} && mount --bind $held {below} && {become} "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NO_BUBBLEWRAP = pytest.mark.skipif(
    os.uname().machine != "x86_64" and not shutil.which("bwrap"), reason="bubblewrap is not here"
)


@NO_BUBBLEWRAP
@pytest.mark.parametrize(
    ("program", "user", "tier"),
    [
        (TRY, "root", "namespaces"),
        (TRY, "nobody", "namespaces"),
        (NO_NAMESPACES + TRY, "root", "landlock"),
        (NO_NAMESPACES + TRY, "nobody", "landlock"),
    ],
    ids=["root", "another user", "root in a restricted pod", "another user in a restricted pod"],
)
@ROOT_ONLY
def test_a_run_is_held_whoever_the_validator_is(program: str, user: str, tier: str) -> None:
    [seen] = said(program, *(as_nobody() if user == "nobody" else []))
    assert (seen["tier"], seen["escapes"]) == (tier, [])


@ROOT_ONLY
@NO_BUBBLEWRAP
def test_a_run_is_nobodys_although_the_validator_is_root() -> None:
    [seen] = said(TRY)
    assert seen["user"] == 65534


@NO_BUBBLEWRAP
def test_what_is_installed_where_the_jail_has_its_scratch_folder_is_held_too() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        for package in ("lift_sys", "schemas"):
            shutil.copytree(ROOT / package, Path(folder) / package)
        [seen] = said(TRY, root=Path(folder))
    assert (seen["tier"], seen["escapes"]) == ("namespaces", [])


def test_where_the_kernel_has_no_landlock_code_runs_only_if_that_is_allowed() -> None:
    refused, weak = said(NO_LANDLOCK + TRY)
    assert "this machine cannot hold a run" in str(refused["refused"])
    assert "without landlock" in str(refused["refused"])
    assert weak["tier"] == "rlimits"
