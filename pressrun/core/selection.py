"""Selections: some of the combinations, by the values of their axes. `include`, `exclude` and `overrides` use them.

{locale: [ja-JP, ar-AE], size: story}     these two markets, in the story format; other axes: any value
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field


def _read(value: Any) -> Any:
    """A selection as it is written: one value in place of a list of one, and numbers as the ids that they are."""
    if not isinstance(value, Mapping):
        return value
    return {
        axis: tuple(_id(one) for one in (given if isinstance(given, list | tuple) else [given]))
        for axis, given in value.items()
    }


def _id(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


# Axis -> the ids of its values that are meant.
Selection: TypeAlias = Annotated[dict[str, tuple[str, ...]], Field(min_length=1), BeforeValidator(_read)]


class Override(BaseModel):
    """Other parameters for some of the combinations."""

    model_config = {"extra": "forbid", "frozen": True}

    when: Selection = Field(description="axis -> values that it holds for")
    params: dict[str, Any] = Field(min_length=1, description="contract parameter -> value or template, as in `params`")
