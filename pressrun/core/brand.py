"""The brand: colours by name and fonts by role, from include/brand/palette.yaml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import yaml

from pressrun.core.errors import InputError

Colour = tuple[int, int, int]
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# The families that the typesetter has pinned files of; scripts they lack are set in the Noto Sans of that script.
_FAMILIES: dict[str, Literal["sans", "display"]] = {"Noto Sans": "sans", "Noto Serif Display": "display"}


@dataclass(frozen=True)
class FontRole:
    """What text of a role is set in."""

    family: Literal["sans", "display"]
    weight: Literal[400, 700]


@dataclass(frozen=True)
class Brand:
    """Colours as (red, green, blue), 0 to 255, and fonts by role."""

    colours: Mapping[str, Colour]
    fonts: Mapping[str, FontRole]
    file: str = "brand/palette.yaml"

    def colour(self, name: str) -> Colour:
        """A named colour or #rrggbb; InputError where it is neither."""
        if _HEX.fullmatch(name):
            return parse_hex(name)
        if name not in self.colours:
            raise InputError(f"no colour {name!r}{_near(name, self.colours)}", where=self.file)
        return self.colours[name]

    def font(self, role: str) -> FontRole:
        """The font of a role; InputError where the brand has none such."""
        if role not in self.fonts:
            raise InputError(f"no font role {role!r}{_near(role, self.fonts)}", where=self.file)
        return self.fonts[role]


def parse_brand(data: bytes, *, file: str) -> Brand:
    """Read `colours: {name: {hex: "#rrggbb"}}` and `fonts: {role: "Noto Sans Bold"}`; InputError where it is not so."""
    try:
        raw = yaml.safe_load(data.decode("utf-8-sig"))
        colours = {str(name): str(entry["hex"]) for name, entry in (raw.get("colours") or {}).items()}
        fonts = {str(role): str(name) for role, name in (raw.get("fonts") or {}).items()}
    except (ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError) as exc:
        raise InputError(f"not a palette: {exc}", where=file, remedy="see include/brand/palette.yaml") from exc
    wrong = [name for name, value in colours.items() if not _HEX.fullmatch(value)]
    if wrong:
        raise InputError(f"colours must be #rrggbb: {', '.join(wrong)}", where=file)
    return Brand(
        colours={name: parse_hex(value) for name, value in colours.items()},
        fonts={role: _role(name, file) for role, name in fonts.items()},
        file=file,
    )


def _role(name: str, file: str) -> FontRole:
    bold = name.endswith(" Bold")
    family = _FAMILIES.get(name.removesuffix(" Bold"))
    if family is None:
        known = ", ".join(f"{known} [Bold]" for known in _FAMILIES)
        raise InputError(f"no pinned font {name!r}", where=file, remedy=f"pinned: {known}")
    return FontRole(family=family, weight=700 if bold else 400)


def parse_hex(value: str) -> Colour:
    """#rrggbb as (red, green, blue)."""
    number = int(value[1:], 16)
    return number >> 16 & 255, number >> 8 & 255, number & 255


def write_hex(colour: Colour) -> str:
    """A colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else f"; there are {', '.join(known)}"
