"""Draw the product photos of the sample campaigns: cut-outs with transparency and a soft shadow.

    python docs/samples/make_product_photos.py include/campaigns/spring_sale/assets

Every product is a body of revolution or a soft pack, described by its half-width at each height, lit by a window on
the left and a fainter one on the right. Nothing here is random: the same files come out every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, SCALE = 560, 700, 2
FONTS = Path(__file__).parents[2] / "pressrun" / "typeset" / "fonts"
Rgb = tuple[int, int, int]
Array = np.ndarray
Y, X = np.mgrid[0 : HEIGHT * SCALE, 0 : WIDTH * SCALE].astype(np.float32) / SCALE
CENTRE = WIDTH / 2


def smooth(edge0: float, edge1: float, value: Array) -> Array:
    """0 at edge0, 1 at edge1, with soft ends."""
    t = np.clip((value - edge0) / (edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def bump(u: Array, at: float, width: float) -> Array:
    return np.exp(-(((u - at) / width) ** 2))


def profile(points: Sequence[tuple[float, float]]) -> Array:
    """Half-width for every pixel, from (height, half-width) points, with the corners between them rounded."""
    heights, widths = zip(*points, strict=True)
    rows = np.arange(-40, HEIGHT + 40, 0.5)
    kernel = np.exp(-((np.arange(-24, 24.5, 0.5) / 5) ** 2))
    line = np.convolve(np.interp(rows, heights, widths), kernel / kernel.sum(), mode="same")
    return np.interp(Y, rows, line).astype(np.float32)


class Canvas:
    """Premultiplied colour and cover, in floats from 0 to 1."""

    def __init__(self) -> None:
        self.rgb = np.zeros((*Y.shape, 3), np.float32)
        self.alpha = np.zeros(Y.shape, np.float32)

    def lay(self, colour: Array, cover: Array) -> None:
        """Put a colour field over what is there."""
        self.rgb = colour * cover[..., None] + self.rgb * (1 - cover[..., None])
        self.alpha = cover + self.alpha * (1 - cover)

    def save(self, path: Path) -> None:
        """Scale down, fill the transparent part with near colours so that scaling leaves no rim, write a PNG."""
        size = (WIDTH, HEIGHT)
        planes = [*np.moveaxis(self.rgb, 2, 0), self.alpha]
        small = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX)) for plane in planes]
        alpha = np.clip(small[3], 0, 1)
        colour = np.stack(small[:3], axis=2)
        coarse = [Image.fromarray(plane).resize((WIDTH // 20, HEIGHT // 20), Image.Resampling.BOX) for plane in small]
        near = [np.asarray(plane.resize(size, Image.Resampling.BILINEAR)) for plane in coarse]
        filled = np.stack(near[:3], axis=2) / np.maximum(near[3], 1e-3)[..., None]
        straight = np.where(alpha[..., None] > 0.004, colour / np.maximum(alpha, 0.004)[..., None], filled)
        rgba = np.concatenate([np.clip(straight, 0, 1), alpha[..., None]], axis=2)
        Image.fromarray((rgba * 255 + 0.5).astype(np.uint8), "RGBA").save(path, optimize=True)


def field(colour: Rgb) -> Array:
    return np.broadcast_to(np.array(colour, np.float32) / 255, (*Y.shape, 3))


def fade(top: Rgb, bottom: Rgb, start: float, end: float) -> Array:
    weight = smooth(start, end, Y)[..., None]
    return field(top) * (1 - weight) + field(bottom) * weight


def turned(half: Array, top: float, bottom: float, bend: float) -> tuple[Array, Array]:
    """Cover and position across (-1 to 1) of a round part. `bend` curves its ends, as seen from slightly above."""
    u = np.clip((X - CENTRE) / np.maximum(half, 1e-3), -1.2, 1.2)
    sag = bend * np.sqrt(np.clip(1 - u * u, 0, 1))
    inside = smooth(0.6, -0.6, np.abs(X - CENTRE) - half)
    ends = smooth(-0.6, 0.6, Y - (top - sag * 0.35)) * smooth(0.6, -0.6, Y - (bottom - bend + sag))
    return inside * ends, u


def gloss(u: Array, *, hard: float, dark: float) -> tuple[Array, Array]:
    """How much light a glossy cylinder takes away at its edges, and what its two windows add."""
    shade = 1 - dark * (np.abs(u) ** 3.2) - 0.10 * smooth(0.1, 0.9, u)
    light = hard * (0.95 * bump(u, -0.56, 0.085) + 0.35 * bump(u, -0.40, 0.03) + 0.32 * bump(u, 0.74, 0.07))
    return shade, light + 0.10 * bump(u, -0.2, 0.5)


def lit(colour: Array, u: Array, *, hard: float = 0.5, dark: float = 0.5) -> Array:
    shade, light = gloss(u, hard=hard, dark=dark)
    return np.clip(colour * shade[..., None] + light[..., None], 0, 1)


def metal(u: Array, tint: Rgb) -> Array:
    """Brushed gold or steel: bands of light and dark."""
    bands = 0.62 + 0.42 * bump(u, -0.5, 0.16) - 0.30 * bump(u, -0.15, 0.2) + 0.30 * bump(u, 0.38, 0.22)
    return np.clip(field(tint) * (bands - 0.34 * np.abs(u) ** 4)[..., None], 0, 1)


def ground(canvas: Canvas, half: float, base: float, tint: Rgb = (38, 26, 34)) -> None:
    """The soft shadow below a product, and the tight one where it touches the table."""
    wide = np.exp(-((((X - CENTRE - 14) / (half * 1.22)) ** 2) * 1.6 + ((Y - base) / 17) ** 2))
    tight = np.exp(-((((X - CENTRE) / (half * 0.98)) ** 6) + ((Y - base + 2) / 6) ** 2))
    canvas.lay(field(tint), np.clip(0.34 * wide + 0.42 * tight, 0, 0.8))


def printed(draw_on: Callable[[ImageDraw.ImageDraw], None], bend: float, half: float) -> Array:
    """A cover mask of print, curved round a body of half-width `half`."""
    sheet = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE), 0)
    draw_on(ImageDraw.Draw(sheet))
    flat = np.asarray(sheet, np.float32) / 255
    u = np.clip((X - CENTRE) / half, -0.999, 0.999)
    # Unroll the cylinder: what is near the edge is squeezed, what is in the middle sinks by `bend`.
    across = CENTRE + half * np.arcsin(u) * 0.86
    down = Y - bend * np.sqrt(1 - u * u) + bend
    columns = np.clip((across * SCALE).astype(int), 0, flat.shape[1] - 1)
    rows = np.clip((down * SCALE).astype(int), 0, flat.shape[0] - 1)
    return flat[rows, columns]


def words(pen: ImageDraw.ImageDraw, text: str, y: float, size: float, *, serif: bool = True, track: float = 0) -> None:
    """One centred line; `track` opens the letters by so many pixels."""
    family = "NotoSerifDisplay-Bold.ttf" if serif else "NotoSans-Regular.ttf"
    font = ImageFont.truetype(FONTS / family, round(size * SCALE))
    wide = sum(font.getlength(letter) for letter in text) + track * SCALE * (len(text) - 1)
    x = CENTRE * SCALE - wide / 2
    for letter in text:
        pen.text((x, y * SCALE), letter, fill=255, font=font, anchor="lm")
        x += font.getlength(letter) + track * SCALE


def mark(pen: ImageDraw.ImageDraw, y: float, size: float) -> None:
    """Aurora's mark: a sun of twelve rays over a horizon."""
    x = CENTRE
    for ray in range(7):
        angle = np.pi * (1 + ray / 6)
        near, far = size * 0.46, size * (0.92 if ray % 2 == 0 else 0.74)
        line = [((x + r * np.cos(angle)) * SCALE, (y + r * np.sin(angle)) * SCALE) for r in (near, far)]
        pen.line(line, fill=255, width=round(size * 0.07 * SCALE))
    box = [(x - size * 0.3) * SCALE, (y - size * 0.3) * SCALE, (x + size * 0.3) * SCALE, (y + size * 0.3) * SCALE]
    pen.chord(box, 180, 360, fill=255)
    pen.line([((x - size) * SCALE, y * SCALE), ((x + size) * SCALE, y * SCALE)], fill=255, width=round(1.4 * SCALE))


def serum() -> Canvas:
    """Dew Serum: a frosted rose dropper bottle with a gold collar."""
    canvas = Canvas()
    ground(canvas, 104, 648)
    half = profile(
        [(268, 40), (284, 42), (300, 62), (322, 90), (352, 101), (380, 103), (610, 103), (640, 97), (652, 84)]
    )
    cover, u = turned(half, 270, 652, 12)
    glass = fade((255, 214, 200), (240, 150, 140), 300, 640)
    canvas.lay(lit(glass, u, hard=0.42, dark=0.42), cover)
    # The serum inside: deeper below its level, and the glass foot that stays clear.
    inside, _ = turned(half - 9, 372, 634, 9)
    canvas.lay(lit(fade((248, 168, 142), (222, 96, 92), 372, 634), u, hard=0.3, dark=0.35), inside * 0.72)
    collar, v = turned(profile([(226, 43), (272, 45)]), 226, 274, 6)
    canvas.lay(metal(v, (232, 190, 122)), collar)
    bulb_half = profile([(92, 12), (98, 22), (112, 29), (140, 31), (196, 32), (214, 37), (228, 38)])
    bulb, w = turned(bulb_half, 92, 230, 5)
    canvas.lay(lit(field((74, 44, 56)), w, hard=0.34, dark=0.6), bulb)

    def label(pen: ImageDraw.ImageDraw) -> None:
        mark(pen, 446, 26)
        words(pen, "AURORA", 482, 28, track=4)
        words(pen, "DEW SERUM", 516, 13.5, serif=False, track=3)
        words(pen, "30 ml · 1.0 fl oz", 596, 10.5, serif=False, track=0.6)

    canvas.lay(lit(field((92, 30, 44)), u, hard=0.12, dark=0.3), printed(label, 10, 103) * cover)
    return canvas


def cream() -> Canvas:
    """Cloud Cream: a wide porcelain jar with a gold lid."""
    canvas = Canvas()
    ground(canvas, 176, 644)
    half = profile([(410, 166), (426, 172), (560, 172), (612, 166), (636, 150), (648, 132)])
    cover, u = turned(half, 408, 650, 26)
    canvas.lay(lit(fade((252, 246, 238), (232, 220, 210), 410, 640), u, hard=0.30, dark=0.34), cover)
    lid, v = turned(profile([(312, 170), (420, 172)]), 338, 428, 26)
    canvas.lay(metal(v, (240, 200, 136)), lid)
    ribs = 0.5 + 0.5 * np.cos(np.arcsin(np.clip(v, -1, 1)) * 96)
    canvas.lay(
        field((120, 78, 30)), lid * ribs * 0.16 * smooth(352, 358, Y + 26 * (1 - np.sqrt(np.clip(1 - v * v, 0, 1))))
    )
    top = smooth(1.01, 0.99, ((X - CENTRE) / 170) ** 2 + ((Y - 334) / 26) ** 2)
    canvas.lay(np.clip(field((250, 222, 170)) * (0.86 + 0.2 * bump(X - CENTRE, -60, 90)[..., None]), 0, 1), top)
    ring = np.abs(((X - CENTRE) / 158) ** 2 + ((Y - 334) / 22) ** 2 - 1)
    canvas.lay(field((170, 122, 60)), top * smooth(0.05, 0.0, ring) * 0.5)

    def label(pen: ImageDraw.ImageDraw) -> None:
        mark(pen, 482, 30)
        words(pen, "AURORA", 526, 42, track=8)
        words(pen, "CLOUD CREAM", 566, 16, serif=False, track=4.5)
        words(pen, "50 ml · 1.7 fl oz", 594, 11, serif=False, track=0.8)

    canvas.lay(lit(field((134, 92, 44)), u, hard=0.14, dark=0.3), printed(label, 26, 172) * cover)
    return canvas


def sunscreen() -> Canvas:
    """Sun Veil SPF 50: a soft tube that stands on its cap, crimped flat at the top."""
    canvas = Canvas()
    ground(canvas, 74, 656)
    half = profile([(70, 126), (96, 125), (200, 116), (380, 98), (520, 82), (572, 76), (590, 66)])
    cover, u = turned(half, 70, 592, 6)
    flat = smooth(260, 90, Y)
    body = fade((255, 226, 150), (255, 178, 92), 80, 580)
    shade, light = gloss(u, hard=0.42, dark=0.46)
    folds = 0.05 * np.sin(u * 9 + 0.6) * flat
    colour = body * (shade * (1 - flat * 0.5) + flat * 0.5 * (0.98 - 0.16 * u) + folds)[..., None]
    canvas.lay(np.clip(colour + (light * (1 - 0.72 * flat))[..., None], 0, 1), cover)
    crimp = cover * smooth(104, 100, Y)
    canvas.lay(field((214, 138, 60)), crimp * (0.18 + 0.22 * (np.sin(X * 2.4) > 0)))
    canvas.lay(field((255, 246, 214)), cover * smooth(100, 103, Y) * smooth(108, 104, Y) * 0.5)
    cap, v = turned(profile([(584, 76), (650, 80), (658, 74)]), 584, 660, 8)
    canvas.lay(lit(field((252, 250, 246)), v, hard=0.3, dark=0.4), cap)
    ribs = 0.5 + 0.5 * np.cos(np.arcsin(np.clip(v, -1, 1)) * 60)
    canvas.lay(field((150, 120, 96)), cap * ribs * 0.15 * smooth(598, 606, Y))

    def label(pen: ImageDraw.ImageDraw) -> None:
        mark(pen, 214, 32)
        words(pen, "AURORA", 258, 34, track=5)
        words(pen, "SUN VEIL", 296, 15, serif=False, track=4)
        words(pen, "50", 376, 74, track=0)
        words(pen, "SPF", 428, 15, serif=False, track=6)
        words(pen, "50 ml · 1.7 fl oz", 520, 9.5, serif=False, track=0.4)

    canvas.lay(lit(field((138, 52, 18)), u, hard=0.1, dark=0.2), printed(label, 6, 118) * cover)
    return canvas


def refill() -> Canvas:
    """Gentle Wash refill: a sage pouch with a spout, gusset at the foot, soft dents in the film."""
    canvas = Canvas()
    ground(canvas, 150, 650)
    half = profile([(150, 142), (172, 141), (260, 146), (420, 152), (560, 156), (620, 152), (648, 138), (656, 118)])
    cover, u = turned(half, 150, 658, 16)
    body = fade((206, 220, 198), (136, 168, 146), 150, 660)
    dents = 0.07 * np.sin(u * 5 + Y / 46) * np.sin(Y / 31 - u * 3) * smooth(1.0, 0.55, np.abs(u))
    soft = 1 - 0.34 * np.abs(u) ** 4 - 0.10 * smooth(-0.2, 1, u) + dents
    light = 0.26 * bump(u + 0.06 * np.sin(Y / 37), -0.72, 0.07) + 0.16 * bump(u + 0.05 * np.sin(Y / 29), 0.62, 0.06)
    canvas.lay(np.clip(body * soft[..., None] + light[..., None], 0, 1), cover)
    seam = cover * np.clip(smooth(182, 178, Y) + smooth(0.955, 0.965, np.abs(u)), 0, 1)
    canvas.lay(field((96, 132, 112)), seam * (0.28 + 0.10 * np.sin(Y * 2.2)))
    gusset = bump(Y - 604 + 30 * (u * u), 0, 3.2)
    canvas.lay(field((74, 108, 90)), cover * gusset * 0.45)
    canvas.lay(field((236, 244, 234)), cover * bump(Y - 610 + 30 * (u * u), 0, 3.0) * 0.4)
    neck, v = turned(profile([(112, 19), (158, 20)]), 112, 160, 4)
    canvas.lay(lit(field((240, 238, 230)), v, hard=0.3, dark=0.4), neck)
    cap, w = turned(profile([(66, 28), (124, 30)]), 68, 128, 6)
    canvas.lay(lit(field((58, 92, 78)), w, hard=0.32, dark=0.5), cap)
    ribs = 0.5 + 0.5 * np.cos(np.arcsin(np.clip(w, -1, 1)) * 40)
    canvas.lay(field((20, 40, 32)), cap * ribs * 0.25 * smooth(80, 86, Y))

    def label(pen: ImageDraw.ImageDraw) -> None:
        mark(pen, 286, 36)
        words(pen, "AURORA", 336, 44, track=8)
        words(pen, "GENTLE WASH", 380, 17, serif=False, track=4.5)
        words(pen, "REFILL", 412, 13, serif=False, track=7)
        words(pen, "300 ml · 10.1 fl oz", 546, 11.5, serif=False, track=0.8)

    canvas.lay(np.clip(field((30, 62, 50)) * soft[..., None], 0, 1), printed(label, 3, 210) * cover)
    return canvas


PRODUCTS = {"dew-serum": serum, "cloud-cream": cream, "sun-veil": sunscreen, "gentle-wash-refill": refill}


def main(folder: Path) -> None:
    """Write every photo into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PRODUCTS.items():
        path = folder / f"{name}.png"
        make().save(path)
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
