"""Text on pictures: pinned fonts, real shaping, right-to-left, line breaking, and a count of the missing glyphs.

layout(text, locale="ar-SA", box=(600, 200), size=64)   -> Layout   (glyph ids per run, sizes, missing characters)
draw(layout, image, (x, y), fill=(255, 255, 255))       -> None     (sets it into a Pillow image)
missing_glyphs(text, locale)                            -> tuple of characters no font here can draw
fonts_digest()                                          -> what the proof engine's class depends on
"""

from pressrun.typeset.fonts import fonts_digest
from pressrun.typeset.layout import Glyph, GlyphRun, Layout, Line, layout, measure, missing_glyphs
from pressrun.typeset.raster import draw, text_mask

__all__ = [
    "Glyph",
    "GlyphRun",
    "Layout",
    "Line",
    "draw",
    "fonts_digest",
    "layout",
    "measure",
    "missing_glyphs",
    "text_mask",
]
