"""When requests are due. Nobody waits for anybody's answer, so a schedule can be made before the run."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtest.shapes import Shape

_BURST_SHARE = 0.1
"""Of the arrivals' own time are bursts."""
_BURST_ARRIVALS = 10.0
"""What a burst lasts in the mean, as the arrivals that the shape alone would bring."""


@dataclass(frozen=True)
class Arrivals:
    """A process by its name, and what it is given: `poisson`, `even`, `gamma:CV`, `mmpp:TIMES`, `replay:FILE`."""

    name: str
    given: str = ""

    @classmethod
    def parse(cls, text: str) -> "Arrivals":
        """Raises `ValueError`, which says what is wrong."""
        name, _, given = text.partition(":")
        arrivals = cls(name, given)
        if name == "replay":
            replayed(Path(given))
        elif name in _GIVEN:
            arrivals.number()
        elif name not in ("poisson", "even") or given:
            raise ValueError(f"{text!r} is none of poisson, even, gamma:CV, mmpp:TIMES, replay:FILE")
        return arrivals

    def number(self) -> float:
        default, least = _GIVEN[self.name]
        try:
            value = float(self.given or default)
        except ValueError:
            value = math.nan
        if not least < value <= 100:
            raise ValueError(f"{self.name}:{self.given}: a number above {least:g} and up to 100 is wanted")
        return value

    def due(self, shape: Shape, seed: int) -> tuple[float, ...]:
        """Seconds from the start, rising; the same for the same seed.

        A process of one arrival per unit of its own time, whose clock the shape then drives: so any process follows any
        rate. A replayed one is taken as it is, up to the shape's end.
        """
        if self.name == "replay":
            return tuple(second for second in replayed(Path(self.given)) if second < shape.seconds)
        due, clock, end = [], 0.0, shape.expected(shape.seconds)
        for gap in self._gaps(random.Random(seed)):
            clock += gap
            if clock >= end:
                break
            due.append(shape.second(clock))
        return tuple(due)

    def _gaps(self, chance: random.Random) -> Iterator[float]:
        """Between arrivals, 1 in the mean."""
        if self.name == "mmpp":
            yield from _modulated(self.number(), chance)
        while True:
            match self.name:
                case "gamma":
                    shape = self.number() ** -2
                    yield chance.gammavariate(shape, 1 / shape)
                case "poisson":
                    yield chance.expovariate(1)
                case _:
                    yield 1.0


_GIVEN = {"gamma": ("2", 0.0), "mmpp": ("5", 1.0)}
"""What a process takes if nothing is given, and what must be exceeded: the coefficient of variation of the gaps; how
many times the calm rate a burst has."""


def part(due: tuple[float, ...], index: int, parts: int) -> tuple[tuple[int, float], ...]:
    """One worker's share with the numbers of its arrivals. All shares together are exactly the schedule."""
    return tuple(enumerate(due))[index::parts]


def replayed(path: Path) -> tuple[float, ...]:
    """The seconds in a file: a number a line, or the rows of an earlier run. Raises `ValueError`."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        seconds = sorted(float(line["due_s"] if isinstance(line, dict) else line) for line in lines)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: a number of seconds in each line is wanted, or rows with `due_s` ({error})"
        ) from None
    if not seconds or seconds[0] < 0 or not math.isfinite(seconds[-1]):
        raise ValueError(f"{path}: seconds from 0 on are wanted, and at least one")
    return tuple(seconds)


def _modulated(times: float, chance: random.Random) -> Iterator[float]:
    """A Markov-modulated Poisson process of two states, whose rate in bursts is `times` that between them."""
    calm = 1 / (1 - _BURST_SHARE + _BURST_SHARE * times)
    lasts = {True: _BURST_ARRIVALS, False: _BURST_ARRIVALS * (1 - _BURST_SHARE) / _BURST_SHARE}
    bursting = chance.random() < _BURST_SHARE
    left, gap = chance.expovariate(1 / lasts[bursting]), 0.0
    while True:
        # Neither the wait nor the state remembers, so what a change of state cuts off can be drawn anew.
        wait = chance.expovariate(calm * (times if bursting else 1))
        if wait < left:
            left -= wait
            yield gap + wait
            gap = 0.0
        else:
            gap += left
            bursting = not bursting
            left = chance.expovariate(1 / lasts[bursting])
