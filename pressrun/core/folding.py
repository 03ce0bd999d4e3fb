"""Texts as policy reads them: what looks the same to a person is the same text.

Folded are compatibility forms (full width), case, invisible characters, spelled-out words (f r e e), and letters
of other scripts that look like Latin ones. Letters stay what they are in words that are wholly in a script of the
text's own market: Russian is not misspelt English.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from pressrun.core.lookalikes import LOOKALIKES

_WORD = re.compile(r"\w+")
_SPELLED = re.compile(r"(?<!\w)\w(?:[\s.\-_*·]\w){2,}(?!\w)")
_GAPS = re.compile(r"[\s.\-_*·]+")
# Besides Unicode's own list: what people write for a Latin letter though it looks a little different.
_TAKEN_FOR = {
    "Cyrillic": "пn ёe їi гr мm нh кk тt вb",
    "Greek": "ηn μu ωw ϲc",
    "Armenian": "աu յj",
    "Latin": "ʟl ɴn ᴅd ᴇe ᴊj ᴋk ᴍm ᴘp ᴛt ɪi øo łl đd ħh ŧt",
}
_TABLE = {ord(char): letter for letters in LOOKALIKES.values() for letter, chars in letters.items() for char in chars}
_TABLE |= {ord(pair[0]): pair[1] for pairs in _TAKEN_FOR.values() for pair in pairs.split()}
_SCRIPT_OF = {
    ord(char): script for script, letters in LOOKALIKES.items() for chars in letters.values() for char in chars
}
_SCRIPT_OF |= {ord(pair[0]): script for script, pairs in _TAKEN_FOR.items() for pair in pairs.split()}
# Scripts of today's markets whose words are not mistaken for Latin ones; one of their letters in a Latin word is.
_APART = frozenset({"Arabic", "Hebrew", "Ethiopic", "Georgian", "Malayalam", "Myanmar", "Nko", "Oriya"})
_APART_TABLE = {code: letter for code, letter in _TABLE.items() if _SCRIPT_OF[code] not in _APART}
# Signs that are no letters would part a word; this interpreter may not know the newest of them yet.
_SYMBOLS = {code: _TABLE[code] for code, script in _SCRIPT_OF.items() if script == "Other" and chr(code) != "×"}
# Marks that may stand on a letter of any script; what composes with its letter is composed by then.
_LOOSE_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
# Apostrophes and dashes as keyboards and typesetters write them.
_MARKS = str.maketrans("’‘ʼ´`‐‑‒–—−", "'''''------")
_DIGITS = str.maketrans("013457@$", "oieastas")
_MARKETS = {
    "ru": "Cyrillic", "uk": "Cyrillic", "bg": "Cyrillic", "sr": "Cyrillic", "mk": "Cyrillic", "be": "Cyrillic",
    "kk": "Cyrillic", "mn": "Cyrillic", "el": "Greek", "hy": "Armenian",
}  # fmt: skip


def fold(text: str, *, locale: str = "") -> str:
    """The text's folded form; `locale` is its market."""
    return fold_in(text, script_of(locale))


def fold_in(text: str, own: str) -> str:
    """The same by the script of the market; see script_of."""
    plain = unicodedata.normalize("NFKC", text).translate(_SYMBOLS)
    # What is printable and ASCII is visible.
    shown = plain if plain.isascii() and plain.isprintable() else "".join(c for c in plain if not _is_invisible(c))
    # What was hidden may have kept a mark from its letter.
    composed = _LOOSE_MARKS.sub("", unicodedata.normalize("NFKC", shown.translate(_MARKS)))
    folded = _WORD.sub(lambda match: _word(match[0], own), composed)
    joined = _SPELLED.sub(lambda match: _GAPS.sub("", match[0]), folded)
    return " ".join(joined.split())


@functools.lru_cache(maxsize=512)
def script_of(locale: str) -> str:
    """The script in which a market's own words are never misspelt English; all that folding asks of a locale."""
    return _MARKETS.get(locale.partition("-")[0].lower(), "")


def contains(folded: str, term: str) -> bool:
    """Whether a folded text contains a folded term, as whole words where its script puts spaces between them."""
    if not term:
        return False
    if any(ord(char) >= 0x0590 and not 0x1E00 <= ord(char) < 0x2000 for char in term):
        return term in folded  # no spaces between words, or words that grow at both ends
    before = r"(?<!\w)" if term[0].isalnum() else ""
    after = r"(?!\w)" if term[-1].isalnum() else ""
    return re.search(before + re.escape(term) + after, folded) is not None


@functools.lru_cache(maxsize=16_384)
def _word(word: str, own: str) -> str:
    scripts = {_SCRIPT_OF.get(ord(char), "Latin" if char.isascii() else "other") for char in word}
    if own and scripts <= {own, "other"}:
        return _small(word)
    table = _TABLE if any(char.isascii() and char.isalpha() for char in word) else _APART_TABLE
    base = unicodedata.normalize("NFD", word.translate(table))
    stripped = _LOOSE_MARKS.sub("", base).translate(table)
    latin = _small(stripped).translate(table)
    # "fr33": digits inside a word of letters are letters in disguise; numbers stay numbers.
    if re.search(r"[a-z]", latin) and re.search(r"[a-z][013457@$]+[a-z]|^[013457@$]+[a-z]{2,}", latin):
        return latin.translate(_DIGITS)
    return latin


def _small(word: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())


def _is_invisible(char: str) -> bool:
    if char in "\t\n\r":
        return False
    hidden = unicodedata.category(char) in ("Cf", "Cc", "Co", "Cn") or 0xFE00 <= ord(char) <= 0xFE0F
    return hidden or char in "\u034f\u115f\u1160\u3164\uffa0"
