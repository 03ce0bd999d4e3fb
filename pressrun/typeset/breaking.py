"""Where a line may end: at spaces, after hyphens, between Japanese characters with kinsoku, never inside a cluster."""

from __future__ import annotations

import unicodedata

from pressrun.typeset.scripts import script_of

# JIS X 4051, the part that headlines meet: what may not begin a line, and what may not end one.
NOT_AT_START = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー’”）〕］｝〉》」』】°′″℃％‰"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;?!)]}»›…‥〜～–%"
)
NOT_AT_END = frozenset("‘“（〔［｛〈《「『【([{«‹￥＄£€¥$")
_BREAK_AFTER = frozenset("-‐–—/\u200b")
_GLUE = frozenset("\u00a0\u202f\u2060\ufeff")


def segments(text: str) -> list[str]:
    """Pieces that stay together, each with the spaces that follow it; "".join(segments(t)) == t."""
    pieces: list[str] = []
    start = 0
    for index in range(1, len(text)):
        if _may_break(text, index):
            pieces.append(text[start:index])
            start = index
    if text:
        pieces.append(text[start:])
    return pieces


def clusters(text: str) -> list[str]:
    """User-perceived characters, near enough for an emergency break: a base with its marks, viramas and joiners."""
    pieces: list[str] = []
    for character in text:
        attached = unicodedata.category(character) in {"Mn", "Me", "Mc"} or character in "\u200c\u200d"
        joined = bool(pieces) and pieces[-1][-1] in "\u094d\u200d"
        if pieces and (attached or joined):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _may_break(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if before in _GLUE or after in _GLUE or after.isspace():
        return False
    if before.isspace():
        # French sets a space before ! and ?; a line must not begin with them all the same.
        return after not in "!?:;»%"
    if before in _BREAK_AFTER:
        return not after.isdigit()
    if unicodedata.combining(after) or unicodedata.category(after) in {"Mn", "Mc", "Me"}:
        return False
    if script_of(before) == "Jpan" or script_of(after) == "Jpan":
        return after not in NOT_AT_START and before not in NOT_AT_END and _between_phrases(before, after)
    return False


def _between_phrases(before: str, after: str) -> bool:
    """Whether a Japanese phrase may end here. A headline should break between phrases, not inside 登場 or 薫り.

    Without a dictionary the writing itself is the best hint: phrases end in punctuation or particles (hiragana), and a
    change between katakana and kanji is a change of word. Digits keep the counter behind them: "3月", "30%オフ".
    """
    if _kind(before) == "sign":
        return True
    if _kind(before) == "hiragana":
        return _kind(after) != "hiragana"
    return {_kind(before), _kind(after)} in (
        {"katakana", "kanji"},
        {"katakana", "other"},
    ) and before not in "0123456789%"


def _kind(character: str) -> str:
    if "\u3041" <= character <= "\u309f":
        return "hiragana"
    if "\u30a1" <= character <= "\u30ff":
        return "katakana"
    if character in NOT_AT_START and character != "%":
        return "sign"
    return "kanji" if script_of(character) == "Jpan" else "other"
