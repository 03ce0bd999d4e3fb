"""Which script a character belongs to, and which way a text runs."""

from __future__ import annotations

import bisect
import unicodedata
from typing import Literal

Direction = Literal["ltr", "rtl"]

# First code point, last code point, script. Only the scripts that the pinned fonts set; everything else is "Zyyy".
_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x005A, "Latn"),
    (0x0061, 0x007A, "Latn"),
    (0x00AA, 0x00AA, "Latn"),
    (0x00BA, 0x00BA, "Latn"),
    (0x00C0, 0x00D6, "Latn"),
    (0x00D8, 0x00F6, "Latn"),
    (0x00F8, 0x02B8, "Latn"),
    (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"),
    (0x0591, 0x05F4, "Hebr"),
    (0x0600, 0x06FF, "Arab"),
    (0x0750, 0x077F, "Arab"),
    (0x08A0, 0x08FF, "Arab"),
    (0x0900, 0x0963, "Deva"),
    (0x0966, 0x097F, "Deva"),
    (0x0E01, 0x0E5B, "Thai"),
    (0x1E00, 0x1EFF, "Latn"),
    (0x1F00, 0x1FFF, "Grek"),
    (0x2E80, 0x2FDF, "Jpan"),
    (0x3001, 0x30FF, "Jpan"),
    (0x31F0, 0x31FF, "Jpan"),
    (0x3220, 0x33FF, "Jpan"),
    (0x3400, 0x4DBF, "Jpan"),
    (0x4E00, 0x9FFF, "Jpan"),
    (0xF900, 0xFAFF, "Jpan"),
    (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"),
    (0xFE70, 0xFEFC, "Arab"),
    (0xFF01, 0xFFEF, "Jpan"),
    (0x20000, 0x2FA1F, "Jpan"),
)
_STARTS = [first for first, _, _ in _RANGES]

_SCRIPT_OF_LANGUAGE = {
    "ar": "Arab",
    "fa": "Arab",
    "ur": "Arab",
    "ps": "Arab",
    "he": "Hebr",
    "yi": "Hebr",
    "hi": "Deva",
    "mr": "Deva",
    "ne": "Deva",
    "sa": "Deva",
    "ja": "Jpan",
    "zh": "Jpan",
    "th": "Thai",
    "el": "Grek",
    "ru": "Cyrl",
    "uk": "Cyrl",
    "bg": "Cyrl",
    "sr": "Cyrl",
}
_LANGUAGE_OF_SCRIPT = {"Arab": "ar", "Hebr": "he", "Deva": "hi", "Jpan": "ja", "Thai": "th", "Grek": "el", "Cyrl": "ru"}


def script_of(character: str) -> str:
    """ISO 15924 code, with "Jpan" for kana, kanji and full-width forms; "Zyyy" for all digits, spaces, punctuation."""
    code = ord(character)
    index = bisect.bisect_right(_STARTS, code) - 1
    if index >= 0 and code <= _RANGES[index][1] and unicodedata.category(character) != "Nd":
        return _RANGES[index][2]
    return "Zyyy"


def script_of_locale(locale: str) -> str:
    """The script a BCP 47 tag is written in: its own script subtag if it has one, else that of its language."""
    parts = locale.replace("_", "-").split("-")
    for part in parts[1:]:
        if len(part) == 4 and part.isalpha():
            script = part.title()
            return "Jpan" if script in {"Hani", "Hans", "Hant", "Hira", "Kana"} else script
    return _SCRIPT_OF_LANGUAGE.get(parts[0].lower(), "Latn")


def direction_of_locale(locale: str) -> Direction:
    """The base direction of a paragraph in this locale."""
    return "rtl" if script_of_locale(locale) in {"Arab", "Hebr"} else "ltr"


def guess_locale(text: str) -> str:
    """The likely language of a text whose locale nobody gave (a text overlay node): by the most frequent script."""
    counts: dict[str, int] = {}
    for character in text:
        script = script_of(character)
        if script != "Zyyy":
            counts[script] = counts.get(script, 0) + 1
    if not counts:
        return "en"
    best = max(sorted(counts), key=lambda script: counts[script])
    return _LANGUAGE_OF_SCRIPT.get(best, "en")
