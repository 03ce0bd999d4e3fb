"""Overlays: the copy alone, inside its boxes, in straight alpha; what does not fit or has no glyph is told."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pressrun.core.brand import parse_brand
from pressrun.core.errors import InputError
from pressrun.core.overlay import Overlay, read_overlay
from pressrun.typeset.overlay import set_overlay

BRAND = parse_brand(
    b'colours: {plum: {hex: "#4a2c38"}, gold: {hex: "#e8be7a"}}\nfonts: {text: Noto Sans Bold}\n', file="p"
)
BOX = (40, 30, 400, 90)
COPY = {"en-US": "Wake up to dew", "ar-AE": "بشرة ندية كالفجر", "hi-IN": "ओस-सी ताज़ा त्वचा", "ja-JP": "朝露を、肌へ。"}


def overlay(text: str = "Dew", **block: Any) -> Overlay:
    values = {
        "text": text,
        "box": list(BOX),
        "size": 60,
        "font": "text",
        "colour": "plum",
        "align": "start",
        "vertical": "top",
    }
    return read_overlay({"width": 480, "height": 160, "blocks": [values | block]})


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


@pytest.mark.parametrize("locale", COPY)
def test_letters_stay_in_their_box_in_one_flat_colour(locale: str) -> None:
    data, faults = set_overlay(overlay(COPY[locale]), BRAND, locale)
    assert faults == ()
    picture = pixels(data)
    ink = picture[..., 3] > 0
    rows, columns = np.nonzero(ink)
    left, top, width, height = BOX
    assert left <= columns.min() <= columns.max() < left + width
    assert top <= rows.min() <= rows.max() < top + height
    # Straight alpha: soft edges have the letters' own colour, not a darker one.
    assert {tuple(colour) for colour in picture[ink][:, :3]} == {(0x4A, 0x2C, 0x38)}
    assert len(set(picture[..., 3][ink])) > 20


def test_the_same_order_gives_the_same_bytes() -> None:
    assert set_overlay(overlay(), BRAND, "en-US") == set_overlay(overlay(), BRAND, "en-US")


def test_start_is_the_right_edge_in_arabic() -> None:
    def columns(locale: str) -> tuple[int, int]:
        found = np.nonzero(pixels(set_overlay(overlay(COPY[locale]), BRAND, locale)[0])[..., 3].max(axis=0))[0]
        return int(found.min()), int(found.max())

    assert columns("en-US")[0] < BOX[0] + 8
    assert columns("ar-AE")[1] > BOX[0] + BOX[2] - 8
    assert columns("ar-AE")[0] > BOX[0] + 8


@pytest.mark.parametrize(("vertical", "share"), [("top", 0.0), ("middle", 0.5), ("bottom", 1.0)])
def test_vertical_moves_the_text_in_its_box(vertical: str, share: float) -> None:
    tops = []
    for where in ("top", vertical):
        data, faults = set_overlay(overlay("Dew", size=30, vertical=where), BRAND, "en-US")
        assert faults == ()
        tops.append(int(np.nonzero(pixels(data)[..., 3].max(axis=1))[0].min()))
    free = BOX[3] - 2 * 2 - 41  # 2 of air at each edge; a line of Noto Sans at 30 pixels is 41 high
    assert tops[1] - tops[0] == pytest.approx(free * share, abs=1)


def test_a_panel_fills_its_box_and_nothing_else() -> None:
    data, faults = set_overlay(overlay(panel={"colour": "gold", "opacity": 0.5}), BRAND, "en-US")
    assert faults == ()
    alpha = pixels(data)[..., 3]
    left, top, width, height = BOX
    assert (alpha[top : top + height, left : left + width] >= 128).all()
    assert int((alpha > 0).sum()) == width * height


@pytest.mark.parametrize(("fade", "order"), [("top", 1), ("bottom", -1)])
def test_a_ground_fades_out_at_one_edge_and_lies_under_the_text(fade: str, order: int) -> None:
    ground = {"box": [0, 0, 480, 160], "colour": "gold", "opacity": 0.5, "fade": fade}
    made = read_overlay({**overlay().model_dump(), "grounds": [ground]})
    picture = pixels(set_overlay(made, BRAND, "en-US")[0])
    edge = picture[:, 0].astype(int)[::order]  # beside the text: from the clear edge to the full one
    assert {tuple(colour) for colour in edge[8:, :3]} == {(0xE8, 0xBE, 0x7A)}
    assert edge[0, 3] == 0
    assert edge[-1, 3] in (127, 128)
    steps = np.diff(edge[:, 3])
    assert steps.min() >= 0
    assert steps.max() <= 2, "no edge shows"
    assert (picture[..., 3] == 255).any(), "the letters are over it"


def test_a_ground_lies_inside_the_picture() -> None:
    ground = {"box": [0, 100, 480, 61], "colour": "gold"}
    with pytest.raises(InputError, match=r"box \[0, 100, 480, 61\] of ground 0 is not inside 480×160"):
        read_overlay({**overlay().model_dump(), "grounds": [ground]})


def test_a_letter_without_a_glyph_is_told_by_name() -> None:
    _, faults = set_overlay(overlay("Dew \U00012000"), BRAND, "en-US")
    assert [(fault.code, fault.block) for fault in faults] == [("glyph-missing", 0)]
    assert "U+12000" in faults[0].message


def test_text_shrinks_down_to_its_smallest_size_and_no_further() -> None:
    words = "The serum that wakes your skin before the sun does"
    assert set_overlay(overlay(words, smallest=20), BRAND, "en-US")[1] == ()
    _, faults = set_overlay(overlay(words, smallest=55), BRAND, "en-US")
    assert [fault.code for fault in faults] == ["text-overflow"]
    assert "400×90 pixels at size 55" in faults[0].message


def test_a_block_without_text_is_left_out() -> None:
    assert not pixels(set_overlay(overlay("  "), BRAND, "en-US")[0]).any()


def test_an_unknown_colour_or_role_is_refused() -> None:
    with pytest.raises(InputError, match="no colour 'plim'"):
        set_overlay(overlay(colour="plim"), BRAND, "en-US")
    with pytest.raises(InputError, match="no font role 'display'"):
        set_overlay(overlay(font="display"), BRAND, "en-US")


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"box": [400, 0, 100, 50]}, r"box \[400, 0, 100, 50\] of block 0 is not inside 480×160"),
        ({"box": [0, 0, 0, 50]}, "is not inside"),
        ({"box": [0, 0, 10]}, "blocks/0/box"),
        ({"size": "large"}, "blocks/0/size"),
        ({"size": 2}, "blocks/0/size"),
        ({"align": "justify"}, "blocks/0/align"),
        ({"panel": {"colour": "gold", "opacity": 2}}, "blocks/0/panel/opacity"),
    ],
)
def test_values_that_cannot_be_set_are_named(block: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        overlay(**block)
