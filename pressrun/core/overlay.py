"""Overlays: the copy of a market as a picture of its own, typeset when the plan is made, an input file like any other.

ComfyUI's own text nodes cannot shape Arabic or Devanagari. So the graph stays plain: it loads the overlay, whose alpha
says where the letters are, and puts it over the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from pressrun.core.errors import InputError
from pressrun.core.item import InputAsset

Edge = Literal["start", "left", "center", "right", "end"]
Height = Literal["top", "middle", "bottom"]
Fade = Literal["none", "top", "bottom"]
Box = tuple[int, int, int, int]
MAX_SIDE = 8192


class _Spec(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class PanelSpec(_Spec):
    """A ground under a text, as large as its box."""

    colour: str = Field(description="a colour of include/brand/palette.yaml, or #rrggbb")
    opacity: Any = Field(1.0, description="0 to 1; a number or a template")
    fade: str = Field("none", description="top or bottom: the edge at which it is gone; none for a flat ground")


class BlockSpec(_Spec):
    """One text in one box. Every value may be a template."""

    text: str = Field(description="what it says; a block without text is left out")
    box: Any = Field(description="[left, top, width, height] in pixels: nothing is drawn outside")
    size: Any = Field(description="letter size in pixels per em")
    smallest: Any = Field(None, description="the size it may shrink to so that it fits; 60 % of `size` by default")
    font: str = Field("text", description="a role of include/brand/palette.yaml: display, text, …")
    colour: str = Field(description="a colour of include/brand/palette.yaml, or #rrggbb")
    align: str = Field("start", description="start, left, center, right or end; start is the right in Arabic")
    vertical: str = Field("top", description="top, middle or bottom of the box")
    panel: PanelSpec | None = Field(None, description="a ground under the text")


class GroundSpec(PanelSpec):
    """A ground in a place of its own: a veil that makes a picture quiet enough to read on."""

    box: Any = Field(description="[left, top, width, height] in pixels")


class OverlaySpec(_Spec):
    """A transparent picture with the market's copy on it."""

    width: Any = Field(description="pixels; the width of the picture it lies over")
    height: Any = Field(description="pixels; the height of the picture it lies over")
    grounds: tuple[GroundSpec, ...] = Field((), description="veils under all texts")
    blocks: tuple[BlockSpec, ...] = Field(min_length=1, description="the texts, later ones over earlier ones")


class DerivedInput(_Spec):
    """An input file that the plan makes instead of reading it."""

    typeset: OverlaySpec = Field(description="typeset the market's copy into a transparent PNG")


class Panel(_Spec):
    """As PanelSpec, filled in."""

    colour: str
    opacity: float = Field(1.0, ge=0, le=1)
    fade: Fade = "none"


class Ground(Panel):
    """As GroundSpec, filled in."""

    box: Box


class Block(_Spec):
    """As BlockSpec, filled in: numbers are numbers."""

    text: str
    box: Box
    size: int = Field(ge=6, le=2000)
    smallest: int = Field(0, ge=0)
    font: str
    colour: str
    align: Edge
    vertical: Height
    panel: Panel | None = None

    @field_validator("smallest", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return 0 if value is None else value

    @property
    def least(self) -> int:
        """The smallest size in pixels per em."""
        return min(self.size, self.smallest or max(6, self.size * 3 // 5))


class Overlay(_Spec):
    """As OverlaySpec, filled in for one item. Every box lies inside the picture."""

    width: int = Field(ge=8, le=MAX_SIDE)
    height: int = Field(ge=8, le=MAX_SIDE)
    grounds: tuple[Ground, ...] = ()
    blocks: tuple[Block, ...]

    @model_validator(mode="after")
    def _inside(self) -> Overlay:
        named = [(f"block {number}", block.box) for number, block in enumerate(self.blocks)]
        named += [(f"ground {number}", ground.box) for number, ground in enumerate(self.grounds)]
        for name, (left, top, width, height) in named:
            if min(left, top) < 0 or min(width, height) < 1 or left + width > self.width or top + height > self.height:
                box = [left, top, width, height]
                raise ValueError(f"box {box} of {name} is not inside {self.width}×{self.height}")
        return self


def read_overlay(filled: Any) -> Overlay:
    """An OverlaySpec whose templates were filled in. InputError lists every value that is not what it must be."""
    try:
        return Overlay.model_validate(filled)
    except ValidationError as exc:
        told = [
            f"{'/'.join(map(str, error['loc']))}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": ")
            for error in exc.errors()
        ]
        raise InputError(f"the overlay cannot be set: {'; '.join(told)}") from exc


@dataclass(frozen=True)
class OverlayFault:
    """Why an overlay cannot be used as it is. `block` counts from 0."""

    code: str
    block: int
    message: str
    remedy: str


@dataclass(frozen=True)
class Typeset:
    """What came of an overlay: the input file, and what is wrong with it."""

    asset: InputAsset
    faults: tuple[OverlayFault, ...] = ()


# (overlay, locale, parameter it is for) -> the input file
Typesetter = Callable[[Overlay, str, str], Typeset]
