"""Embedding levels of a paragraph and the visual order of a line (Unicode Bidirectional Algorithm, UAX 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bidi import algorithm

from pressrun.typeset.scripts import Direction

# Explicit embeddings and isolates steer the algorithm and are never drawn. The algorithm used here predates isolates,
# so all of them are taken out first: the base direction comes from the locale, which is what campaign copy needs.
CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def strip_controls(text: str) -> str:
    """The text without explicit embedding and isolate characters (marks such as U+200F stay)."""
    return "".join(character for character in text if character not in CONTROLS)


def levels(text: str, base: Direction) -> list[int]:
    """One embedding level per character; even runs left to right, odd right to left. `text` holds no CONTROLS."""
    if not text:
        return []
    storage: dict[str, Any] = algorithm.get_empty_storage()
    storage["base_level"] = 1 if base == "rtl" else 0
    storage["base_dir"] = "R" if base == "rtl" else "L"
    algorithm.get_embedding_levels(text, storage)
    # Boundary neutrals (zero-width joiner, U+00AD) are dropped by rule X9: they take the level of what they follow.
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    resolved = iter(storage["chars"])
    pending = next(resolved, None)
    out: list[int] = []
    for character in text:
        if pending is not None and pending["ch"] == character:
            out.append(int(pending["level"]))
            pending = next(resolved, None)
        else:
            out.append(out[-1] if out else int(storage["base_level"]))
    return out


def visual_order(run_levels: Sequence[int]) -> list[int]:
    """Indices of runs from left to right (rule L2): reverse every stretch at or above each level, highest first."""
    order = list(range(len(run_levels)))
    if not order:
        return order
    for level in range(max(run_levels), 0, -1):
        start = 0
        while start < len(order):
            if run_levels[order[start]] < level:
                start += 1
                continue
            end = start
            while end < len(order) and run_levels[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = end
    return order
