"""What a run is to do, from the options that locust reads; the same in every process of it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from locust.argument_parser import LocustArgumentParser

from loadtest.arrivals import Arrivals
from loadtest.dialect import Dialect
from loadtest.prompts import Mix
from loadtest.selfcheck import LAG_MS
from loadtest.shapes import SHAPES, Shape
from loadtest.slo import Slo


@dataclass(frozen=True)
class Plan:
    arrivals: Arrivals
    shape: Shape
    mix: Mix
    dialect: Dialect
    slo: Slo
    seed: int
    timeout_s: float
    lag_ms: float
    """At p99 at most, for the run to count."""
    begun_at: float
    """Unix time from which the arrivals count."""
    rows: Path | None
    summary: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        return cls(
            arrivals=Arrivals.parse(options.arrivals),
            shape=SHAPES[options.shape](options.rate, options.seconds),
            mix=Mix(options.seed, options.context_words, options.shared),
            dialect=Dialect(options.chat),
            slo=Slo.parse(options.slo),
            seed=options.seed,
            timeout_s=options.timeout_s,
            lag_ms=options.lag_ms,
            begun_at=options.begin_at,
            rows=Path(options.rows) if options.rows else None,
            summary=Path(options.summary) if options.summary else None,
        )

    @cached_property
    def due(self) -> tuple[float, ...]:
        return self.arrivals.due(self.shape, self.seed)


def add_options(parser: LocustArgumentParser) -> None:
    """They stand in the form of locust's page too."""
    add = parser.add_argument
    add("--rate", type=_number(0), default=1.0, help="Requests a second, the highest of the shape")
    add("--seconds", type=_number(0), default=60.0, help="In which requests arrive")
    add("--shape", choices=tuple(SHAPES), default="constant", help="How the rate changes")
    add("--arrivals", type=_text(Arrivals.parse), default="poisson", help=Arrivals.__doc__)
    add("--seed", type=int, default=1, help="Of arrivals and prompts")
    add("--slo", type=_text(Slo.parse), default="", help="Such as total=40,ttft=2, in seconds")
    add("--timeout-s", type=_number(0), default=120.0, help="After which a request is given up")
    add("--lag-ms", type=_number(0), default=LAG_MS, help="How late requests may leave at p99 for the run to count")
    add("--context-words", type=int, default=0, help="Before the task in each prompt")
    add("--shared", type=_number(-1e-9, 1), default=0.0, help="Share of these words that all prompts begin with")
    add("--chat", default="", help="A model to ask for in OpenAI's form, at /v1/chat/completions")
    add("--api-key", env_var="LIFT_API_KEY", default="", is_secret=True, help="Of the service, where it asks for one")
    add("--insecure", action="store_true", help="Take any TLS certificate")
    add("--rows", default="", help="A file for each request as a line of JSON", include_in_web_ui=False)
    add("--summary", default="", help="A file for what the run came to, as JSON", include_in_web_ui=False)


def _number(above: float, most: float = 1e6) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not above < value <= most:
            raise argparse.ArgumentTypeError(f"{text}: above {above:.0f} and up to {most:g} is wanted")
        return value

    return number


def _text(parse: Callable[[str], Any]) -> Callable[[str], str]:
    """Of an option that stays a text on its way to workers, and is checked here."""

    def text(said: str) -> str:
        try:
            parse(said)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return said

    return text
