"""What goes on around the replicas. Of these amounts none was measured here: each is a question one can ask."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Conditions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    start_spread: Annotated[float, Field(ge=0, le=100)] = 0.2
    """A cold start takes up to this share longer than one of those measured."""
    mean_life_s: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Of a replica, until it dies with all it has. None: for ever."""
    slow_share: Share = 0.0
    """Of the replicas, that are slow."""
    slowness: Annotated[float, Field(ge=1, le=100)] = 2.0
    """Of them: so many times as long a step takes."""
    report_delay_s: Annotated[int, Field(ge=0, le=600)] = 1
    """From what a replica says of itself to the decision."""
    silent_share: Share = 0.0
    """Of the reports, that do not arrive."""
    ring_points: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Of a replica, on the router's ring, as deployments/app.py sets it: the fewer, the more unequal their shares."""
    validator_start_s: Seconds = 5.0
