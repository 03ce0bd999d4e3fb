"""The typeset overlays of a plan held against the pictures they lie over, and the words that they carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pressrun.core.binding import compile_graph
from pressrun.core.campaign import CampaignSpec
from pressrun.core.copy_table import CopyTable
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.item import Item
from pressrun.core.overlay import Overlay
from pressrun.core.picture_size import Size, misfits
from pressrun.core.plan import WorkflowBundle
from pressrun.core.prompt_policy import Text

_PLACE = ("width", "height", "x", "y")


def tell_misfits(
    bundle: WorkflowBundle,
    spec: CampaignSpec,
    items: Iterable[Item],
    *,
    overlays: Mapping[str, Overlay],
    sizes: Mapping[str, Size],
    gather: Gather,
) -> None:
    """A finding for each overlay that is not as large as the picture it lies over.

    `overlays` and `sizes` are by the name of the input file; what no graph says for certain is not judged.
    """
    bindings = bundle.bindings.items()
    placing = [name for name, targets in bindings if any(target.input in _PLACE for target in targets)]
    seen: set[tuple[Any, ...]] = set()
    for item in items:
        if not overlays.keys() & set(item.inputs.values()):
            continue
        shown = tuple((parameter, sizes.get(name)) for parameter, name in item.inputs.items())
        key = (shown, tuple(item.params.get(name) for name in placing))
        if key in seen:
            continue
        seen.add(key)
        graph = compile_graph(bundle, params=item.params, seed=item.seed, inputs=item.inputs, filename_prefix="")
        of = {name: parameter for parameter, name in item.inputs.items()}
        for found in misfits(graph, sizes):
            if found.file in overlays:
                width, height = found.under
                gather.say(
                    "overlay-size", f"the overlay is {found.size[0]}×{found.size[1]} pixels, the picture under it "
                    f"{width}×{height}",
                    Place(file=f"{spec.campaign}/campaign.yaml", pointer=f"/inputs/{of[found.file]}/typeset",
                          row=item.row),
                    f"typeset it with width: {width} and height: {height}",
                )  # fmt: skip


class OverlayTexts:
    """The words that an item's overlays carry, each with the place where it was written."""

    def __init__(self, spec: CampaignSpec, overlays: Mapping[str, Overlay], table: CopyTable | None) -> None:
        self._overlays, self._campaign = overlays, spec.campaign
        self._table = f"{spec.campaign}/{spec.copy_table}"
        self._rows = list(table.texts.values()) if table else []
        self._known: dict[tuple[str, str, str], tuple[Text, ...]] = {}

    def of(self, item: Item) -> Iterator[Text]:
        """Every text of the item's overlays, as it was expanded."""
        for parameter, name in item.inputs.items():
            overlay = self._overlays.get(name)
            if overlay is not None:
                key = (parameter, name, item.locale)
                if key not in self._known:
                    self._known[key] = tuple(self._texts(parameter, overlay, item.locale))
                yield from self._known[key]

    def _texts(self, parameter: str, overlay: Overlay, locale: str) -> Iterator[Text]:
        for number, block in enumerate(overlay.blocks):
            if not block.text.strip():
                continue
            rows = (row for row in self._rows if row.locale == locale and row.text and row.text in block.text)
            # The longest of those that the block says: "Sale" is also in "Spring sale".
            row = max(rows, key=lambda found: len(found.text), default=None)
            if row is None:
                pointer = f"/inputs/{parameter}/typeset/blocks/{number}/text"
                place = Place(file=f"{self._campaign}/campaign.yaml", pointer=pointer)
                yield Text(f"{parameter}, block {number + 1}", "copy", locale, block.text, place)
            else:
                place = Place(file=self._table, row=row.row, column="text")
                yield Text(row.key, "copy", locale, block.text, place)
