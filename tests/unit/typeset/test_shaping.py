"""No missing glyphs, Arabic joined and right to left, conjuncts formed, mixed directions in the right order."""

from __future__ import annotations

import pytest

from pressrun.typeset import layout, missing_glyphs
from pressrun.typeset.layout import GlyphRun

COPY = {
    "de-DE": "Frühling für dich: 30 % auf alles, was blüht – „Größe“ zählt",
    "fr-FR": "Le printemps est là : l’eau de parfum « Aurora », −30 %, cœur d’œillet",
    "es-ES": "¡Llegó la primavera! ¿Cuál eliges, señorita? 1.ª fragancia a 39,90 €",
    "ja-JP": "春の新作「オーロラ」、いよいよ発売。今だけ30%オフ！髪と頰に、桜の薫り〜",
    "ar-SA": "خصم 30% على Aurora، عطر الربيع الجديد من الآن؟ ١٢٣",
    "hi-IN": "वसंत का जादू: ऑरोरा इत्र पर 30% की छूट, क्षमा और ज्ञान, ₹499",
    "he-IL": "מבצע אביב: 30% הנחה על Aurora",
    "th-TH": "ฤดูใบไม้ผลิมาถึงแล้ว ลด 30%",
    "el-GR": "Άνοιξη με άρωμα",
    "ru-RU": "Весна пришла: скидка 30 %",
    "pl-PL": "Wiosna pełna zapachów: żółć, gęś, łódź",
    "tr-TR": "İlkbahar geldi: ışıltı, çiçek, şeker",
    "vi-VN": "Mùa xuân đến rồi – ưu đãi 30%",
}


def runs_of(text: str, locale: str) -> list[GlyphRun]:
    return [run for line in layout(text, locale=locale, size=40).lines for run in line.runs]


@pytest.mark.parametrize("locale", COPY)
@pytest.mark.parametrize("weight", [400, 700])
@pytest.mark.parametrize("family", ["sans", "display"])
def test_no_notdef_in_campaign_copy(locale: str, weight: int, family: str) -> None:
    set_text = layout(COPY[locale], locale=locale, size=40, weight=weight, family=family)  # type: ignore[arg-type]
    glyphs = [glyph for line in set_text.lines for run in line.runs for glyph in run.glyphs]
    assert len(glyphs) > 10
    assert [glyph for glyph in glyphs if glyph.gid == 0] == []
    assert set_text.missing == ()


def test_missing_glyphs_are_named_once_each() -> None:
    assert missing_glyphs("Hi \U00013000 and \U00013001, again \U00013000", "en-GB") == ("\U00013000", "\U00013001")


def test_arabic_letters_join() -> None:
    (word,) = runs_of("خصم", "ar-SA")
    for cluster, letter in enumerate("خصم"):
        shaped = {glyph.gid for glyph in word.glyphs if glyph.cluster == cluster}
        isolated = {glyph.gid for glyph in runs_of(letter, "ar-SA")[0].glyphs}
        assert shaped
        assert shaped != isolated, f"{letter} inside a word must not keep its isolated form"


def test_arabic_is_set_from_right_to_left() -> None:
    (word,) = runs_of("خصم", "ar-SA")
    assert word.rtl
    clusters = [glyph.cluster for glyph in word.glyphs]
    assert clusters == sorted(clusters, reverse=True)
    assert set(clusters) == {0, 1, 2}


def test_mixed_line_has_latin_at_the_left_and_the_number_upright() -> None:
    runs = runs_of("خصم 30% على Aurora", "ar-SA")
    assert runs[0].text == "Aurora"
    assert not runs[0].rtl
    assert runs[-1].text.startswith("خصم")
    number = next(run for run in runs if "30" in run.text)
    assert not number.rtl
    clusters = [glyph.cluster for glyph in number.glyphs]
    assert clusters == sorted(clusters)


def test_arabic_inside_a_left_to_right_line_keeps_its_place() -> None:
    runs = runs_of("Aurora عطر perfume", "en-GB")
    assert [run.text.strip() for run in runs if run.text.strip()] == ["Aurora", "عطر", "perfume"]


def test_devanagari_forms_conjuncts_and_reorders_the_short_i() -> None:
    (conjunct,) = runs_of("क्ष", "hi-IN")
    assert len(conjunct.glyphs) == 1
    (syllable,) = runs_of("कि", "hi-IN")
    (bare,) = runs_of("क", "hi-IN")
    assert syllable.glyphs[-1].gid == bare.glyphs[0].gid, "the vowel sign stands before its consonant"


def test_fallback_takes_the_first_font_that_has_the_glyph() -> None:
    families = {run.text.strip(): run.font.family for run in runs_of("Aurora 春", "en-GB")}
    assert families == {"Aurora": "Noto Sans", "春": "Noto Sans JP"}
