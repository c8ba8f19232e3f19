"""What an endpoint must do, and whether it did."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]
Usd = Annotated[float, Field(gt=0, le=1_000_000)]


class CriteriaInvalid(ValueError):
    """The text names the file, the wrong value and what is wanted."""


class Criteria(BaseModel):
    """Null: not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answered: Share | None = 1.0
    """Least share of the requests with an answer."""
    schema_valid: Share | None = 1.0
    """Least share of the answers whose IR and code are valid under the service's own schemas."""
    evidenced: Share | None = 1.0
    """Least share of the answers whose verdict rests on evidence that bears it."""
    not_rejected: Share | None = 0.8
    """Least share of the answers whose verdict is not `rejected`."""
    total_p50_s: Seconds | None = 40.0
    total_p99_s: Seconds | None = 120.0
    validate_p99_s: Seconds | None = 10.0
    """Of a request to validate code that is brought."""
    cold_start_s: Seconds | None = 600.0
    """Only where a cold start was provoked."""
    usd_per_verified: Usd | None = None
    """Only where a price is given."""


_AT_LEAST = ("answered", "schema_valid", "evidenced", "not_rejected")
_WHERE_KNOWN = ("cold_start_s", "usd_per_verified")


class Tick(BaseModel):
    """One criterion; `measured` is null where there was nothing to measure, which meets none."""

    criterion: str
    wanted: str
    measured: float | None
    met: bool


def read(path: Path | None) -> Criteria:
    """Raises `CriteriaInvalid`."""
    if path is None:
        return Criteria()
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Criteria.model_validate(said if said is not None else {})
    except OSError as error:
        raise CriteriaInvalid(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CriteriaInvalid(f"{path}: not YAML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        names = ", ".join(Criteria.model_fields)
        raise CriteriaInvalid(
            f"{path}: {where}: {first['msg']}, not {first['input']!r:.80}; there are {names}"
        ) from None


def ticks(criteria: Criteria, measured: dict[str, Any]) -> list[Tick]:
    """Of all that are asked for, but those of a cold start and a price that there were not."""
    found = []
    for name, limit in criteria.model_dump(exclude_none=True).items():
        value = measured.get(name)
        if value is None and name in _WHERE_KNOWN and name not in measured:
            continue
        least = name in _AT_LEAST
        met = value is not None and (value >= limit if least else value <= limit)
        found.append(Tick(criterion=name, wanted=f"{'≥' if least else '≤'} {limit:g}", measured=value, met=met))
    return found
