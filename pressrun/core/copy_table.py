"""The copy table: every text of a campaign in every locale, with who may use it yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, FindingsError
from pressrun.core.locales import check_locale
from pressrun.core.table import Table, TableRow, read_table
from pressrun.core.table_cells import table_finding

CopyStatus = Literal["draft", "in_review", "approved", "retired"]
COLUMNS = ("key", "locale", "text", "status")


@dataclass(frozen=True, slots=True)
class CopyText:
    """One text. `row` is where it stands in the copy table."""

    key: str
    locale: str
    text: str
    status: CopyStatus
    row: int


@dataclass(frozen=True, slots=True)
class CopyTable:
    """Texts by (key, locale). A key is a name ("headline") or a product's own ("AUR-01.headline")."""

    file: str
    texts: dict[tuple[str, str], CopyText]
    sha256: str
    warnings: tuple[Finding, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, in order of appearance."""
        return tuple(dict.fromkeys(key for key, _ in self.texts))

    def names(self, *, product: str) -> tuple[str, ...]:
        """The names that a product's templates may ask for: shared keys, and its own without the product in front."""
        mine = f"{product}."
        own = [key.removeprefix(mine) for key in self.keys if key.startswith(mine)]
        return tuple(dict.fromkeys([*own, *(key for key in self.keys if "." not in key)]))

    def text(self, key: str, locale: str, *, product: str) -> CopyText | None:
        """The product's own text if it has one in this locale, else the shared one, else None."""
        return self.texts.get((f"{product}.{key}", locale)) or self.texts.get((key, locale))


def read_copy_table(data: bytes, *, file: str) -> CopyTable:
    """Read key, locale, text, status from any table format. FindingsError carries everything that is wrong at once."""
    copy, findings = scan_copy_table(data, file=file)
    if any(finding.severity == "error" for finding in findings):
        raise FindingsError.of(findings, subject=file)
    return copy


def scan_copy_table(data: bytes, *, file: str) -> tuple[CopyTable, tuple[Finding, ...]]:
    """The texts that can be used and everything that is wrong. Of a text written twice the first is used.

    FindingsError only where the file cannot be read as a table at all.
    """
    table = read_table(data, file=file)
    findings = list(table.missing_columns(COLUMNS, code="copy-column"))
    texts: dict[tuple[str, str], CopyText] = {}
    if not findings:
        for row in table.rows:
            findings += _read_row(table, row, texts)
    told = tuple(sorted([*table.findings, *findings], key=lambda found: found.place.row or 0))
    warnings = tuple(finding for finding in told if finding.severity == "warning")
    return CopyTable(file=file, texts=texts, sha256=table.sha256, warnings=warnings), told


def _read_row(table: Table, row: TableRow, texts: dict[tuple[str, str], CopyText]) -> Iterator[Finding]:
    """Add the row's text to `texts`, or say what is wrong with it."""

    def finding(code: str, message: str, column: str, remedy: str = "") -> Finding:
        return table_finding(code, message, file=table.file, row=row.number, column=column, remedy=remedy)

    key, tag, text, status = (row.values[column] for column in COLUMNS)
    wrong = False
    if not key:
        wrong = True
        yield finding("copy-key", "the key is empty", "key", "name the text, for example headline")
    if not text:
        wrong = True
        yield finding("copy-text", f"the text of {key!r} in {tag!r} is empty", "text", "write it or remove the row")
    if status not in get_args(CopyStatus):
        wrong = True
        allowed = ", ".join(get_args(CopyStatus))
        yield finding("copy-status", f"unknown status {status!r}", "status", f"use one of {allowed}")
    try:
        locale = check_locale(tag)
    except InputError as exc:
        yield finding("copy-locale", exc.message, "locale", exc.remedy or "")
        return
    if wrong:
        return
    earlier = texts.get((key, locale))
    if earlier:
        yield finding("copy-duplicate", f"{key!r} in {locale} is already in row {earlier.row}", "key", "remove one row")
        return
    texts[key, locale] = CopyText(key=key, locale=locale, text=text, status=cast("CopyStatus", status), row=row.number)
