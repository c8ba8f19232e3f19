"""When requests come: seconds since the beginning, rising. All draw from the given `random.Random` and nothing else."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

Shape = Literal["poisson", "gamma", "mmpp", "diurnal", "step", "diurnal+bursts"]
Rate = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Traffic:
    rps: float
    """Mean; of a step, what it comes to."""
    duration_s: float
    shape: Shape = "poisson"
    cv: float = 3.0
    """Gamma: spread of the gaps between two arrivals, over their mean. 1 is Poisson."""
    swing: float = 0.6
    """Diurnal: of the mean, up and down. Step: the share that is missing before."""
    period_s: float = 3_600.0
    """Of the diurnal wave; a day that is so long is the harder, the shorter it is."""
    phase: float = 0.0
    """Of the wave when the run begins: 0 is the trough, 0.25 the steepest rise, 0.5 the peak."""
    burst: float = 1.3
    """Of the rate, while a burst lasts."""
    burst_s: float = 30.0
    calm_s: float = 300.0
    """From the end of a burst to the next, in the mean. So with `burst_s`."""

    def times(self, random: Random) -> Iterator[float]:
        match self.shape:
            case "poisson":
                return _thinned(lambda at_s: self.rps, self.rps, self.duration_s, random)
            case "gamma":
                return _gamma(self, random)
            case "mmpp":
                return self._bursts(lambda at_s: self._calm_rps, self._calm_rps, random)
            case "diurnal":
                return _thinned(self._wave(self.rps), self.rps * (1 + self.swing), self.duration_s, random)
            case "step":
                return _thinned(self._step, self.rps, self.duration_s, random)
            case "diurnal+bursts":
                return self._bursts(self._wave(self._calm_rps), self._calm_rps * (1 + self.swing), random)

    @property
    def _calm_rps(self) -> float:
        """Outside of bursts, so that the mean is `rps`."""
        share = self.burst_s / (self.burst_s + self.calm_s)
        return self.rps / (1 + share * (self.burst - 1))

    def _wave(self, mean: float) -> Rate:
        """From the trough to the peak and back."""
        return lambda at_s: mean * (1 - self.swing * math.cos(2 * math.pi * (at_s / self.period_s + self.phase)))

    def _step(self, at_s: float) -> float:
        return self.rps * (1 - self.swing) if at_s < self.duration_s / 4 else self.rps

    def _bursts(self, calm: Rate, most_calm: float, random: Random) -> Iterator[float]:
        """A Markov-modulated Poisson process: two states, each of exponential length."""
        ends: list[float] = [random.expovariate(1 / self.calm_s)]
        while ends[-1] < self.duration_s:
            ends.append(ends[-1] + random.expovariate(1 / (self.burst_s if len(ends) % 2 else self.calm_s)))
        passed = 0

        def rate(at_s: float) -> float:
            nonlocal passed
            while ends[passed] <= at_s:
                passed += 1
            return calm(at_s) * (self.burst if passed % 2 else 1)

        return _thinned(rate, most_calm * max(1.0, self.burst), self.duration_s, random)


def _thinned(rate: Rate, most: float, duration_s: float, random: Random) -> Iterator[float]:
    """A Poisson process of changing rate: one of the highest, thinned (Lewis and Shedler, 1979)."""
    at_s = random.expovariate(most)
    while at_s < duration_s:
        if random.random() * most < rate(at_s):
            yield at_s
        at_s += random.expovariate(most)


def _gamma(traffic: Traffic, random: Random) -> Iterator[float]:
    shape = traffic.cv**-2
    scale = 1 / (traffic.rps * shape)
    at_s = random.gammavariate(shape, scale)
    while at_s < traffic.duration_s:
        yield at_s
        at_s += random.gammavariate(shape, scale)


@dataclass(frozen=True, slots=True)
class Replay:
    """A trace; chance plays no part."""

    at_s: tuple[float, ...]

    def times(self, random: Random) -> Sequence[float]:
        return self.at_s

    @property
    def duration_s(self) -> float:
        return self.at_s[-1] + 1


def replayed(path: Path) -> Replay:
    """A trace: one time a line, in seconds of any clock, rising. Raises `ValueError`, which names the line."""
    times: list[float] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            at_s = float(line)
        except ValueError:
            raise ValueError(f"{path}:{number}: {line[:40]!r} is no number of seconds") from None
        if not math.isfinite(at_s) or (times and at_s < times[-1]):
            raise ValueError(f"{path}:{number}: {at_s:g} s is not after what stands above; sort the trace") from None
        times.append(at_s)
    if len(times) < 2:
        raise ValueError(f"{path} has {len(times)} arrivals; a trace needs two or more")
    return Replay(tuple(at_s - times[0] for at_s in times))
