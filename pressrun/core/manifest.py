"""The manifest: one row for each product, in the format the team has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pressrun.core.campaign import ManifestSpec
from pressrun.core.findings import Finding, FindingsError
from pressrun.core.table import ROW_LIMIT, Table, TableRow, read_table
from pressrun.core.table_cells import table_finding

# A key becomes a part of object keys, file names and metadata.
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One product. `number` is the row as a spreadsheet counts (header = 1); `values` has every column as text."""

    number: int
    key: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All rows of a drop. `warnings` are worth a look but stop nothing."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[ManifestRow, ...]
    sha256: str
    warnings: tuple[Finding, ...] = ()


def read_manifest(data: bytes, *, file: str, spec: ManifestSpec, limit_rows: int = ROW_LIMIT) -> Manifest:
    """Read a .csv, .tsv, .xlsx, .jsonl or .parquet manifest. FindingsError carries everything that is wrong at once."""
    manifest, findings = scan_manifest(data, file=file, spec=spec, limit_rows=limit_rows)
    if any(finding.severity == "error" for finding in findings):
        raise FindingsError.of(findings, subject=file)
    return manifest


def scan_manifest(
    data: bytes, *, file: str, spec: ManifestSpec, limit_rows: int = ROW_LIMIT
) -> tuple[Manifest, tuple[Finding, ...]]:
    """The rows that can be used and everything that is wrong, so that a check may go on and tell the rest as well.

    Of rows with one key the first is used. FindingsError only where the file cannot be read as a table at all.
    """
    table = read_table(data, file=file, limit_rows=limit_rows)
    required = tuple(dict.fromkeys((spec.key, *spec.required)))
    findings = [*table.findings, *table.missing_columns(required, code="manifest-column")]
    if not table.rows and not findings:
        remedy = "write one row for each product"
        findings.append(table_finding("manifest-empty", "has a header but no rows", file=file, row=2, remedy=remedy))
    findings += _empty_cells(table, required)
    if spec.key in table.columns:
        findings += _key_findings(table, spec.key)
    told = tuple(sorted(findings, key=lambda found: found.place.row or 0))
    manifest = Manifest(
        file=file,
        columns=table.columns,
        rows=tuple(_usable_rows(table, spec.key)),
        sha256=table.sha256,
        warnings=tuple(finding for finding in told if finding.severity == "warning"),
    )
    return manifest, told


def _usable_rows(table: Table, column: str) -> Iterator[ManifestRow]:
    seen: set[str] = set()
    for row in table.rows:
        key = row.values.get(column, "")
        if KEY.fullmatch(key) and key.casefold() not in seen:
            seen.add(key.casefold())
            yield ManifestRow(number=row.number, key=key, values=row.values)


def _empty_cells(table: Table, required: tuple[str, ...]) -> Iterator[Finding]:
    for row in table.rows:
        for column in required:
            if column in table.columns and not row.values[column]:
                message = f"{column!r} is empty"
                yield table_finding(
                    "manifest-cell", message, file=table.file, row=row.number, column=column, remedy="fill the cell"
                )


def _key_findings(table: Table, column: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for row in table.rows:
        key = row.values[column]
        if not key:
            continue
        if not KEY.fullmatch(key):
            message = f"{column} {key!r} cannot be part of a file name"
            remedy = "use at most 64 of A-Z, a-z, 0-9, dot, - and _, beginning with a letter or digit"
            yield table_finding("manifest-key", message, file=table.file, row=row.number, column=column, remedy=remedy)
        # S3 tells upper from lower case, but a designer's disk may not.
        earlier = first.setdefault(key.casefold(), row.number)
        if earlier != row.number:
            message = f"{column} {key!r} is already in row {earlier}"
            yield table_finding(
                "manifest-duplicate", message, file=table.file, row=row.number, column=column, remedy="remove one row"
            )
        if column in row.numeric:
            yield _number_key(table, row, column)


def _number_key(table: Table, row: TableRow, column: str) -> Finding:
    finding = table_finding(
        "manifest-number-key",
        f"{column} {row.values[column]} is stored as a number; zeros in front (00123) would be lost",
        file=table.file,
        row=row.number,
        column=column,
        remedy="format the column as text and type the keys again",
    )
    return finding.model_copy(update={"severity": "warning"})
