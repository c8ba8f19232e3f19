"""How the command line speaks: answers on standard output, all else on standard error."""

import unicodedata
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

out = Console()
err = Console(stderr=True)

REJECTED = 1
MISUSED = 2


def progress_bars() -> Progress:
    """Bars on standard error, with how many are done and how long the rest will take."""
    columns = MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*Progress.get_default_columns(), *columns, console=err)


_UNSEEN = ("Cc", "Cf", "Cs")
"""Unicode's controls, formats (such as those that turn the writing direction) and halves of characters."""


def fail(message: str, code: int = MISUSED) -> NoReturn:
    """Say what is wrong, and end the command."""
    err.print(Text.assemble(("error: ", "bold red"), plain(message)), soft_wrap=True)
    raise typer.Exit(code)


def plain(text: str, style: str = "") -> Text:
    """Others' words (a model's, a server's, untrusted code's): no markup in them, and no command to the terminal."""
    return Text(seen(text), style)


def seen(text: str) -> str:
    """The text with every invisible character but newline and tab spelt as Python would."""
    return "".join(_spelt(c) if unicodedata.category(c) in _UNSEEN and c not in "\n\t" else c for c in text)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
