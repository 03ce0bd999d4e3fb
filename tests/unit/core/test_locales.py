"""Locale tags: known ones pass in canonical case, others are refused with the nearest valid one."""

from __future__ import annotations

import pytest

from pressrun.core.errors import InputError
from pressrun.core.locales import check_locale, direction, display_name, script


@pytest.mark.parametrize(
    ("tag", "canonical", "way", "written", "name"),
    [
        ("de-DE", "de-DE", "ltr", "Latn", "German (Germany)"),
        ("ja-jp", "ja-JP", "ltr", "Jpan", "Japanese (Japan)"),
        ("ar-AE", "ar-AE", "rtl", "Arab", "Arabic (United Arab Emirates)"),
        ("HI-in", "hi-IN", "ltr", "Deva", "Hindi (India)"),
        ("he-IL", "he-IL", "rtl", "Hebr", "Hebrew (Israel)"),
        ("ur-PK", "ur-PK", "rtl", "Arab", "Urdu (Pakistan)"),
        ("zh-hant-tw", "zh-Hant-TW", "ltr", "Hant", "Chinese (Traditional, Taiwan)"),
        ("az-Arab", "az-Arab", "rtl", "Arab", "Azerbaijani (Arabic)"),
        ("es-419", "es-419", "ltr", "Latn", "Spanish (Latin America)"),
        ("fr", "fr", "ltr", "Latn", "French"),
        ("de-DE-1996", "de-DE-1996", "ltr", "Latn", "German (Germany)"),
    ],
)
def test_known_locales(tag: str, canonical: str, way: str, written: str, name: str) -> None:
    assert check_locale(tag) == canonical
    assert (direction(tag), script(tag), display_name(tag)) == (way, written, name)


@pytest.mark.parametrize(
    ("tag", "what", "meant"),
    [
        ("de_DE", "not a locale tag", "de-DE"),
        ("xx-XX", "unknown language 'xx'", None),
        ("jp-JP", "unknown language 'jp'", "ja-JP"),
        ("iw-IL", "unknown language 'iw'", "he-IL"),
        ("en-UK", "unknown region 'UK'", "en-GB"),
        ("de-XX", "unknown region 'XX'", "de-DE"),
        ("und", "unknown language 'und'", None),
        ("de-Abcd-DE", "unknown script 'Abcd'", "de-DE"),
        ("german", "not a locale tag", "de"),
        ("de-DE ", "not a locale tag", "de-DE"),
        ("", "not a locale tag", "en"),
        ("../de", "not a locale tag", None),
    ],
)
def test_an_unknown_locale_gets_the_nearest_valid_one(tag: str, what: str, meant: str | None) -> None:
    with pytest.raises(InputError) as caught:
        check_locale(tag)
    assert what in caught.value.message
    suggestion = str(caught.value.remedy).removeprefix("did you mean '").removesuffix("'?")
    assert check_locale(suggestion) == suggestion
    assert meant in (None, suggestion)
