"""The brand's palette: what is read, and what a wrong one is told."""

from __future__ import annotations

import pytest

from pressrun.core.brand import FontRole, parse_brand
from pressrun.core.errors import InputError

PALETTE = (
    b'colours: {plum: {hex: "#4a2C38", on: "#ffffff"}}\nfonts: {display: Noto Serif Display Bold, text: Noto Sans}\n'
)


def test_colours_have_names_or_are_written_out_and_fonts_have_roles() -> None:
    brand = parse_brand(PALETTE, file="p.yaml")
    assert brand.colour("plum") == (0x4A, 0x2C, 0x38)
    assert brand.colour("#00ff7F") == (0, 255, 127)
    assert brand.font("display") == FontRole("display", 700)
    assert brand.font("text") == FontRole("sans", 400)


def test_a_misspelt_name_is_told_the_nearest() -> None:
    brand = parse_brand(PALETTE, file="p.yaml")
    with pytest.raises(InputError, match=r"no colour 'plumm'.*did you mean 'plum'"):
        brand.colour("plumm")
    with pytest.raises(InputError, match="no font role 'body'; there are display, text"):
        brand.font("body")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"colours: [1]", "not a palette"),
        (b"[", "not a palette"),
        (b"\xff\xfe", "not a palette"),
        (b"colours: {a: {on: '#000000'}}", "not a palette"),
        (b"colours: {a: {hex: red}}", "colours must be #rrggbb: a"),
        (b"fonts: {text: Comic Sans}", "no pinned font 'Comic Sans'"),
    ],
)
def test_what_is_not_a_palette_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        parse_brand(data, file="p.yaml")
    assert caught.value.where == "p.yaml"
