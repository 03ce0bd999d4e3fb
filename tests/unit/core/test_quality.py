"""Every verdict of quality control, on real pictures measured as the runner measures them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pressrun.core.campaign import PaletteSpec, QualityCode, QualitySpec
from pressrun.core.item import Batch, Item
from pressrun.core.media import Playback
from pressrun.core.quality import Verdicts, judge_all
from pressrun.core.result import Measurements
from pressrun.runner.measure import measure

MakeItem = Callable[..., Item]
SIZE = (256, 192)


@dataclass(frozen=True)
class File:
    """A measured file."""

    measurements: Measurements | None
    width: int | None = SIZE[0]
    height: int | None = SIZE[1]
    media_type: str = "image/png"
    playback: Playback | None = None


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture with large shapes, of another layout for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def file_of(picture: Image.Image) -> File:
    return File(measure(picture), *picture.size)


def lettered(picture: Image.Image, text: str) -> Image.Image:
    """The same ground with another market's words on it."""
    made = picture.copy()
    ImageDraw.Draw(made).text((12, 12), text, fill="white")
    return made


@pytest.fixture
def item(make_item: MakeItem) -> MakeItem:
    def build(product: str = "P1", locale: str = "de-DE", **fields: Any) -> Item:
        params = {"width": SIZE[0], "height": SIZE[1]}
        axes = {"product": product, "locale": locale} | fields.pop("axes", {})
        return make_item(axes, params=params, **fields)

    return build


def one(item: Item, file: File, **quality: Any) -> Verdicts:
    return judge_all([(item, [file])], QualitySpec(**quality))[item.item_id]


def half_black(picture: Image.Image) -> Image.Image:
    picture.paste((0, 0, 0), (0, 0, SIZE[0] // 2, SIZE[1]))
    return picture


def speck(_: None = None) -> Image.Image:
    """White with one black line: contrast enough, and nothing on it."""
    made = Image.new("RGB", SIZE, "white")
    made.paste("black", (0, 0, SIZE[0], 1))
    return made.resize((SIZE[0], SIZE[1]))


BAD = {
    "black": Image.new("RGB", SIZE, (0, 0, 0)),
    "blank": Image.new("RGB", SIZE, (200, 180, 170)),
    "near-constant": Image.linear_gradient("L").resize(SIZE).point(lambda level: 120 + level // 32).convert("RGB"),
}


@pytest.mark.parametrize("code", BAD)
def test_pictures_with_nothing_on_them_are_refused(item: MakeItem, code: str) -> None:
    found = one(item(), file_of(BAD[code]))
    assert found.rejected
    assert found.rejected.code == code


def test_one_colour_with_a_speck_on_it_is_nearly_constant_whatever_its_contrast(item: MakeItem) -> None:
    made = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(made).rectangle((0, 0, 40, 40), fill="black")
    seen = file_of(made)
    assert seen.measurements
    assert seen.measurements.contrast > 4
    found = one(item(), File(seen.measurements), max_flat=0.99)
    assert found.rejected
    assert found.rejected.code == "near-constant"
    assert "99.5% of it" in found.rejected.reason
    assert one(item(), File(seen.measurements), max_flat=1.0) == Verdicts()


def test_rich_and_dark_pictures_pass(item: MakeItem) -> None:
    for picture in (scene(1), half_black(scene(2)), scene(3).point(lambda level: level // 6)):
        assert one(item(), file_of(picture)) == Verdicts()


def test_the_wrong_size_is_refused_and_the_same_shape_larger_is_not(item: MakeItem) -> None:
    small = one(item(), file_of(scene(1, (255, 192))))
    assert small.rejected
    assert (small.rejected.code, small.rejected.reason) == ("wrong-size", "is 255×192, asked for 256×192")
    assert one(item(), file_of(scene(1, (512, 384)))) == Verdicts()
    assert one(item(), file_of(scene(1, (512, 512)))).rejected


def test_a_picture_that_nobody_measured_is_refused_and_a_file_that_is_none_is_not(item: MakeItem) -> None:
    found = one(item(), File(None))
    assert found.rejected
    assert found.rejected.code == "unmeasured"
    assert one(item(), File(None, None, None, "model/gltf-binary")) == Verdicts()


def test_silent_sounds_and_films_that_do_not_move_are_refused(item: MakeItem) -> None:
    silent = File(None, None, None, "audio/flac", Playback(seconds=3, loudness=-90))
    loud = File(None, None, None, "audio/flac", Playback(seconds=3, loudness=-20))
    still = File(measure(scene(1)), *SIZE, "image/webp", Playback(seconds=2, frames=24, motion=0.0))
    found = [one(item(), file).rejected for file in (silent, loud, still)]
    assert [verdict.code if verdict else None for verdict in found] == ["silent", None, "still"]


def test_of_several_files_each_is_judged_and_only_the_first_owes_the_size(item: MakeItem) -> None:
    first, mask = file_of(scene(1)), file_of(scene(2, (64, 64)))
    made = item()
    assert judge_all([(made, [first, mask])], QualitySpec())[made.item_id] == Verdicts()
    found = judge_all([(made, [first, file_of(BAD["black"])])], QualitySpec())[made.item_id].rejected
    assert found
    assert (found.code, found.reason.startswith("file 2 is black")) == ("black", True)


def test_seeds_that_change_nothing_are_told(item: MakeItem) -> None:
    dawn = item(axes={"variant": "dawn"}, seed=1)
    dusk = item(axes={"variant": "dusk"}, seed=2)
    found = judge_all([(one, [file_of(scene(5))]) for one in (dawn, dusk)], QualitySpec())
    assert found[dawn.item_id] == Verdicts()
    verdict = found[dusk.item_id].rejected
    assert verdict
    assert verdict.code == "identical"
    assert verdict.reason == f"is the very same picture as {dawn.label}: the seed changes nothing"


def test_a_batch_that_makes_one_picture_several_times_is_told(item: MakeItem) -> None:
    """The pictures of a batch share their seed; those of two batches may share a picture of other parameters."""
    a, b, other = (
        item(axes={"take": take}, seed=1, render_key=take, batch=Batch(key=key, size=2, index=index))
        for take, key, index in (("a", "k", 0), ("b", "k", 1), ("c", "l", 0))
    )
    found = judge_all([(one, [file_of(scene(5))]) for one in (a, b, other)], QualitySpec())
    assert (found[a.item_id], found[other.item_id]) == (Verdicts(), Verdicts())
    verdict = found[b.item_id].rejected
    assert verdict
    assert (verdict.code, verdict.reason.partition(": ")[2]) == ("identical", "the place in the batch changes nothing")


def test_the_same_pixels_are_the_same_picture_whatever_text_the_file_carries(tmp_path: Path) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "another graph")
    scene(1).save(tmp_path / "a.png")
    scene(1).save(tmp_path / "b.png", pnginfo=info)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as one, Image.open(tmp_path / "b.png") as other:
        assert measure(one).pixels == measure(other).pixels


def test_another_products_picture_is_a_near_duplicate_that_reviewers_are_told_of(item: MakeItem) -> None:
    shoe, bag = item("SHOE", seed=1), item("BAG", "ja-JP", seed=2)
    pictures = [(shoe, [file_of(scene(5))]), (bag, [file_of(lettered(scene(5), "かばん 50 %"))])]
    found = judge_all(pictures, QualitySpec())
    assert found[bag.item_id].rejected is None
    (note,) = found[bag.item_id].notes
    assert (note.code, note.reason) == ("near-duplicate", f"looks like {shoe.label}")
    strict = judge_all(pictures, QualitySpec(note=()))[bag.item_id].rejected
    assert strict
    assert strict.code == "near-duplicate"
    assert judge_all(pictures, QualitySpec(ignore=("near-duplicate",)))[bag.item_id] == Verdicts()


def test_one_products_markets_share_their_ground_on_purpose(item: MakeItem) -> None:
    """The same ground with other words, in other markets, sizes and moods: never compared."""
    ground = scene(5)
    twins = [
        item("SHOE", locale, axes={"size": size}, seed=7)
        for locale in ("de-DE", "ja-JP", "ar-AE")
        for size in ("square", "story")
    ]
    made = [(twin, [file_of(lettered(ground, twin.label))]) for twin in twins]
    same = [(twin, [file_of(ground)]) for twin in twins]
    for pictures in (made, same):
        assert set(judge_all(pictures, QualitySpec()).values()) == {Verdicts()}


def test_pictures_that_were_bought_once_for_two_items_are_not_compared(item: MakeItem) -> None:
    first, second = item("A", render_key="k", seed=1), item("B", render_key="k", seed=2)
    found = judge_all([(one, [file_of(scene(5))]) for one in (first, second)], QualitySpec())
    assert set(found.values()) == {Verdicts()}


def test_different_pictures_of_many_products_are_not_taken_for_one(item: MakeItem) -> None:
    made = [(item(f"P{seed}", seed=seed), [file_of(scene(seed))]) for seed in range(60)]
    assert set(judge_all(made, QualitySpec()).values()) == {Verdicts()}


def test_colours_are_judged_against_the_brands(item: MakeItem) -> None:
    brand = PaletteSpec(colours=("#de605c", "#f6ebdd"), min_share=0.3)
    made = Image.new("RGB", SIZE, "#3050c0")
    made.paste(scene(1).crop((0, 0, 40, 192)), (0, 0))
    (note,) = one(item(), file_of(made), palette=brand).notes
    assert note.code == "off-palette"
    assert note.reason.startswith("has ")
    assert "#3050c0" in note.reason
    made.paste("#e8716a", (100, 0, 250, 192))  # another shade of the brand's rose
    assert one(item(), file_of(made), palette=brand) == Verdicts()
    assert one(item(), file_of(made)) == Verdicts(), "no palette, no verdict"


def test_every_verdict_has_a_row_in_the_manual(repository: Path) -> None:
    page = (repository / "docs/concepts/quality.md").read_text()
    for code in get_args(QualityCode):
        assert f"| `{code}` |" in page


def test_neighbours_are_found_as_by_comparing_every_pair() -> None:
    from pressrun.core.likeness import _neighbours

    chance = np.random.default_rng(3)
    base = [int(value) for value in chance.integers(0, 2**63, 60)]
    hashes = {one ^ sum(1 << int(bit) for bit in set(chance.integers(0, 63, 5))) for one in base for _ in range(4)}
    for distance in (0, 3, 4, 8):
        found = _neighbours(hashes, distance)
        for one in hashes:
            assert found[one] == {other for other in hashes if (one ^ other).bit_count() <= distance}
