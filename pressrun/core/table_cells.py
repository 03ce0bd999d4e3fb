"""What every table reader yields: rows of text with their numbers, and findings on the way."""

from __future__ import annotations

import datetime
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pressrun.core.findings import Finding, FindingsError, Place

UTF8_REMEDY = "save it as UTF-8 (Excel: Save As → CSV UTF-8; or save as .xlsx)"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row. `number` is what a person sees beside it; `numeric` holds positions of cells that were numbers."""

    number: int
    cells: tuple[str, ...]
    numeric: frozenset[int] = frozenset()

    @property
    def blank(self) -> bool:
        return not any(self.cells)


RowStream = Iterator[RawRow | Finding]


def clean(text: str) -> str:
    """NFC and without white space around, so that two spellings of one word are one key."""
    return unicodedata.normalize("NFC", text).strip()


def cell_text(value: object) -> str | None:
    """A typed cell as text: 12.0 is "12", a date is ISO 8601, nothing is "". None for what has no text form."""
    if isinstance(value, list | tuple):
        parts = [cell_text(part) for part in value]
        return None if any(part is None or "|" in part for part in parts) else "|".join(str(part) for part in parts)
    if isinstance(value, dict | bytes):
        return None
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    return clean(str(value))


def column_letter(position: int) -> str:
    """0 is "A", 26 is "AA": the name a spreadsheet shows above the column."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def table_finding(
    code: str, message: str, *, file: str, row: int | None = None, column: str | None = None, remedy: str = ""
) -> Finding:
    return Finding(code=code, message=message, place=Place(file=file, row=row, column=column), remedy=remedy)


def fatal(code: str, message: str, *, file: str, row: int | None = None, remedy: str = "") -> FindingsError:
    """The error for a file that cannot be read any further."""
    return FindingsError.of([table_finding(code, message, file=file, row=row, remedy=remedy)], subject=file)


def no_text(value: object, *, file: str, row: int, column: str) -> Finding:
    kind = type(value).__name__
    return table_finding(
        "table-cell", f"the cell holds a {kind}, not text", file=file, row=row, column=column, remedy="write plain text"
    )


def typed_row(number: int, values: Sequence[object], *, columns: Sequence[str], file: str) -> RowStream:
    """A row of typed values as text, preceded by a finding for each cell that has no text form."""
    cells: list[str] = []
    for position, value in enumerate(values):
        text = cell_text(value)
        if text is None:
            column = columns[position] if position < len(columns) else column_letter(position)
            yield no_text(value, file=file, row=number, column=column)
        cells.append(text or "")
    numeric = frozenset(
        position
        for position, value in enumerate(values)
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
    yield RawRow(number, tuple(cells), numeric)
