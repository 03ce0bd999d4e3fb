"""Texts as policy reads them: what looks the same to a person is the same text.

Folded are compatibility forms (full width), case, invisible characters, spelled-out words (f r e e), and letters
of other scripts that look like Latin ones. Letters stay what they are in words that are wholly in a script of the
text's own market: Russian is not misspelt English.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
_SPELLED = re.compile(r"(?<!\w)\w(?:[\s.\-_*·]\w){2,}(?!\w)")
_GAPS = re.compile(r"[\s.\-_*·]+")
# Lower-case letters after folding that people take for the Latin letter: the common part of Unicode's confusables.
_LOOKALIKES = {
    "Cyrillic": "аa вb сc ԁd еe һh іi јj кk ԛq мm нh оo рp ѕs тt υu ѵv ԝw хx уy ӏl гr пn ьb ёe їi",
    "Greek": "αa βb εe ηn ιi κk μu νv οo ρp τt υu χx γy ωw ϲc ϳj",
    "Armenian": "աu հh ոn սu օo ցg ոn յj զq",
    "Latin": "ɑa ɡg ɩi ıi ʟl ɴn ʀr ʏy ꜱs ᴏo ᴡw ᴠv ᴢz ᴄc ᴅd ᴇe ɪi ᴊj ᴋk ᴍm ᴘp ᴛt ᴜu øo łl đd ħh ŧt",
}
_TABLE = {
    ord(pair[0]): pair[-1] for pairs in _LOOKALIKES.values() for pair in pairs.split()
}  # fmt: skip
_SCRIPT_OF = {ord(pair[0]): script for script, pairs in _LOOKALIKES.items() for pair in pairs.split()}
# Apostrophes and dashes as keyboards and typesetters write them.
_MARKS = str.maketrans("’‘ʼ´`‐‑‒–—−", "'''''------")
_DIGITS = str.maketrans("013457@$", "oieastas")
_MARKETS = {
    "ru": "Cyrillic", "uk": "Cyrillic", "bg": "Cyrillic", "sr": "Cyrillic", "mk": "Cyrillic", "be": "Cyrillic",
    "kk": "Cyrillic", "mn": "Cyrillic", "el": "Greek", "hy": "Armenian",
}  # fmt: skip


def fold(text: str, *, locale: str = "") -> str:
    """The text's folded form; `locale` is its market."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(char for char in plain if not _is_invisible(char)).translate(_MARKS)
    own = _MARKETS.get(locale.partition("-")[0].lower(), "")
    folded = _WORD.sub(lambda match: _word(match[0], own), visible)
    joined = _SPELLED.sub(lambda match: _GAPS.sub("", match[0]), folded)
    return " ".join(joined.split())


def contains(folded: str, term: str) -> bool:
    """Whether a folded text contains a folded term, as whole words where its script puts spaces between them."""
    if not term:
        return False
    if any(ord(char) >= 0x0590 and not 0x1E00 <= ord(char) < 0x2000 for char in term):
        return term in folded  # no spaces between words, or words that grow at both ends
    before = r"(?<!\w)" if term[0].isalnum() else ""
    after = r"(?!\w)" if term[-1].isalnum() else ""
    return re.search(before + re.escape(term) + after, folded) is not None


def _word(word: str, own: str) -> str:
    scripts = {_SCRIPT_OF.get(ord(char), "Latin" if char.isascii() else "other") for char in word}
    if own and scripts <= {own, "other"}:
        return word
    base = unicodedata.normalize("NFD", word)
    stripped = "".join(char for char in base if not (unicodedata.combining(char) and ord(char) < 0x0370))
    latin = stripped.translate(_TABLE)
    # "fr33": digits inside a word of letters are letters in disguise; numbers stay numbers.
    if re.search(r"[a-z]", latin) and re.search(r"[a-z][013457@$]+[a-z]|^[013457@$]+[a-z]{2,}", latin):
        return unicodedata.normalize("NFC", latin.translate(_DIGITS))
    return unicodedata.normalize("NFC", latin)


def _is_invisible(char: str) -> bool:
    if char in "\t\n\r":
        return False
    hidden = unicodedata.category(char) in ("Cf", "Cc", "Co", "Cn") or 0xFE00 <= ord(char) <= 0xFE0F
    return hidden or char in "\u034f\u115f\u1160\u3164\uffa0"
