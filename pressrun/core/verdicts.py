"""Verdicts in columns: each distinct value of a parameter is held against the contract once.

That is the verdict on whole parameter objects, because a contract has no rule that looks at two parameters together:
ContractFit refuses every such keyword.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from pressrun.core.chunk import MEMO_LIMIT, Chunk, Column
from pressrun.core.contract import Contract
from pressrun.core.fill import Missed, Spot
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.item import InputAsset
from pressrun.core.matcher import Mask
from pressrun.core.params_validator import ParamsValidator


class Filled(Protocol):
    """What made a column of values, and where each was written."""

    name: str
    axes: tuple[str, ...]

    def column(self, chunk: Chunk) -> Column: ...

    def place(self, spot: Spot) -> Place: ...


class Verdicts:
    """Which items may be made, by the contract; what may not is told with its place."""

    def __init__(self, contract: Contract, gather: Gather, *, inputs: frozenset[str]) -> None:
        """`inputs` are the parameters that the campaign gives files for; without its file no item is made."""
        self._contract, self._gather, self._inputs = contract, gather, inputs
        schema = contract.validator.schema
        self._required = frozenset(schema.get("required", ()))
        self._needed = self._required | inputs
        self._alone = ParamsValidator({**schema, "required": []})
        self._known: dict[tuple[str, type, Any], bool] = {}

    def good(self, chunk: Chunk, columns: Iterable[tuple[Filled, Column]]) -> Mask:
        """True for the rows of which all values are allowed. Input files count by their name; None: not given."""
        found = np.ones(len(chunk), dtype=bool)
        for filled, column in columns:
            allowed = [self._allowed(filled.name, value) for value in column.values]
            if all(allowed):
                continue
            for spot, value, is_good in zip(
                chunk.spots(filled.axes, column.grain), column.values, allowed, strict=True
            ):
                if not is_good:
                    self._tell(filled, dict(zip(filled.axes, spot, strict=True)), value)
            found &= np.array(allowed, dtype=bool)[column.grain.codes]
        return found

    def absent(self, given: Iterable[str]) -> list[str]:
        """Required parameters that nothing gives, in any combination."""
        return sorted(self._required - frozenset(given))

    def tell_absent(self, name: str, place: Place) -> None:
        for told, sentence in self._contract.violations({}):
            if told == name:
                self._gather.say("parameter", sentence, place)

    def _allowed(self, name: str, value: Any) -> bool:
        if value is None:
            return name not in self._needed
        if isinstance(value, Missed):
            return False
        plain = value.name if isinstance(value, InputAsset) else value
        if isinstance(plain, list | dict):
            return self._alone.is_valid({name: plain})
        # The type is part of the key: 1, 1.0 and True are one key of a dict, and not one value of a contract.
        key = (name, type(plain), plain)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > MEMO_LIMIT:
                self._known.clear()
            known = self._known[key] = self._alone.is_valid({name: plain})
        return known

    def _tell(self, filled: Filled, spot: Spot, value: Any) -> None:
        if isinstance(value, Missed):
            if value.value == "":
                return  # that the text is missing was told already
            value = value.value
        if value is None:
            if filled.name not in self._inputs:  # that a file is missing was told already
                self.tell_absent(filled.name, filled.place(spot))
            return
        plain = value.name if isinstance(value, InputAsset) else value
        for _, sentence in self._alone.violations({filled.name: plain}):
            self._gather.say("parameter", sentence, filled.place(spot))
