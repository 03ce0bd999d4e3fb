"""Things strewn over a picture: blossoms, leaves, citrus slices, snow, stars. Each is drawn on its own small patch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

from pressrun.proof.drawing.painting.chance import Chance
from pressrun.proof.drawing.painting.curves import Points, cosine, leaf, petal, placed, round_shape, sine
from pressrun.proof.drawing.painting.palette import Colour, Theme, blend, shift

# Patches are drawn this many times larger and then reduced, for smooth edges.
SUPER = 2


class Patch:
    """A square picture with transparency, its centre in the middle, one unit being `radius` pixels."""

    def __init__(self, radius: int, background: Colour, blur: int = 0) -> None:
        self.radius, self.blur = radius, blur
        side = 2 * (radius + 2 + 3 * blur) * SUPER
        # The hidden colour of the empty part: a blur must not draw in black.
        self.image = Image.new("RGBA", (side, side), (*background, 0))
        self._pen: Any = ImageDraw.Draw(self.image)
        self._middle = side / 2

    def polygon(self, shape: Points, colour: Colour, alpha: int = 255, turn: float = 0.0, size: float = 1.0) -> None:
        points = placed(shape, (self._middle, self._middle), size * self.radius * SUPER, turn)
        self._pen.polygon(points, fill=(*colour, alpha))

    def disc(self, x: float, y: float, radius: float, colour: Colour, alpha: int = 255) -> None:
        unit = self.radius * SUPER
        cx, cy, r = self._middle + x * unit, self._middle + y * unit, radius * unit
        self._pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=(*colour, alpha))

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float, alpha: int = 255) -> None:
        unit = self.radius * SUPER
        ends = (self._middle + x0 * unit, self._middle + y0 * unit, self._middle + x1 * unit, self._middle + y1 * unit)
        self._pen.line(ends, fill=(*colour, alpha), width=max(1, round(width * unit)))

    def finish(self, opacity: float = 1.0) -> Image.Image:
        """The patch at its final size, out of focus if it was made with a blur (in pixels)."""
        if self.blur:
            # Colours and coverage apart: reducing them together forgets the colour of what is fully transparent.
            colours, cover = self.image.convert("RGB").reduce(SUPER), self.image.getchannel("A").reduce(SUPER)
            soft = ImageFilter.BoxBlur(self.blur)
            image = colours.filter(soft).filter(soft)
            image.putalpha(cover.filter(soft).filter(soft))
        else:
            image = self.image.reduce(SUPER)
        if opacity < 1.0:
            image.putalpha(image.getchannel("A").point([int(v * opacity) for v in range(256)]))
        return image


def blossom(patch: Patch, theme: Theme, chance: Chance) -> None:
    start = chance.unit()
    main = blend(theme.hills[0], theme.light, chance.between(0.25, 0.75))
    for index in range(5):
        turn = start + index / 5
        patch.polygon(petal(), shift(main, -26), turn=turn)
        patch.polygon(petal(), main, turn=turn, size=0.93)
        patch.polygon(petal(), blend(main, theme.light, 0.55), turn=turn, size=0.66)
    heart = blend(theme.hills[1], theme.hills[2], 0.5)
    patch.polygon(round_shape(lambda t: 0.2 + 0.06 * cosine(5 * t)), heart, 150, turn=start)
    for index in range(10):
        turn, reach = start + index / 10, 0.3 if index % 2 else 0.22
        x, y = cosine(turn) * reach, sine(turn) * reach
        patch.line(0, 0, x, y, heart, 0.014)
        patch.disc(x, y, 0.032, theme.accent)


def leaves(patch: Patch, theme: Theme, chance: Chance) -> None:
    """One leaf, veined, in a colour of the hills."""
    turn = chance.unit()
    base = blend(chance.pick(theme.hills[:3]), theme.accent, chance.between(0.0, 0.45))
    shape = [(2 * x - 1, 1.9 * y) for x, y in leaf()]
    patch.polygon(shape, shift(base, -22), turn=turn)
    patch.polygon([(x, y) for x, y in shape if y <= 0] + [(1.0, 0.0), (-1.0, 0.0)], base, turn=turn)
    c, s = cosine(turn), sine(turn)
    vein = blend(base, theme.light, 0.55)
    patch.line(-c, -s, c * 0.96, s * 0.96, vein, 0.025)
    for step in (-0.5, -0.2, 0.1, 0.4):
        for side in (-1, 1):
            ex, ey = step + 0.26, side * 0.24
            patch.line(step * c, step * s, ex * c - ey * s, ex * s + ey * c, vein, 0.014, 190)


def citrus(patch: Patch, theme: Theme, chance: Chance) -> None:
    turn = chance.unit()
    flesh = blend(theme.accent, theme.hills[0], chance.between(0.0, 0.8))
    patch.disc(0, 0, 1.0, shift(flesh, -18))
    patch.disc(0, 0, 0.94, flesh)
    patch.disc(0, 0, 0.88, blend(flesh, theme.light, 0.88))
    for index in range(10):
        middle = turn + index / 10
        wedge = [(0.08 * cosine(middle), 0.08 * sine(middle))]
        wedge += [(0.82 * cosine(middle + step / 100), 0.82 * sine(middle + step / 100)) for step in range(-4, 5)]
        patch.polygon(wedge, flesh)
        gleam = [
            (reach * cosine(middle + step / 140), reach * sine(middle + step / 140))
            for reach, step in ((0.3, 0), (0.74, -3), (0.74, 3))
        ]
        patch.polygon(gleam, blend(flesh, theme.light, 0.38))


def snow(patch: Patch, theme: Theme, chance: Chance) -> None:
    turn = chance.unit()
    for index in range(6):
        c, s = cosine(turn + index / 6), sine(turn + index / 6)
        patch.line(0, 0, c * 0.95, s * 0.95, theme.light, 0.05)
        for reach, length in ((0.42, 0.24), (0.66, 0.18)):
            for side in (-1, 1):
                bc, bs = cosine(turn + index / 6 + side / 6), sine(turn + index / 6 + side / 6)
                x, y = c * reach, s * reach
                patch.line(x, y, x + bc * length, y + bs * length, theme.light, 0.04)
    patch.disc(0, 0, 0.1, theme.light)


def star(patch: Patch, theme: Theme, _chance: Chance) -> None:
    """A glint: a four-pointed star in a glow."""
    for radius, alpha in ((0.62, 18), (0.4, 34), (0.22, 60)):
        patch.disc(0, 0, radius, theme.accent, alpha)
    ray = [(1.0, 0.0), (0.09, 0.09), (0.0, 1.0), (-0.09, 0.09), (-1.0, 0.0), (-0.09, -0.09), (0.0, -1.0), (0.09, -0.09)]
    patch.polygon(ray, theme.light)
    patch.disc(0, 0, 0.13, (255, 255, 255))


def bokeh(patch: Patch, theme: Theme, chance: Chance) -> None:
    colour = blend(theme.accent, theme.light, chance.between(0.0, 0.7))
    patch.disc(0, 0, 0.96, colour, 150)
    patch.disc(0, 0, 0.88, colour, 84)


def bubble(patch: Patch, theme: Theme, _chance: Chance) -> None:
    patch.disc(0, 0, 0.96, theme.light, 150)
    patch.disc(0, 0, 0.88, blend(theme.hills[0], theme.light, 0.4), 70)
    patch.disc(-0.34, -0.38, 0.17, (255, 255, 255), 230)
    patch.disc(0.4, 0.42, 0.08, (255, 255, 255), 130)


def palm(patch: Patch, theme: Theme, chance: Chance) -> None:
    """A fan of narrow leaves."""
    start = chance.unit()
    dark = blend(theme.hills[3], (10, 112, 98), 0.85)
    for index in range(13):
        turn = start + (index - 6) * 0.043
        colour = shift(dark, 8 * (index % 3))
        patch.polygon([(x, y * 0.36) for x, y in leaf()], colour, turn=turn, size=1.0 - abs(index - 6) * 0.03)


def sprig(patch: Patch, theme: Theme, chance: Chance) -> None:
    """A stem of small buds."""
    turn = chance.between(-0.32, -0.18)
    c, s = cosine(turn), sine(turn)
    patch.line(-c, -s, c * 0.9, s * 0.9, blend(theme.hills[2], (90, 130, 90), 0.6), 0.03)
    for index in range(16):
        at = -0.15 + index * 0.07
        side = -1 if index % 2 else 1
        reach = 0.13 * (1 - index / 22) * side
        x, y = at * c - reach * s, at * s + reach * c
        bud = blend(theme.hills[index % 2], theme.light, 0.1 + 0.03 * index)
        patch.disc(x, y, 0.088 * (1 - index / 26), shift(bud, -20))
        patch.disc(x - 0.015, y - 0.02, 0.07 * (1 - index / 26), bud)


def confetti(patch: Patch, theme: Theme, chance: Chance) -> None:
    colour = chance.pick((theme.accent, *theme.hills))
    if chance.whole(0, 2):
        patch.polygon([(-0.9, -0.3), (0.9, -0.3), (0.9, 0.3), (-0.9, 0.3)], colour, turn=chance.unit(), size=0.7)
    else:
        patch.disc(0, 0, 0.5, colour)


MOTIFS: dict[str, Callable[[Patch, Theme, Chance], None]] = {
    "blossom": blossom,
    "leaf": leaves,
    "citrus": citrus,
    "snow": snow,
    "star": star,
    "bokeh": bokeh,
    "bubble": bubble,
    "palm": palm,
    "sprig": sprig,
    "confetti": confetti,
}
# How many, and how large compared with the shorter side: from, to.
MEASURES: dict[str, tuple[int, float, float]] = {
    "blossom": (15, 0.03, 0.13),
    "leaf": (16, 0.04, 0.15),
    "citrus": (9, 0.05, 0.15),
    "snow": (34, 0.01, 0.07),
    "star": (44, 0.006, 0.05),
    "bokeh": (26, 0.012, 0.09),
    "bubble": (24, 0.012, 0.08),
    "palm": (7, 0.16, 0.34),
    "sprig": (11, 0.1, 0.24),
    "confetti": (60, 0.008, 0.028),
}
