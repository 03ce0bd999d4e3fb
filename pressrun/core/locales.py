"""Locale tags (BCP 47): checked against CLDR's languages, scripts and regions, so that a typo is not a new market."""

from __future__ import annotations

import difflib
import functools
import re
from typing import Literal, NamedTuple

from babel import Locale
from babel.core import get_global
from babel.localedata import locale_identifiers

from pressrun.core.errors import InputError

Direction = Literal["ltr", "rtl"]

_SHAPE = re.compile(
    r"(?P<language>[A-Za-z]{2,3})"
    r"(?:-(?P<script>[A-Za-z]{4}))?"
    r"(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
)
# Subtags that CLDR lists but that name no language, script or market.
_NOT_A_LANGUAGE = {"und", "mul", "mis", "zxx", "root"}
_NOT_A_REGION = {"ZZ", "XA", "XB", "QO", "EZ", "UN"}
_NOT_A_SCRIPT = {"Zzzz", "Zxxx", "Zyyy", "Zinh", "Zsym", "Zmth", "Zsye"}
_RTL_SCRIPTS = {"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Mand", "Samr", "Aran"}


class _Parts(NamedTuple):
    language: str
    script: str | None
    region: str | None
    variants: str

    def __str__(self) -> str:
        return "-".join(part for part in (self.language, self.script, self.region) if part) + self.variants


def check_locale(tag: str) -> str:
    """The tag in its canonical case ("de-DE", "zh-Hant-TW"); InputError for an unknown one names the nearest valid."""
    return str(_checked(tag))


def script(tag: str) -> str:
    """ISO 15924 code of the script the locale is written in: its own script subtag, else the likely one ("Jpan")."""
    parts = _checked(tag)
    return parts.script or _likely(parts)[1]


def direction(tag: str) -> Direction:
    """Which way the locale's text runs."""
    return "rtl" if script(tag) in _RTL_SCRIPTS else "ltr"


def display_name(tag: str) -> str:
    """What a person calls it, in English: "German (Germany)"."""
    parts = _checked(tag)
    names = _english()
    inside = [names.scripts[parts.script]] if parts.script else []
    inside += [names.territories[parts.region]] if parts.region else []
    language = str(names.languages[parts.language])
    return f"{language} ({', '.join(inside)})" if inside else language


@functools.lru_cache(maxsize=1024)
def _checked(tag: str) -> _Parts:
    match = _SHAPE.fullmatch(tag)
    if not match:
        raise _refusal(tag, f"{tag!r} is not a locale tag (language-REGION, BCP 47)")
    found = match.groupdict()
    parts = _Parts(
        found["language"].lower(),
        found["script"].title() if found["script"] else None,
        found["region"].upper() if found["region"] else None,
        found["variants"].lower(),
    )
    names = _english()
    if parts.language not in names.languages or parts.language in _NOT_A_LANGUAGE:
        raise _refusal(tag, f"unknown language {parts.language!r} in locale {tag!r}")
    if parts.script and (parts.script not in names.scripts or parts.script in _NOT_A_SCRIPT):
        raise _refusal(tag, f"unknown script {parts.script!r} in locale {tag!r}")
    if parts.region and (parts.region not in names.territories or parts.region in _NOT_A_REGION):
        raise _refusal(tag, f"unknown region {parts.region!r} in locale {tag!r}")
    return parts


def _refusal(tag: str, message: str) -> InputError:
    return InputError(message, remedy=f"did you mean {_nearest(tag)!r}?")


def _nearest(tag: str) -> str:
    """The valid tag a person most likely meant: separators, old or country codes first, then spelling."""
    pieces = [piece for piece in re.split(r"[-_ .]+", tag.strip()) if piece] or ["en"]
    language, region = pieces[0].lower(), (pieces[-1].upper() if len(pieces) > 1 else None)
    names = _english()
    language = str(get_global("language_aliases").get(language, language))
    if region and region not in names.territories:
        region = next(iter(get_global("territory_aliases").get(region, [])), region)
    known_language = language in names.languages and language not in _NOT_A_LANGUAGE
    known_region = region is None or (region in names.territories and region not in _NOT_A_REGION)
    if known_language and known_region:
        return f"{language}-{region}" if region else language
    if known_language:
        usual = _likely(_Parts(language, None, None, ""))[2]
        return f"{language}-{usual}" if usual else language
    if region and known_region and (spoken := get_global("likely_subtags").get(f"und_{region}")):
        return f"{str(spoken).split('_', 1)[0]}-{region}"
    named = {str(name).lower(): code for code, name in names.languages.items()}
    if tag.strip().lower() in named:
        return str(named[tag.strip().lower()]).replace("_", "-")
    every = [name.replace("_", "-") for name in locale_identifiers()]
    return difflib.get_close_matches(tag, every, n=1, cutoff=0.0)[0]


def _likely(parts: _Parts) -> tuple[str, str, str]:
    table = get_global("likely_subtags")
    for key in (f"{parts.language}_{parts.region}", parts.language):
        if key in table:
            language, written, region = str(table[key]).split("_")[:3]
            return language, written, region
    return parts.language, "Latn", ""


@functools.cache
def _english() -> Locale:
    return Locale("en")
