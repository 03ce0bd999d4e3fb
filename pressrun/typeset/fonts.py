"""The pinned fonts: which files, which characters each covers, and one digest over all of them."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import freetype
import orjson
import uharfbuzz

from pressrun.core.codec import digest_of, sha256_hex
from pressrun.core.errors import SetupError

Family = Literal["sans", "display"]
Weight = Literal[400, 700]

# The first family of a script is its own; the rest are asked in order for characters it lacks (€ in an Arabic line).
SANS_BY_SCRIPT: dict[str, str] = {
    "Arab": "Noto Sans Arabic",
    "Deva": "Noto Sans Devanagari",
    "Hebr": "Noto Sans Hebrew",
    "Thai": "Noto Sans Thai",
    "Jpan": "Noto Sans JP",
}
FALLBACK_FAMILIES = (
    "Noto Sans",
    "Noto Sans JP",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
)


@dataclass(frozen=True, slots=True)
class Font:
    """One font file, loaded twice: by HarfBuzz to choose glyphs, by FreeType to draw them. Metrics in font units."""

    file: str
    family: str
    weight: int
    units_per_em: int
    ascent: int
    descent: int
    shaper: Any
    face: Any
    characters: frozenset[int]

    def covers(self, character: str) -> bool:
        return ord(character) in self.characters


@functools.lru_cache(maxsize=1)
def manifest() -> tuple[dict[str, Any], ...]:
    """The entries of fonts.json: file, family, weight, version, sha256, source, licence."""
    raw = orjson.loads((resources.files("pressrun.typeset") / "fonts" / "fonts.json").read_bytes())
    return tuple(raw["fonts"])


@functools.lru_cache(maxsize=1)
def fonts_digest() -> str:
    """SHA-256 over names, weights and digests of all pinned fonts, 64 hex digits."""
    return digest_of([[entry["file"], entry["family"], entry["weight"], entry["sha256"]] for entry in manifest()])


@functools.lru_cache(maxsize=32)
def load(family: str, weight: int) -> Font:
    """One font of the manifest. SetupError if the installed file is not the pinned one."""
    entry = next((e for e in manifest() if e["family"] == family and e["weight"] == weight), None)
    if entry is None:
        raise SetupError(f"no pinned font {family} {weight}", where="pressrun/typeset/fonts/fonts.json")
    data = (resources.files("pressrun.typeset") / "fonts" / entry["file"]).read_bytes()
    if sha256_hex(data) != entry["sha256"]:
        raise SetupError(
            "the font file is not the pinned one",
            where=f"pressrun/typeset/fonts/{entry['file']}",
            remedy="install Pressrun again; a changed font needs a changed fonts.json",
        )
    harfbuzz_face = uharfbuzz.Face(data)
    shaper = uharfbuzz.Font(harfbuzz_face)
    # Shape in font units: integers, the same at every size and on every machine.
    shaper.scale = (harfbuzz_face.upem, harfbuzz_face.upem)
    extents = shaper.get_font_extents("ltr")
    return Font(
        file=entry["file"],
        family=family,
        weight=weight,
        units_per_em=harfbuzz_face.upem,
        ascent=extents.ascender,
        descent=-extents.descender,
        shaper=shaper,
        face=freetype.Face(io.BytesIO(data)),
        characters=frozenset(harfbuzz_face.unicodes),
    )


def candidates(script: str, family: Family, weight: Weight) -> tuple[Font, ...]:
    """Fonts to ask for a character of `script`, best first."""
    first = SANS_BY_SCRIPT.get(script)
    if first is None:
        first = "Noto Serif Display" if family == "display" else "Noto Sans"
    names = (first, *(name for name in FALLBACK_FAMILIES if name != first))
    return tuple(load(name, weight) for name in names)
