"""TextOverlay's font: what it has, and what it draws as boxes."""

from __future__ import annotations

import pytest

from pressrun.typeset.text_overlay import missing_in_text_overlay


def test_plain_english_is_fine() -> None:
    assert missing_in_text_overlay("Today only · $29.00, \n“Wake up to dew”…") == ()


@pytest.mark.parametrize(("text", "missing"), [("Früh: 27,90 €", "ü€"), ("朝露を、", "朝露を、"), ("مرحبا", "مرحبا")])
def test_what_it_cannot_write_is_named_once_each(text: str, missing: str) -> None:
    assert missing_in_text_overlay(text * 2) == tuple(dict.fromkeys(missing))
