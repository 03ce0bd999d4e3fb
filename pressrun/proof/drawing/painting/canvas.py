"""A whole picture: backdrop, motifs, light and paper grain, from a scene and a size."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

from pressrun.proof.drawing.painting import backdrop
from pressrun.proof.drawing.painting.chance import Chance
from pressrun.proof.drawing.painting.motifs import MEASURES, MOTIFS, Patch
from pressrun.proof.drawing.painting.palette import Theme, themes_of, words_of
from pressrun.proof.drawing.values import Pixels, Scene

_STAGED = frozenset(
    [
        "product",
        "bottle",
        "podium",
        "pedestal",
        "plinth",
        "stage",
        "display",
        "packshot",
        "still",
        "perfume",
        "cosmetic",
        "jar",
        "stand",
    ]
)


@functools.lru_cache(maxsize=6)
def paint(scene: Scene, width: int, height: int) -> Pixels:
    """The scene at this size, RGB. The same composition at every size; another seed or prompt gives another picture."""
    if scene.style == "empty":
        return np.full((height, width, 3), 128, dtype=np.uint8)
    chance = Chance("scene", *scene.parts)
    colours, strewn = themes_of(scene.prompt, chance.whole(0, 10_000))
    middle = 0.5
    image = backdrop.sky(colours, chance, (width, height))
    unit = min(width, height)
    backdrop.glow(image, (width * chance.between(0.2, 0.8), height * 0.25), unit * 0.75, colours.light, 0.55)
    backdrop.form(image, colours, chance, middle)
    _strew(image, colours, strewn, chance, near=False)
    backdrop.hills(image, colours, chance)
    if set(words_of(scene.prompt)) & _STAGED or chance.whole(0, 2) == 0:
        backdrop.plinth(image, colours, middle)
    backdrop.glow(image, (width * middle, height * 0.52), unit * 0.46, colours.light, 0.34)
    _strew(image, colours, strewn, chance, near=True)
    finished = _finished(image, chance, colours)
    return finished if scene.batch == 1 else _rounded(finished, scene)


def _rounded(picture: Pixels, scene: Scene) -> Pixels:
    """Computed beside others a picture is rounded otherwise, here and there by one step: as the real engine does it."""
    step = Chance("batch", *scene.parts, scene.batch).octets(picture.size).reshape(picture.shape) % 8 == 0
    return np.where(step, picture ^ 1, picture)


def _strew(image: Image.Image, colours: Theme, strewn: Theme, chance: Chance, *, near: bool) -> None:
    """Motifs towards the edges, so that the middle stays free for the product; the nearest ones out of focus."""
    width, height = image.size
    unit = min(width, height)
    count, least, most = MEASURES[strewn.motif]
    theme = colours if strewn.motif == colours.motif else strewn
    for _ in range(count // 3 if near else count - count // 3):
        share = chance.unit()
        size = (least + (most - least) * share * share) * (1.25 if near else 0.85)
        radius = max(2, int(unit * size))
        # Two draws, the one farther from the middle: a frame, not a carpet.
        x = max((chance.unit() for _ in range(2)), key=lambda v: abs(v - 0.5))
        y = chance.between(0.02, 0.62) if not near else chance.between(0.05, 0.98)
        if near and abs(x - 0.5) < 0.26:
            x = x - 0.3 if x < 0.5 else x + 0.3
        # Thin things out of focus are only smudges.
        focus = not near or share < 0.7 or strewn.motif in {"sprig", "confetti", "palm"}
        patch = Patch(radius, theme.light, 0 if focus else max(1, radius // 14))
        MOTIFS[strewn.motif](patch, theme, chance)
        finished = patch.finish(0.94 if near else chance.between(0.6, 1.0))
        at = (int(x * width) - finished.width // 2, int(y * height) - finished.height // 2)
        image.paste(finished, at, finished)


@functools.lru_cache(maxsize=1)
def _grain_tile() -> Pixels:
    return (Chance("paper").grain((256, 256)) // 64 + 128).astype(np.uint8)


def _finished(image: Image.Image, chance: Chance, theme: Theme) -> Pixels:
    """Corners a little darker, and the grain of paper over everything, the same in all three channels."""
    width, height = image.size
    y = np.abs(2 * np.arange(24) - 23)[:, None] * 11
    x = np.abs(2 * np.arange(24) - 23)[None, :] * 11
    dark = np.maximum(0, x * x + y * y - 60_000) // 1100
    vignette = Image.fromarray(np.minimum(64, dark).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    image.paste(theme.hills[3], (0, 0), vignette)
    tile = np.roll(_grain_tile(), (chance.whole(0, 255), chance.whole(0, 255)), axis=(0, 1))
    grain = np.tile(tile, (-(-height // 256), -(-width // 256)))[:height, :width].astype(np.int16) - 128
    grained: Pixels = np.clip(np.asarray(image, dtype=np.int16) + grain[..., None], 0, 255).astype(np.uint8)
    return grained
