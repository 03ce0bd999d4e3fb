"""People's time: how long a review takes, as include/policy/review.yaml says or as past rounds have shown."""

from __future__ import annotations

import yaml
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.errors import InputError

FILE = "policy/review.yaml"
LEARNT_FROM = 30
"""Looks between two decisions of one person from which on they are believed more than the policy's figure."""
LONGEST_LOOK = 300.0
"""Seconds after which a pause between two decisions was something else than looking."""


class ReviewPolicy(BaseModel):
    """include/policy/review.yaml. A cell takes `seconds_per_cell` to open, each candidate `seconds_per_candidate`."""

    model_config = {"extra": "forbid", "frozen": True}

    seconds_per_candidate: float = Field(6.0, ge=0, description="looking at one candidate")
    seconds_per_cell: float = Field(4.0, ge=0, description="opening a cell and deciding")
    usd_per_hour: float | None = Field(None, ge=0, description="what an hour of a reviewer costs; none: no money shown")
    source: str = Field("no policy: a rule of thumb", description="where these figures are from")
    date: str = Field("", description="when they were last looked at")

    def learnt(self, looks: list[float]) -> ReviewPolicy:
        """The policy with the seconds of past decisions in place of its own, where there are enough of them.

        `looks` are the seconds between consecutive decisions of one person in one round; pauses are left out.
        """
        usable = sorted(look for look in looks if 0 < look <= LONGEST_LOOK)
        if len(usable) < LEARNT_FROM:
            return self
        # A look ends with one decision, whatever was looked at for it: the cell's own share is in it.
        each = sum(usable) / len(usable)
        source = f"measured on {len(usable):,} decisions"
        return self.model_copy(
            update={"seconds_per_candidate": each, "seconds_per_cell": 0.0, "source": source, "date": ""}
        )

    def told(self) -> str:
        """The source with its date."""
        return f"{self.source}, {self.date}" if self.date else self.source


def parse_review_policy(data: bytes) -> ReviewPolicy:
    """Read review.yaml; InputError names the wrong field."""
    try:
        raw = yaml.safe_load(data) or {}
        if isinstance(raw, dict) and "date" in raw:
            raw["date"] = str(raw["date"])
        return ReviewPolicy.model_validate(raw)
    except yaml.YAMLError as exc:
        raise InputError(f"not YAML: {exc}", where=FILE, remedy="fix the syntax") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        place = "/" + "/".join(map(str, first["loc"]))
        raise InputError(f"{place}: {first['msg']}", where=FILE, remedy="see docs/concepts/cost.md") from exc
