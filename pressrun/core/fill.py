"""Filling: a template of the campaign with the values of one combination, and where the result was written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pressrun.core.copy_asked import AskedCopy
from pressrun.core.errors import InputError
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.plan import RunRequest
from pressrun.core.sheet import Sheet
from pressrun.core.templates import names_in, render_value

_COLUMN = re.compile(r"\bproduct\.([A-Za-z_]\w*)")
_COPY_NAME = re.compile(r"\bcopy\.(\w+)")
_COLUMN_NAME = re.compile(r"\bproduct(?:\.|\[')([^'\]\s|}]+)")
_COPY_AXES = frozenset({"product", "locale"})
# Axis -> the number of its value, for the axes that a template reads.
Spot = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Missed:
    """A value that was filled in without a text that it asked for: told already, and no item can be made of it."""

    value: Any


class Fill:
    """Fills templates in for the combinations of one run. Everything wrong is gathered, nothing is raised."""

    def __init__(self, sheet: Sheet, run: RunRequest, values: Mapping[str, Sequence[str]], gather: Gather) -> None:
        """`values` are the axes that are combined, in order, with the ids of their values."""
        self.sheet, self.gather = sheet, gather
        self._values = values
        options = {axis: {str(one["id"]): one for one in listed} for axis, listed in sheet.spec.axes.items()}
        self._options = {axis: [options[axis][one] for one in values[axis]] for axis in values if axis in options}
        # The names are all there, since a template that asks for another one is told which are known.
        self._base: dict[str, Any] = {
            "campaign": {"name": sheet.spec.campaign, "title": sheet.spec.title},
            "drop": run.drop,
            "copy": {},
            **{axis: {} for axis in values},
        }

    def axes_of(self, template: Any) -> frozenset[str]:
        """The axes that a template's result depends on."""
        names = names_in(template)
        return (names | (_COPY_AXES if "copy" in names else frozenset())) & self._values.keys()

    def spot(self, axes: Sequence[str], numbers: Sequence[int]) -> Spot:
        return dict(zip(axes, numbers, strict=True))

    def value(self, template: Any, pointer: str, spot: Spot) -> Any:
        """The filled-in value, `Missed` where a text was not there, None where it could not be filled in."""
        if isinstance(template, int | float | None) or (isinstance(template, str) and "{" not in template):
            return template
        context, copy = self._context(spot)
        try:
            value = render_value(template, context, where=pointer)
        except InputError as exc:
            self._tell(template, pointer, spot, exc)
            return None
        if copy is None:
            return value
        copy.tell(self.sheet.copy_file, self.gather)
        return Missed(value) if copy.missing else value

    def written_at(self, template: str, pointer: str, spot: Spot) -> Place:
        """Where a template's value was written: the copy's row, the manifest's cell, or campaign.yaml."""
        sheet = self.sheet
        if sheet.copy_table is not None and spot.keys() >= _COPY_AXES:
            locale, product = self._values["locale"][spot["locale"]], self._values["product"][spot["product"]]
            for key in _COPY_NAME.findall(template):
                if (text := sheet.copy_table.text(key, locale, product=product)) is not None:
                    return Place(file=sheet.copy_file, row=text.row, column="text")
        if "product" in spot:
            row = sheet.manifest.rows[spot["product"]]
            if columns := [name for name in _COLUMN_NAME.findall(template) if name in row.values]:
                return Place(file=sheet.manifest_file, row=row.number, column=columns[0])
        return Place(file=sheet.campaign_file, pointer=pointer)

    def locale(self, spot: Spot) -> str:
        return self._values["locale"][spot["locale"]]

    def _context(self, spot: Spot) -> tuple[dict[str, Any], AskedCopy | None]:
        context = dict(self._base)
        copy: AskedCopy | None = None
        for axis, number in spot.items():
            if axis == "product":
                row = self.sheet.manifest.rows[number]
                context["product"] = {**row.values, "key": row.key}
            elif axis == "locale":
                context["locale"] = self._values["locale"][number]
            else:
                context[axis] = self._options[axis][number]
        if spot.keys() >= _COPY_AXES:
            copy = context["copy"] = AskedCopy(self.sheet.copy_table, context["locale"], context["product"]["key"])
        return context, copy

    def _tell(self, template: Any, pointer: str, spot: Spot, exc: InputError) -> None:
        sheet = self.sheet
        values = sheet.manifest.rows[spot["product"]].values if "product" in spot else {}
        columns = [name for name in _COLUMN.findall(str(template)) if name not in values and name != "key"]
        for column in columns:
            near = difflib.get_close_matches(column, values, n=1)
            self.gather.say(
                "column-missing",
                f"there is no column {column!r}, which {pointer} of {sheet.campaign_file} asks for",
                Place(file=sheet.manifest_file, row=1, column=column),
                (f"did you mean {near[0]!r}? " if near else "") + f"columns there: {', '.join(values)}",
            )
        if not columns:
            place = Place(file=sheet.campaign_file, pointer=pointer)
            self.gather.say("template", exc.message, place, exc.remedy or "")
