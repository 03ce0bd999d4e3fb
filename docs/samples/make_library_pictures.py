"""Draw what the library's sample campaigns start from: masters, backgrounds, masks, small archive pictures.

    python docs/samples/make_library_pictures.py include/campaigns

The scenes are those of the proof press without its mark, the products are the cut-outs of the spring sale. Nothing
here is random: the same pictures come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from pressrun.proof.drawing.painting.canvas import paint
from pressrun.proof.drawing.values import Scene

PRODUCTS = ("dew-serum", "cloud-cream", "sun-veil", "gentle-wash-refill")


def scene(prompt: str, seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(paint(Scene(seed, prompt, "base"), width, height))


def with_product(picture: Image.Image, photo: Path, box: tuple[int, int, int]) -> Image.Image:
    """The picture with a product at (left, top), `box[2]` pixels wide."""
    left, top, width = box
    with Image.open(photo) as opened:
        product = opened.convert("RGBA").resize((width, width * 5 // 4), Image.Resampling.LANCZOS)
    result = picture.copy()
    result.paste(product, (left, top), product)
    return result


def masters(folder: Path, assets: Path) -> None:
    """Two finished key visuals, without a word on them: the upper third is left free for the market's copy."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, product, prompt, seed in (
        ("dawn", "dew-serum", "sunrise on a calm lagoon, peach sky, soft mist", 40),
        ("garden", "cloud-cream", "cherry blossom garden in the morning", 14),
    ):
        picture = with_product(scene(prompt, seed, 1024, 1024), assets / f"{product}.png", (272, 360, 480))
        picture.save(folder / f"{name}.png", optimize=True)


def backgrounds(folder: Path) -> None:
    """Two rooms to stand a product in."""
    folder.mkdir(parents=True, exist_ok=True)
    scene("a round podium of white plaster, golden evening light", 12, 1024, 1024).save(
        folder / "podium.jpg", quality=90
    )
    scene("moss, fern and river stones in a bath house", 13, 1024, 1024).save(folder / "bath.jpg", quality=90)


def photos_with_masks(folder: Path, assets: Path) -> None:
    """Two product pictures, and where each may be painted over: white on black, a band behind the product."""
    folder.mkdir(parents=True, exist_ok=True)
    for product, prompt, seed in (
        ("sun-veil", "warm sand dunes at noon", 21),
        ("dew-serum", "linen and morning light", 22),
    ):
        picture = with_product(scene(prompt, seed, 768, 768), assets / f"{product}.png", (224, 200, 320))
        picture.save(folder / f"{product}.jpg", quality=90)
        mask = Image.new("L", (768, 768), 0)
        ImageDraw.Draw(mask).rectangle((0, 420, 768, 768), fill=255)
        with Image.open(assets / f"{product}.png") as cutout:
            kept = cutout.getchannel("A").resize((320, 400), Image.Resampling.LANCZOS)
        mask.paste(0, (224, 200), kept)
        mask.filter(ImageFilter.GaussianBlur(3)).convert("RGB").save(folder / f"{product}-mask.png", optimize=True)


def archive(folder: Path, assets: Path) -> None:
    """Small pictures as an old web shop has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for product, prompt, seed in (("cloud-cream", "rose petals", 31), ("gentle-wash-refill", "fern and stones", 32)):
        picture = with_product(scene(prompt, seed, 640, 640), assets / f"{product}.png", (170, 150, 300))
        picture.resize((320, 320), Image.Resampling.LANCZOS).save(folder / f"{product}.jpg", quality=82)


def main(campaigns: Path) -> None:
    assets = campaigns / "spring_sale" / "assets"
    masters(campaigns / "master_to_market" / "masters", assets)
    backgrounds(campaigns / "shelf_mockups" / "backgrounds")
    photos_with_masks(campaigns / "label_refresh" / "pictures", assets)
    archive(campaigns / "archive_upscale" / "pictures", assets)
    for campaign, products in {
        "shelf_mockups": PRODUCTS[:2],
        "ad_variants": PRODUCTS[1:3],
    }.items():
        (campaigns / campaign / "assets").mkdir(parents=True, exist_ok=True)
        for product in products:
            (campaigns / campaign / "assets" / f"{product}.png").write_bytes((assets / f"{product}.png").read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
