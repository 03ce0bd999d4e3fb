"""Parameters in columns: each from the campaign, an override or a cell of its row, and held against the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pressrun.core.chunk import Chunk, Column, PerAxes
from pressrun.core.contract import Contract, coerce
from pressrun.core.contract_fit import SEED_PARAMETER
from pressrun.core.fill import Fill, Spot
from pressrun.core.findings import Finding, Place
from pressrun.core.manifest import Manifest
from pressrun.core.matcher import Matcher
from pressrun.core.params_validator import nearest

# A column of the manifest with this in front of a parameter's name gives that parameter to its row.
ROW_PREFIX = "params."


@dataclass(frozen=True)
class _Source:
    """A value or template for a parameter, and where it is written. `when` is None where it always holds."""

    template: Any
    pointer: str
    when: Matcher | None = None


class ParamColumn:
    """One parameter: what the row says, else the last override that holds, else `params`, else the default."""

    def __init__(self, name: str, fill: Fill, values: Mapping[str, Sequence[str]]) -> None:
        self.name, self._fill, spec = name, fill, fill.sheet.spec
        self._types = fill.sheet.contract.types_of(name)
        self._default = fill.sheet.contract.defaults.get(name)
        self._column = f"{ROW_PREFIX}{name}" if f"{ROW_PREFIX}{name}" in fill.sheet.manifest.columns else None
        self._sources = [
            _Source(override.params[name], f"/overrides/{number}/params/{name}", Matcher(override.when, values))
            for number, override in reversed(list(enumerate(spec.overrides)))
            if name in override.params
        ]
        if name in spec.params:
            self._sources.append(_Source(spec.params[name], f"/params/{name}"))
        read: set[str] = {"product"} if self._column else set()
        for source in self._sources:
            read |= fill.axes_of(source.template) | set(source.when.axes if source.when else ())
        self._values = PerAxes([axis for axis in values if axis in read], self._make)
        self.axes = self._values.axes

    def column(self, chunk: Chunk) -> Column:
        """The values: None where there is none, `Missed` where a text was not there."""
        return self._values.column(chunk)

    def place(self, spot: Spot) -> Place:
        """Where the value of a combination was written."""
        if self._cell(spot):
            sheet = self._fill.sheet
            number = sheet.manifest.rows[spot["product"]].number
            return Place(file=sheet.manifest_file, row=number, column=self._column)
        source = self._source(spot)
        return self._fill.written_at(str(source.template), source.pointer, spot)

    def _make(self, numbers: tuple[int, ...]) -> Any:
        spot = self._fill.spot(self.axes, numbers)
        if cell := self._cell(spot):
            return coerce(cell, self._types)
        value = self._fill.value(self._source(spot).template, self._source(spot).pointer, spot)
        return self._default if value is None else coerce(value, self._types)

    def _cell(self, spot: Spot) -> str:
        return self._fill.sheet.manifest.rows[spot["product"]].values.get(self._column, "") if self._column else ""

    def _source(self, spot: Spot) -> _Source:
        held = (source for source in self._sources if source.when is None or source.when.meets(spot))
        return next(held, _Source(None, f"/params/{self.name}"))


def param_columns(fill: Fill, values: Mapping[str, Sequence[str]]) -> list[ParamColumn]:
    """All parameters of a plan; defaults first, as the contract lists them."""
    spec, contract = fill.sheet.spec, fill.sheet.contract
    names = dict.fromkeys([*contract.defaults, *spec.params])
    names |= dict.fromkeys(name for override in spec.overrides for name in override.params)
    names |= dict.fromkeys(name for name in _row_parameters(fill.sheet.manifest) if _is_param(contract, name))
    return [ParamColumn(name, fill, values) for name in names]


def check_row_parameters(manifest: Manifest, contract: Contract, *, file: str) -> Iterator[Finding]:
    """What is wrong with the manifest's `params.…` columns."""
    known = tuple(name for name in contract.schema["properties"] if _is_param(contract, name))
    for name in _row_parameters(manifest):
        place = Place(file=file, row=1, column=f"{ROW_PREFIX}{name}")
        if name in contract.assets:
            yield Finding(
                code="parameter-file", message=f"{name!r} is an input file, not a parameter", place=place,
                remedy="name the file in a column of its own and give it under `inputs`",
            )  # fmt: skip
        elif contract.schema["properties"].get(name, {}).get("x-seed") or name == SEED_PARAMETER:
            yield Finding(
                code="parameter-seed", message="the seed is derived, never written", place=place,
                remedy="change `seed` or `seed_axes` of the campaign for other pictures",
            )  # fmt: skip
        elif name not in known:
            yield Finding(
                code="parameter-column", message=f"there is no parameter {name!r}{nearest(name, known)}", place=place,
                remedy=f"parameters: {', '.join(known)}",
            )  # fmt: skip


def _row_parameters(manifest: Manifest) -> Iterable[str]:
    return [column.removeprefix(ROW_PREFIX) for column in manifest.columns if column.startswith(ROW_PREFIX)]


def _is_param(contract: Contract, name: str) -> bool:
    spec = contract.schema["properties"].get(name)
    return spec is not None and name not in contract.assets and not spec.get("x-seed")
