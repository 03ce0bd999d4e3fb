"""The contact sheet: one JPEG of a run's pictures, grouped by product and locale, for messages and the review page."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import PressrunError
from pressrun.core.item import axis_order
from pressrun.steps.workspace import Workspace
from pressrun.typeset import draw, layout
from pressrun.typeset.layout import Align

MAX_BYTES = 1 << 20
MAX_PICTURES = 240
COLUMNS = 8
CELL = 190
GAP = 14
MARGIN = 36
LABEL = 26
GROUP = 54
HEADER = 96
PAPER, INK, FAINT, EMPTY = (250, 249, 246), (28, 28, 30), (120, 118, 112), (232, 230, 224)


def make_contact_sheet(ws: Workspace, collection: Collection, title: str) -> bytes:
    """JPEG of at most 1 MB: the reviewable pictures' thumbnails, products down, then locales in plan order.

    Above 240 pictures the sheet shows the first of them evenly from every product and says how many it leaves out. A
    thumbnail that cannot be read is an empty frame: a sheet must never stop a run.
    """
    shown, left_out = _chosen([item for item in collection.items if item.reviewable])
    groups: dict[str, list[CollectedItem]] = {item.axes.get("product", ""): [] for item in shown}
    locales = list(dict.fromkeys(item.axes.get("locale", "") for item in collection.items))
    for item in sorted(shown, key=lambda item: locales.index(item.axes.get("locale", ""))):
        groups[item.axes.get("product", "")].append(item)
    rows = sum(-(-len(group) // COLUMNS) for group in groups.values())
    width = 2 * MARGIN + COLUMNS * CELL + (COLUMNS - 1) * GAP
    height = HEADER + len(groups) * GROUP + rows * (CELL + LABEL + GAP) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    _text(sheet, title, (MARGIN, 26), size=30, bold=True, width=width - 2 * MARGIN)
    _text(sheet, _subtitle(collection, left_out), (MARGIN, 68), size=16, fill=FAINT, width=width - 2 * MARGIN)
    y = HEADER
    for product, group in groups.items():
        ImageDraw.Draw(sheet).line((MARGIN, y + 8, width - MARGIN, y + 8), fill=EMPTY, width=2)
        _text(sheet, product, (MARGIN, y + 18), size=20, bold=True, width=width - 2 * MARGIN)
        y += GROUP
        for index, item in enumerate(group):
            column, row = index % COLUMNS, index // COLUMNS
            at = (MARGIN + column * (CELL + GAP), y + row * (CELL + LABEL + GAP))
            _picture(ws, sheet, item, at)
        y += -(-len(group) // COLUMNS) * (CELL + LABEL + GAP)
    return _jpeg(sheet)


def _chosen(items: Sequence[CollectedItem]) -> tuple[list[CollectedItem], int]:
    """All pictures, or every n-th where there are too many."""
    if len(items) <= MAX_PICTURES:
        return list(items), 0
    step = len(items) / MAX_PICTURES
    return [items[int(index * step)] for index in range(MAX_PICTURES)], len(items) - MAX_PICTURES


def _subtitle(collection: Collection, left_out: int) -> str:
    counts = collection.counts
    parts = [f"{counts.rendered} rendered", f"{counts.reused} reused"]
    parts += [f"{counts.qc_rejected} refused by quality control"] if counts.qc_rejected else []
    parts += [f"{counts.failed} failed"] if counts.failed else []
    parts += [f"{left_out} more not shown"] if left_out else []
    return f"{collection.press} press · {collection.run_key} · " + ", ".join(parts)


def _picture(ws: Workspace, sheet: Image.Image, item: CollectedItem, at: tuple[int, int]) -> None:
    x, y = at
    thumb = _thumb(ws, item)
    if thumb is None:
        ImageDraw.Draw(sheet).rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=EMPTY)
    else:
        # The picture stands on the label, as prints stand on a shelf: sizes stay comparable.
        sheet.paste(thumb, (x + (CELL - thumb.width) // 2, y + CELL - thumb.height))
    label = " · ".join(item.axes[axis] for axis in axis_order(item.axes) if axis != "product")
    _text(sheet, label, (x, y + CELL + 5), size=13, fill=INK, width=CELL, align="center")


def _thumb(ws: Workspace, item: CollectedItem) -> Image.Image | None:
    if item.thumb_uri is None:
        return None
    try:
        with Image.open(io.BytesIO(ws.fetch(item.thumb_uri)), formats=("WEBP", "PNG", "JPEG")) as image:
            image.thumbnail((CELL, CELL))
            return image.convert("RGB")
    except (PressrunError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _text(
    sheet: Image.Image,
    text: str,
    at: tuple[int, int],
    *,
    size: int,
    width: int,
    fill: tuple[int, int, int] = INK,
    bold: bool = False,
    align: Align = "left",
) -> None:
    """One line, made smaller until it fits its width."""
    box = (width, round(size * 1.6))
    placed = layout(text, locale="en-US", box=box, size=size, weight=700 if bold else 400, align=align)
    draw(placed, sheet, at, width=width, fill=fill)


def _jpeg(sheet: Image.Image) -> bytes:
    """The best quality that stays below the limit."""
    for quality in (88, 80, 70, 60, 50, 40, 30):
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= MAX_BYTES:
            return out.getvalue()
    smaller = sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS)
    return _jpeg(smaller)
