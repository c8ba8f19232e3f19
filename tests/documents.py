"""The commands that a document gives its reader."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def commands(document: Path = ROOT / "README.md") -> list[str]:
    """The lines of the shell blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    return [line.split("  #")[0].split(" # ")[0].strip() for block in blocks for line in block.splitlines()]


def command_with(word: str) -> str:
    [found] = [command for command in commands() if word in command]
    return found.replace(".venv/bin", str(BIN))


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
