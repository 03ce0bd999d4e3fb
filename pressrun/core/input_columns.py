"""Input files in columns: found by their path template, or typeset from the market's copy, once for equal ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pressrun.core.chunk import Chunk, Column, PerAxes
from pressrun.core.errors import InputError
from pressrun.core.fill import Fill, Missed, Spot
from pressrun.core.findings import Place
from pressrun.core.item import InputAsset
from pressrun.core.overlay import DerivedInput, read_overlay
from pressrun.core.sheet import Makers


class InputColumn:
    """The input file of one contract parameter."""

    def __init__(self, name: str, fill: Fill, makers: Makers, values: Mapping[str, Sequence[str]]) -> None:
        self.name, self._fill, self._makers = name, fill, makers
        self._template = template = fill.sheet.spec.inputs[name]
        read = fill.axes_of(template.typeset.model_dump() if isinstance(template, DerivedInput) else template)
        if isinstance(template, DerivedInput):
            read |= {"locale"}  # letters are shaped by the rules of the market's script
        self._values = PerAxes([axis for axis in values if axis in read], self._make)
        self.axes = self._values.axes

    def column(self, chunk: Chunk) -> Column:
        """InputAssets: None where there is none, `Missed` where a text of it was not there. All faults are told."""
        return self._values.column(chunk)

    def place(self, spot: Spot) -> Place:
        del spot
        return Place(file=self._fill.sheet.campaign_file, pointer=f"/inputs/{self.name}")

    def _make(self, numbers: tuple[int, ...]) -> Any:
        spot = self._fill.spot(self.axes, numbers)
        if isinstance(self._template, DerivedInput):
            return self._derived(self._template, spot)
        pointer = f"/inputs/{self.name}"
        filled = self._fill.value(self._template, pointer, spot)
        if filled is None:
            return None
        path = str(filled.value if isinstance(filled, Missed) else filled)
        asset = self._makers.resolve(path)
        if asset is None:
            sheet = self._fill.sheet
            place = Place(file=sheet.campaign_file, pointer=pointer)
            if "product" in spot:
                row = sheet.manifest.rows[spot["product"]].number
                place = Place(file=sheet.manifest_file, row=row, pointer=pointer)
            self._fill.gather.say(
                "input-missing", f"input file {path} is not there", place,
                f"add it to the campaign's folder, or fix the template {self._template!r}",
            )  # fmt: skip
            return None
        return _as_filled(asset, filled)

    def _derived(self, derived: DerivedInput, spot: Spot) -> Any:
        fill, pointer, locale = self._fill, f"/inputs/{self.name}/typeset", self._fill.locale(spot)
        filled = fill.value(derived.typeset.model_dump(), pointer, spot)
        if filled is None:
            return None
        try:
            made = self._makers.typeset(
                read_overlay(filled.value if isinstance(filled, Missed) else filled), locale, self.name
            )
        except InputError as exc:
            place = Place(file=fill.sheet.campaign_file, pointer=pointer)
            fill.gather.say("overlay-value", exc.message, place, exc.remedy or "")
            return None
        for fault in made.faults:
            written = derived.typeset.blocks[fault.block].text
            place = fill.written_at(written, f"{pointer}/blocks/{fault.block}", spot)
            fill.gather.say(fault.code, f"{locale}: {fault.message}", place, fault.remedy)
        return _as_filled(made.asset, filled)


def _as_filled(asset: InputAsset, filled: Any) -> Any:
    return Missed(asset) if isinstance(filled, Missed) else asset
