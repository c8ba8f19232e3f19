"""How far a mean, or the place where a curve falls below a line, is known: 95 % percentile bootstrap (Efron, 1979)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

_RESAMPLES = 1_000


@dataclass(frozen=True)
class Interval:
    value: float
    low: float
    high: float

    @classmethod
    def of_mean(cls, values: Sequence[float]) -> "Interval":
        """Of none: 0, for nothing was measured."""
        if not values:
            return cls(0.0, 0.0, 0.0)
        return _interval([values], lambda *samples: fmean(samples[0]))

    def times(self, factor: float) -> "Interval":
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def told(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def crossing(rates: Sequence[float], shares: Sequence[Sequence[float]], goal: float) -> Interval | None:
    """Where the mean of the shares, that falls with rising rates, crosses the goal; None if it does nowhere."""
    means = [fmean(values) for values in shares]
    if not means or min(means) >= goal or means[0] < goal:
        return None
    return _interval(shares, lambda *samples: _crosses(rates, [fmean(values) for values in samples], goal))


def _crosses(rates: Sequence[float], means: Sequence[float], goal: float) -> float:
    """On straight lines between the points; at the ends if a resample crosses at none."""
    for i, mean in enumerate(means):
        if mean < goal:
            if i == 0:
                return rates[0]
            before = means[i - 1]
            return rates[i - 1] + (rates[i] - rates[i - 1]) * (before - goal) / (before - mean)
    return rates[-1]


def _interval(samples: Sequence[Sequence[float]], statistic: Callable[..., float]) -> Interval:
    """Of a statistic of one sample or several, each drawn anew by itself."""
    import numpy as np
    from scipy.stats import bootstrap  # a second to import

    value = statistic(*samples)
    drawn = [np.repeat(values, 2) if len(values) == 1 else np.asarray(values) for values in samples]
    found = bootstrap(
        drawn, statistic, n_resamples=_RESAMPLES, method="percentile", vectorized=False, rng=np.random.default_rng(0)
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))
