"""JSON Lines and Parquet: rows that name their columns themselves."""

from __future__ import annotations

import io
from typing import Any

import orjson

from pressrun.core.findings import Finding
from pressrun.core.table_cells import UTF8_REMEDY, RawRow, RowStream, clean, fatal, table_finding, typed_row


def read_jsonl(data: bytes, *, file: str, limit_rows: int) -> RowStream:
    """One JSON object a line; a row's number is its line. Columns are those of all lines, in order of appearance."""
    records: list[tuple[int, dict[str, Any]]] = []
    findings: list[Finding] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as exc:
            findings.append(_not_json(line, exc, file=file, row=number))
            continue
        if not isinstance(record, dict):
            message = f"the line is a JSON {type(record).__name__}, not an object"
            findings.append(table_finding("table-json", message, file=file, row=number, remedy="one object a line"))
            continue
        record = {clean(name): value for name, value in record.items()}
        columns.update(dict.fromkeys(record))
        records.append((number, record))
        if len(records) > limit_rows:
            break
    yield from findings
    yield RawRow(0, tuple(columns))
    names = tuple(columns)
    for number, record in records:
        yield from typed_row(number, [record.get(name) for name in names], columns=names, file=file)


def read_parquet(data: bytes, *, file: str, limit_rows: int) -> RowStream:
    """Rows of a Parquet file, numbered as if its column names were row 1."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and most campaigns are CSV
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        source = pq.ParquetFile(io.BytesIO(data))
        if source.metadata.num_rows > limit_rows:
            raise too_many(limit_rows, file=file)
        table = source.read()
    except (pa.ArrowInvalid, OSError) as exc:
        raise fatal("table-format", f"is not a Parquet file: {exc}", file=file) from exc
    names = tuple(clean(str(name)) for name in table.column_names)
    yield RawRow(1, names)
    columns = [column.to_pylist() for column in table.columns]
    for number, values in enumerate(zip(*columns, strict=True), 2):
        yield from typed_row(number, values, columns=names, file=file)


def too_many(limit_rows: int, *, file: str) -> Exception:
    """The refusal of a table that must be a mistake: a million rows are a filled-down column, not a campaign."""
    message = f"has more than {limit_rows:,} rows"
    remedy = "is a column filled down to the end of the sheet? Otherwise cut the campaign, or raise the limit"
    return fatal("table-rows", message, file=file, remedy=remedy)


def _not_json(line: bytes, exc: orjson.JSONDecodeError, *, file: str, row: int) -> Finding:
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        message = f"byte {wrong.start} of the line (0x{line[wrong.start]:02X}) is not UTF-8"
        return table_finding("table-encoding", message, file=file, row=row, remedy=UTF8_REMEDY)
    return table_finding("table-json", f"the line is not JSON: {exc.msg}", file=file, row=row, remedy="fix its syntax")
