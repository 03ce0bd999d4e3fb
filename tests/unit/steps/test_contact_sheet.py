"""Contact sheets: every picture where a person looks for it, small enough for a message."""

from __future__ import annotations

import io

import pytest
from factories import Run, collect, make_plan, make_png, make_request, make_spec
from PIL import Image, ImageStat

from pressrun.steps import contact_sheet
from pressrun.steps.contact_sheet import CELL, GAP, HEADER, LABEL, MARGIN, MAX_BYTES, PAPER, make_contact_sheet
from pressrun.steps.workspace import Workspace, memory_workspace


def a_run(ws: Workspace, *, products: tuple[str, ...] = ("AUR-01", "AUR-02"), failed: int = 0) -> Run:
    spec = make_spec()
    plan = make_plan(spec, make_request(spec), products)
    return collect(
        ws,
        plan,
        failed=tuple(item.item_id for item in plan.items[:failed]),
        picture=lambda item: make_png(int(item.render_key[:6], 16), size=(190, 190)),
    )


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        return image.convert("RGB")


def spread(sheet: Image.Image, column: int, row: int, group: int = 0) -> float:
    """How varied the picture place is: paper and empty frames are flat."""
    x = MARGIN + column * (CELL + GAP)
    y = HEADER + (group + 1) * contact_sheet.GROUP + (group + row) * (CELL + LABEL + GAP)
    return max(ImageStat.Stat(sheet.crop((x + 5, y + 5, x + CELL - 5, y + CELL - 5))).stddev)


def test_each_product_has_its_row_of_pictures() -> None:
    ws = memory_workspace()
    sheet = opened(make_contact_sheet(ws, a_run(ws).collection, "Spring sale"))
    for group in (0, 1):
        assert all(spread(sheet, column, 0, group) > 10 for column in range(4))
        assert spread(sheet, 4, 0, group) < 3


def test_labels_and_title_are_set() -> None:
    ws = memory_workspace()
    collection = a_run(ws).collection
    sheet = opened(make_contact_sheet(ws, collection, "Spring sale"))
    untitled = opened(make_contact_sheet(ws, collection, ""))
    title = (MARGIN, 20, MARGIN + 300, 60)
    assert ImageStat.Stat(sheet.crop(title)).stddev[0] > 10 > ImageStat.Stat(untitled.crop(title)).stddev[0]
    label = (MARGIN, HEADER + contact_sheet.GROUP + CELL + 4, MARGIN + CELL, HEADER + contact_sheet.GROUP + CELL + 24)
    assert min(sheet.crop(label).convert("L").tobytes()) < 100


def test_failed_items_are_left_out_and_a_lost_thumbnail_is_an_empty_frame() -> None:
    ws = memory_workspace()
    run = a_run(ws, failed=2)
    thumbs = [item.thumb_uri for item in run.collection.items if item.thumb_uri]
    ws.work.delete(ws.store_of(thumbs[0])[1])
    ws.work.put(ws.store_of(thumbs[1])[1], b"not an image")
    sheet = opened(make_contact_sheet(ws, run.collection, "Spring sale"))
    assert [spread(sheet, column, 0) < 3 for column in range(4)] == [True, True, True, True]
    assert sheet.getpixel((MARGIN + 20, HEADER + contact_sheet.GROUP + 20)) != PAPER
    assert spread(sheet, 0, 0, group=1) > 10


def test_a_large_run_fits_one_megabyte_and_shows_every_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "MAX_PICTURES", 20)
    ws = memory_workspace()
    run = a_run(ws, products=tuple(f"AUR-{number:02}" for number in range(10)))
    data = make_contact_sheet(ws, run.collection, "Spring sale")
    sheet = opened(data)
    assert len(data) <= MAX_BYTES
    assert all(spread(sheet, 0, 0, group) > 10 for group in range(10))


def test_noise_that_does_not_compress_still_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "MAX_BYTES", 30_000)
    ws = memory_workspace()
    assert len(make_contact_sheet(ws, a_run(ws).collection, "Spring sale")) <= 30_000


def test_the_same_collection_gives_the_same_sheet() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    assert make_contact_sheet(ws, run.collection, "x") == make_contact_sheet(ws, run.collection, "x")
