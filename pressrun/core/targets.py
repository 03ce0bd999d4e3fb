"""Targets of parameters: the node input that a parameter drives, and the closed list of what may be done on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from pydantic import BaseModel

Transform = Literal["identity", "round_to_8", "percent_to_fraction", "hex_colour_to_int"]
TRANSFORMS: tuple[str, ...] = get_args(Transform)


class Binding(BaseModel):
    """One node input that a parameter drives. `node` is the node's id in the graph as exported."""

    model_config = {"extra": "forbid", "frozen": True}

    node: str
    input: str
    transform: Transform = "identity"


def transformed(value: Any, transform: Transform) -> Any:
    """The value as the node gets it. ValueError where the transform does not take such a value."""
    if transform == "identity":
        return value
    try:
        return _TRANSFORMS[transform](value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise ValueError(f"{transform} does not take {value!r}") from exc


def _round_to_8(value: Any) -> int:
    """Latents have one cell for 8 pixels; halves go up, so that the result never depends on its neighbour's parity."""
    return int((value + 4) // 8 * 8)


def _percent_to_fraction(value: Any) -> float:
    return round(float(value) / 100, 6)


def _hex_colour_to_int(value: Any) -> int:
    if not isinstance(value, str) or len(value) != 7 or value[0] != "#":
        raise ValueError(value)
    return int(value[1:], 16)


_TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "round_to_8": _round_to_8,
    "percent_to_fraction": _percent_to_fraction,
    "hex_colour_to_int": _hex_colour_to_int,
}
