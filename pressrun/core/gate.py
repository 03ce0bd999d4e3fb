"""The gate: what was seen of the canary, and whether the rest is bought."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument

REMEDY = "look at the canary's pictures, mend the workflow or the manifest, and run again: what is good is kept"


class GateFault(BaseModel):
    """A picture of the canary that is bad or missing. `code` is quality control's, or `failed` or `not-delivered`."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    label: str
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.label} {self.reason}"


class Gate(VersionedDocument):
    """At runs/{run_key}/gates/{digest}.json. `by` is "quality control", "the estimate" or whoever looked at it.

    `canary` counts its items; `not_bought` those of the main shards while the gate is shut. `reason` is what decided.
    """

    SCHEMA: ClassVar[str] = "gate/1"

    run_key: str
    quote_digest: str
    state: Literal["open", "shut"]
    by: str
    canary: int
    not_bought: int
    faults: tuple[GateFault, ...] = ()
    reason: str = ""

    def sentence(self) -> str:
        """Why the gate is shut, for people."""
        if self.by == JUDGE:
            return (
                f"the canary failed: {len(self.faults)} of {self.canary} pictures are unusable; "
                f"{self.not_bought} items were not bought"
            )
        if self.by == ESTIMATE:
            return f"the canary's pictures are good, but {self.reason}; {self.not_bought} items were not bought"
        return f"{self.by} looked at the canary and stopped the run; {self.not_bought} items were not bought"


JUDGE = "quality control"
ESTIMATE = "the estimate"
"""What a picture took, as the canary showed it, against what was agreed to."""
