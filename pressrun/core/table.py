"""Tables that people write: CSV, XLSX, JSON Lines or Parquet in, rows of clean text with row numbers out.

Cells are NFC text without white space around them; an absent cell is "". Blank rows are skipped, but counted.
Row numbers are those a person sees: records of a CSV and rows of a sheet with the header as row 1, lines of a
JSON Lines file, and for Parquet as if its column names were row 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pressrun.core.codec import sha256_hex
from pressrun.core.findings import Finding
from pressrun.core.table_cells import RawRow, RowStream, column_letter, fatal, table_finding
from pressrun.core.table_csv import read_csv
from pressrun.core.table_records import read_jsonl, read_parquet, too_many
from pressrun.core.table_xlsx import read_xlsx

ROW_LIMIT = 100_000
FORMATS = (".csv", ".tsv", ".xlsx", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class TableRow:
    """`values` has every column. `numeric` names the columns whose cell was a number, not text."""

    number: int
    values: dict[str, str]
    numeric: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read. `findings` are about single rows; the rows that could be read are there all the same."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    sha256: str
    findings: tuple[Finding, ...]

    def missing_columns(self, names: Iterable[str], *, code: str) -> list[Finding]:
        """A finding for each of `names` that is no column, with the nearest one that is."""
        return [self._missing(name, code) for name in names if name not in self.columns]

    def _missing(self, name: str, code: str) -> Finding:
        lowered = {column.lower(): column for column in self.columns}
        near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
        remedy = f"rename {lowered[near[0]]!r} to {name!r}?" if near else f"add the column {name!r}"
        found = ", ".join(self.columns) or "none"
        return table_finding(code, f"no column {name!r}; found: {found}", file=self.file, remedy=remedy)


def read_table(data: bytes, *, file: str, sheet: str | None = None, limit_rows: int = ROW_LIMIT) -> Table:
    """Read a table by the suffix of `file`. FindingsError where it cannot be read as a table at all."""
    stream = _stream(data, file=file, sheet=sheet, limit_rows=limit_rows)
    findings: list[Finding] = []
    columns: tuple[str, ...] = ()
    rows: list[TableRow] = []
    for event in stream:
        if isinstance(event, Finding):
            findings.append(event)
        elif event.blank:
            continue
        elif not columns:
            columns = _header(event, file=file)
        else:
            if len(rows) >= limit_rows:
                raise too_many(limit_rows, file=file)
            row, found = _row(event, columns, file=file)
            findings.extend(found)
            rows.append(row)
    if not columns and not findings:
        raise fatal("table-empty", "is empty", file=file, row=1, remedy="write a header and at least one row")
    return Table(
        file=file,
        columns=tuple(filter(None, columns)),
        rows=tuple(rows),
        sha256=sha256_hex(data),
        findings=tuple(findings),
    )


def _stream(data: bytes, *, file: str, sheet: str | None, limit_rows: int) -> RowStream:
    suffix = PurePosixPath(file).suffix.lower()
    match suffix:
        case ".csv" | ".tsv":
            return read_csv(data, file=file)
        case ".xlsx":
            return read_xlsx(data, file=file, sheet=sheet)
        case ".jsonl":
            return read_jsonl(data, file=file, limit_rows=limit_rows)
        case ".parquet":
            return read_parquet(data, file=file, limit_rows=limit_rows)
    raise fatal(
        "table-format", f"unknown format {suffix or file!r}", file=file, remedy=f"use one of {', '.join(FORMATS)}"
    )


def _header(row: RawRow, *, file: str) -> tuple[str, ...]:
    """Column names by position; "" for a column without a name, which must then stay empty."""
    names = list(row.cells)
    while names and not names[-1]:
        names.pop()
    repeated = {name for name in names if name and names.count(name) > 1}
    if repeated:
        told = "; ".join(f"{name!r} in {_letters(names, name)}" for name in dict.fromkeys(names) if name in repeated)
        raise fatal("table-columns", f"columns named twice: {told}", file=file, row=row.number, remedy="rename one")
    return tuple(names)


def _letters(names: Sequence[str], name: str) -> str:
    return " and ".join(column_letter(position) for position, found in enumerate(names) if found == name)


def _row(raw: RawRow, columns: tuple[str, ...], *, file: str) -> tuple[TableRow, list[Finding]]:
    findings: list[Finding] = []
    cells = list(raw.cells)
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) != len(columns):
        message = f"has {len(cells)} cells where the header has {len(columns)}"
        remedy = "a missing or extra delimiter, or a text that holds one and is not quoted"
        findings.append(table_finding("table-ragged", message, file=file, row=raw.number, remedy=remedy))
    cells += [""] * (len(columns) - len(cells))
    for position, (name, cell) in enumerate(zip(columns, cells, strict=False)):
        if not name and cell:
            column = column_letter(position)
            message = f"column {column} has text but no name in the header"
            findings.append(table_finding("table-columns", message, file=file, row=raw.number, column=column))
    values = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    numeric = frozenset(columns[position] for position in raw.numeric if position < len(columns))
    return TableRow(number=raw.number, values=values, numeric=numeric), findings
