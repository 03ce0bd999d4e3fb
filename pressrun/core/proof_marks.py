"""Where a proof carries its marks: the caption strip at the bottom, the band over the top right corner."""

from __future__ import annotations

_LEAST_LEFT = 16


def strip_height(width: int, height: int) -> int:
    """Height in pixels of the caption strip of a picture."""
    return max(16, round(min(width, height) * 0.042))


def band_side(width: int, height: int) -> int:
    """Side in pixels of the square in the top right corner that the PROOF band lies in."""
    return max(48, round(min(width, height) * 0.17))


def unmarked(width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what the marks leave alone; all of a picture that is too small to tell."""
    top, bottom = band_side(width, height), height - strip_height(width, height)
    return (0, top, width, bottom) if bottom - top >= _LEAST_LEFT else (0, 0, width, height)
