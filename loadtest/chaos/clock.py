"""A clock that jumps in every process of a service at once, as one that is set.

It is Python's `time.time`, which leases and Serve go by. Monotonic clocks, `datetime.now` and Ray's own C++ keep the
true time. (libfaketime 0.9.10 bends all of them, and breaks `clock_nanosleep` in processes that run.)
"""

import os
import struct
from pathlib import Path

_FOLDER = Path(__file__).parent / "jumping"
"""Its `sitecustomize` is imported by an interpreter that finds it."""


class Clock:
    def __init__(self, file: Path) -> None:
        """The file is shared by all who follow."""
        self._file = file
        file.touch()
        self.move(0.0)

    def variables(self) -> dict[str, str]:
        """What a process that is to follow must have in its environment as it starts."""
        path = os.pathsep.join(filter(None, [str(_FOLDER), os.environ.get("PYTHONPATH")]))
        return {"PYTHONPATH": path, "LIFT_CHAOS_CLOCK": str(self._file)}

    def move(self, seconds: float) -> None:
        """So much ahead of the true time."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("d", seconds))
