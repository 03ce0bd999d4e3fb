"""CSV as spreadsheets write it: any of four delimiters, with or without BOM, quoted newlines, only UTF-8."""

from __future__ import annotations

import csv
import io
import re

from pressrun.core.table_cells import UTF8_REMEDY, RawRow, RowStream, clean, fatal

DELIMITERS = (",", ";", "\t", "|")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_csv(data: bytes, *, file: str) -> RowStream:
    """Rows of a CSV file, the header first. A row's number is its record number, as a spreadsheet counts."""
    text = _decode(data, file=file)
    first = 1
    delimiter = _delimiter(text)
    if declared := re.match(r"sep=(.)\r?\n", text):
        # Excel's own first line: it names the delimiter and is not shown as a row.
        delimiter, text = declared.group(1), text[declared.end() :]
    # newline="" keeps newlines inside quotes; strict refuses what other readers would guess about.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = first
    try:
        for number, record in enumerate(reader, first):
            yield RawRow(number, tuple(clean(cell) for cell in record))
            first = number + 1
    except csv.Error as exc:
        remedy = "check the quotes: a quote inside a quoted cell is written twice"
        raise fatal("table-quotes", f"cannot be read from here on: {exc}", file=file, row=first, remedy=remedy) from exc


def _decode(data: bytes, *, file: str) -> str:
    if data.startswith(_UTF16):
        raise fatal("table-encoding", "is UTF-16, not UTF-8", file=file, row=1, remedy=UTF8_REMEDY)
    if (position := data.find(b"\x00")) >= 0:
        row = data.count(b"\n", 0, position) + 1
        message = f"byte {position} is NUL; this is UTF-16 without its mark, a damaged file, or not a text file"
        raise fatal("table-encoding", message, file=file, row=row, remedy=UTF8_REMEDY)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        # exc.start counts from behind a BOM.
        position = exc.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        row = data.count(b"\n", 0, position) + 1
        shown = data[max(0, position - 12) : position + 12].decode("cp1252", errors="replace").replace("\n", "⏎")
        message = f"byte {position} (0x{data[position]:02X}) is not UTF-8; read as Windows-1252 it says {shown!r}"
        raise fatal("table-encoding", message, file=file, row=row, remedy=UTF8_REMEDY) from exc


def _delimiter(text: str) -> str:
    """The delimiter that occurs most in the header, outside quotes; a single column has none and reads with a comma."""
    header = re.sub(r'"[^"]*"', "", text.lstrip().split("\n", 1)[0])
    return max(DELIMITERS, key=lambda mark: (header.count(mark), -DELIMITERS.index(mark)))
