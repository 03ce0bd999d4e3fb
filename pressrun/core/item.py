"""Items and input assets: the smallest things a plan counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field


def axis_order(axes: Iterable[str]) -> list[str]:
    """Product, locale, then the others by name: documents sort their keys, so an authored order does not survive."""
    return sorted(axes, key=lambda axis: (axis != "product", axis != "locale", axis))


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class InputAsset(_Part):
    """A file an item needs (product photo, mask). `name` is the plain file name under which the job sees it."""

    name: str
    uri: str
    sha256: str
    size: int
    source: str = ""


class Batch(_Part):
    """Where an item is one picture of several that one prompt makes of one seed: `index` of `size`, from 0.

    `key` is the same for all of a batch: what their picture of them all would have as render key.
    """

    key: str
    size: int = Field(ge=2)
    index: int = Field(ge=0)

    @property
    def label(self) -> str:
        """ "2 of 4": its place as people count."""
        return f"{self.index + 1} of {self.size}"


class Item(_Part):
    """One generation, the smallest retryable unit.

    `axes` maps each axis to the id of its value ({"product": "AUR-01", "locale": "de-DE", "size": "square"}).
    `params` are the contract's parameters, complete and valid, without seed and input files' bytes.
    `inputs` maps a contract parameter to the name of an InputAsset of the plan.
    `row` is the manifest row as a spreadsheet counts it (header = 1).
    `batch` is set where one prompt makes several items.
    """

    item_id: str
    cell_id: str
    axes: dict[str, str]
    row: int | None = None
    round: int = 0
    workflow: str
    params: dict[str, Any]
    seed: int
    inputs: dict[str, str] = {}
    render_key: str
    # Left out where there is none: plans that were made before batches keep their digest.
    batch: Batch | None = Field(None, exclude_if=lambda value: value is None)

    @property
    def locale(self) -> str:
        return self.axes["locale"]

    @property
    def label(self) -> str:
        """What a person calls it: "AUR-01 · de-DE · square · sunrise"."""
        named = " · ".join(self.axes[axis] for axis in axis_order(self.axes))
        return named + (f" · round {self.round}" if self.round else "")
