"""An attack: a program, what it wants to be believed, and how it may end if it is held."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from schemas import verdict

Group = Literal[
    "cpu", "memory", "processes", "files", "network", "kernel", "secrets", "output", "forgery", "crashes", "text"
]
GROUPS: tuple[Group, ...] = get_args(Group)
Level = verdict.Level | Literal["refused"]
"""A verdict's level, or that the request is refused at the door."""
Table = Mapping[str, tuple[str, str]]
"""By name, how a call may end, and a source."""

ESCAPED = ("f() == 'escaped'",)
"""What an attack returns if it works. It is the only result that the verdict would find right."""
REJECTED: frozenset[Level] = frozenset({"rejected"})
REFUSED: frozenset[Level] = frozenset({"refused"})

HELD = "'held'"
DENIED = "raised (PermissionError|OSError|BlockingIOError)"
NO_FILE = "raised (PermissionError|FileNotFoundError)"
KILLED = "limits"
CUT = "limits|raised TimeLimit"
NO_MEMORY = "limits|raised (MemoryError|TimeLimit)"
"""Ways to end."""

FOLDER, TCP_PORT, UDP_PORT, ABSTRACT = "WATCHED_FOLDER", "TCP_PORT", "UDP_PORT", "ABSTRACT_NAME"
"""In a source these words stand for a folder that anybody may write to, and for sockets that wait for a word."""


@dataclass(frozen=True)
class Attack:
    name: str
    group: Group
    source: str
    ends: str
    """A regular expression for how its call ends in the jail, as far as that is held."""
    examples: tuple[str, ...] = ESCAPED
    levels: frozenset[Level] = REJECTED
    """Of the verdict, as far as it is held."""
    patient: bool = False
    """It runs until a limit ends it."""


def table(
    group: Group,
    rows: Table,
    *,
    examples: tuple[str, ...] = ESCAPED,
    levels: frozenset[Level] = REJECTED,
    patient: bool = False,
) -> tuple[Attack, ...]:
    """The attacks of a table. A source that begins with a new line is indented as the table is."""
    return tuple(
        Attack(name, group, _dedented(source), ends, examples, levels, patient) for name, (ends, source) in rows.items()
    )


def _dedented(source: str) -> str:
    return textwrap.dedent(source[1:]).rstrip(" ") if source.startswith("\n") else source
