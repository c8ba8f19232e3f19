"""What the service promises, as shares of bad over all. Change a goal here, then `make dashboards`."""

from dataclasses import dataclass

from deployments.metrics import ANSWER_SECONDS, TTFT_SECONDS

ANSWER_S = 30.0
TTFT_S = 1.0
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True)
class Objective:
    name: str
    title: str
    promise: str
    goal: float
    """The share that is to be good."""
    bad: str
    """The rate of what was bad in PromQL; `$window` is over which time."""
    all: str

    @property
    def budget(self) -> float:
        return round(1 - self.goal, 6)

    def recorded(self, window: str) -> str:
        """The series of the share that was bad."""
        return f"lift:{self.name}:bad_{window}"

    def ratio(self, window: str) -> str:
        """Nothing bad is 0; no requests at all is NaN, which no alert is about."""
        return f"(({self.bad}) or vector(0)) / ({self.all})".replace("$window", window)


def _slower_than(series: str, labels: str, seconds: float, buckets: tuple[float, ...]) -> tuple[str, str]:
    """The rates of what took longer, and of all. Prometheus knows only where the buckets end."""
    if seconds not in buckets:
        raise ValueError(f"{series}: {seconds:g} s is none of its buckets, {', '.join(map(str, buckets))}")
    every = f"sum(rate({series}_count{{{labels}}}[$window]))"
    quick = f'sum(rate({series}_bucket{{{labels},le="{seconds}"}}[$window]))'
    return f"{every} - {quick}", every


OBJECTIVES = (
    Objective(
        "availability",
        "Availability",
        "99.5 % of the requests that can be used are answered.",
        0.995,
        'sum(rate(ray_lift_requests_total{outcome!~"answered|refused|cancelled"}[$window]))',
        'sum(rate(ray_lift_requests_total{outcome!~"refused|cancelled"}[$window]))',
    ),
    Objective(
        "ttft",
        "Time to first token",
        f"95 % of an engine's sequences begin within {TTFT_S:g} s.",
        0.95,
        *_slower_than("ray_lift_ttft_seconds", 'stage=~"ir|code"', TTFT_S, TTFT_SECONDS.buckets),
    ),
    Objective(
        "answer",
        "Time to answer",
        f"95 % of the answers come within {ANSWER_S:g} s.",
        0.95,
        *_slower_than("ray_lift_answer_seconds", 'route="lift"', ANSWER_S, ANSWER_SECONDS.buckets),
    ),
    Objective(
        "validated",
        "Validated success",
        "95 % of the answers have code that was not rejected.",
        0.95,
        'sum(rate(ray_lift_answer_seconds_count{route="lift",level="rejected"}[$window]))',
        'sum(rate(ray_lift_answer_seconds_count{route="lift"}[$window]))',
    ),
)
