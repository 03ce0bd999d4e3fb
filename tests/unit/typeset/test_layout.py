"""Wrapping, kinsoku, fitting to a box, overflow, alignment and pixels that never change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pressrun.core.errors import InputError, SetupError
from pressrun.typeset import draw, fonts_digest, layout, measure, text_mask
from pressrun.typeset import fonts as fonts_module
from pressrun.typeset.breaking import NOT_AT_END, NOT_AT_START, clusters, segments

JAPANESE = "春の新作、ついに登場。「オーロラ」香水が、今だけ30%オフ！桜の薫りをあなたに。"


def test_text_shrinks_until_it_fits() -> None:
    result = layout("Frühling für alle, die es eilig haben", locale="de-DE", box=(300, 60), size=60)
    assert result.size < 60
    assert result.width <= 300
    assert result.height <= 60
    assert not result.overflow


def test_overflow_is_reported_when_the_smallest_size_is_too_large() -> None:
    assert layout("Frühling " * 40, locale="de-DE", box=(60, 20), size=40, smallest=12).overflow


@pytest.mark.parametrize("width", range(90, 400, 23))
def test_kinsoku_holds_at_every_width(width: int) -> None:
    lines = [line.text for line in layout(JAPANESE, locale="ja-JP", box=(width, 4000), size=28).lines]
    assert "".join(lines) == JAPANESE
    assert all(line[0] not in NOT_AT_START for line in lines)
    assert all(line[-1] not in NOT_AT_END for line in lines)


def test_loan_words_and_counters_stay_together() -> None:
    assert segments("今だけオーロラが") == ["今だけ", "オーロラが"]
    assert segments("ついに登場。薫りの3月まで、30%オフ") == ["ついに", "登場。", "薫りの", "3月まで、", "30%オフ"]


def test_segments_and_clusters_lose_nothing() -> None:
    text = "Eau-de-parfum à 30 % : क्षमा und 春の、薫り"
    assert "".join(segments(text)) == text
    assert "".join(clusters(text)) == text
    assert clusters("क्षमा") == ["क्ष", "मा"]


def test_a_long_word_is_cut_rather_than_lost() -> None:
    word = "Donaudampfschifffahrtsgesellschaft"
    result = layout(word, locale="de-DE", box=(150, 1000), size=40, smallest=40)
    assert len(result.lines) > 2
    assert "".join(line.text for line in result.lines) == word


def test_balanced_lines_are_nearly_equal() -> None:
    text = "Der Frühling ist da und mit ihm der Duft"
    plain = layout(text, locale="de-DE", box=(500, 400), size=36)
    even = layout(text, locale="de-DE", box=(500, 400), size=36, balance=True)
    assert len(even.lines) == len(plain.lines) == 2
    spread = [abs(r.lines[0].width - r.lines[1].width) for r in (plain, even)]
    assert spread[1] < spread[0]


def test_start_means_right_in_arabic_and_left_in_german() -> None:
    def ink(text: str, locale: str) -> tuple[int, int]:
        mask, (left, _) = text_mask(layout(text, locale=locale, size=30), 600)
        columns = np.nonzero(np.asarray(mask).max(axis=0))[0]
        return int(columns[0]) + left, int(columns[-1]) + left

    assert ink("Frühling", "de-DE")[0] < 10
    assert ink("ربيع", "ar-SA")[1] > 590


def test_measure_agrees_with_the_layout() -> None:
    set_text = layout("Aurora", locale="en-GB", size=48)
    assert measure("Aurora", locale="en-GB", size=48) == (set_text.width, set_text.height)
    assert measure("Aurora", locale="en-GB", size=96)[0] == pytest.approx(2 * set_text.width, abs=2)


def test_same_text_same_pixels_and_other_text_other_pixels() -> None:
    def picture(text: str) -> bytes:
        image = Image.new("RGB", (400, 120), (20, 40, 60))
        set_text = layout(text, locale="ar-SA", box=(380, 100), size=50, weight=700)
        draw(set_text, image, (10, 10), width=380, outline=(2, (0, 0, 0)), shadow=(4, (0, 0, 0), 0.5))
        return image.tobytes()

    assert picture("عطر الربيع") == picture("عطر الربيع")
    assert picture("عطر الربيع") != picture("عطر الخريف")


def test_empty_text_is_nothing_and_size_zero_is_refused() -> None:
    assert layout("", locale="en-GB", box=(100, 100), size=20).width <= 1
    with pytest.raises(InputError, match="at least 1 pixel"):
        layout("x", locale="en-GB", size=0)


def test_a_changed_font_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {**fonts_module.manifest()[0], "family": "Changed", "sha256": "0" * 64}
    monkeypatch.setattr(fonts_module, "manifest", lambda: (entry,))
    with pytest.raises(SetupError, match="not the pinned one"):
        fonts_module.load("Changed", entry["weight"])


def test_fonts_digest_is_a_sha256_over_every_font() -> None:
    assert len(fonts_digest()) == 64
    assert {entry["licence"] for entry in fonts_module.manifest()} == {"OFL-1.1"}
