"""Excel workbooks: one sheet, values as they were last calculated."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pressrun.core.table_cells import RowStream, column_letter, fatal, table_finding, typed_row

# A workbook is a zip; a few kilobytes can unpack to gigabytes.
UNPACKED_LIMIT = 512 * 1024 * 1024
_ERRORS = {"#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!"}


def read_xlsx(data: bytes, *, file: str, sheet: str | None = None) -> RowStream:
    """Rows of the named sheet, or of the first; empty rows keep their place in the count."""
    _check_size(data, file=file)
    shown, written = _sheet(data, sheet, file=file, values=True), _sheet(data, sheet, file=file, values=False)
    columns: list[str] = []
    for number, (values, sources) in enumerate(zip(shown, written, strict=False), 1):
        for position, (value, source) in enumerate(zip(values, sources, strict=False)):
            named = columns[position] if position < len(columns) and columns[position] else column_letter(position)
            if value is None and isinstance(source, str) and source.startswith("="):
                message = f"the formula {source!r} has no saved result"
                remedy = "open and save it in Excel, or paste as values"
                yield table_finding("table-formula", message, file=file, row=number, column=named, remedy=remedy)
            elif isinstance(value, str) and value in _ERRORS:
                message = f"the cell shows {value}"
                yield table_finding("table-formula", message, file=file, row=number, column=named, remedy="fix it")
        if not columns and any(value is not None for value in values):
            columns = [str(value or "").strip() for value in values]
        # A sheet stores a row up to its last filled cell only.
        padded = [*values, *[None] * (len(columns) - len(values))]
        yield from typed_row(number, padded, columns=columns, file=file)


def _check_size(data: bytes, *, file: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            unpacked = sum(entry.file_size for entry in package.infolist())
    except zipfile.BadZipFile as exc:
        remedy = "save it again as .xlsx; an old .xls file cannot be read"
        raise fatal("table-format", "is not an Excel workbook (.xlsx)", file=file, remedy=remedy) from exc
    if unpacked > UNPACKED_LIMIT:
        message = f"unpacks to {unpacked / 2**20:.0f} MiB, more than {UNPACKED_LIMIT // 2**20}"
        raise fatal("table-rows", message, file=file, remedy="remove unused sheets and pictures")


def _sheet(data: bytes, sheet: str | None, *, file: str, values: bool) -> Any:
    import openpyxl  # noqa: PLC0415 - slow to import, and most campaigns are CSV

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values)
    except (KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise fatal("table-format", f"is not an Excel workbook: {exc}", file=file, remedy="save it as .xlsx") from exc
    names = [found.title for found in book.worksheets]
    if sheet is not None and sheet not in names:
        raise fatal("table-sheet", f"has no sheet {sheet!r}; it has {', '.join(names)}", file=file)
    if not names:
        raise fatal("table-sheet", "has no sheet with cells", file=file)
    chosen = book[sheet] if sheet is not None else book.worksheets[0]
    # Some writers store a wrong extent; without this the reader would believe it.
    chosen.reset_dimensions()
    return chosen.iter_rows(values_only=True)
