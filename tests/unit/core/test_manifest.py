"""Manifests in every format, and every way they are wrong, each with its file, row and column."""

from __future__ import annotations

import datetime
import io
import json
import unicodedata
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pressrun.core.campaign import ManifestSpec
from pressrun.core.findings import Finding, FindingsError
from pressrun.core.manifest import Manifest, read_manifest, scan_manifest

SPEC = ManifestSpec(required=("name",))


def read(data: bytes | str, file: str = "manifest.csv", spec: ManifestSpec = SPEC, **more: Any) -> Manifest:
    return read_manifest(data.encode() if isinstance(data, str) else data, file=file, spec=spec, **more)


def findings(data: bytes | str, file: str = "manifest.csv", **more: Any) -> list[Finding]:
    with pytest.raises(FindingsError) as caught:
        read(data, file, **more)
    assert all(found.place.file == file for found in caught.value)
    return list(caught.value)


def workbook(*rows: tuple[Any, ...], **sheets: list[tuple[Any, ...]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    for title, content in sheets.items():
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_rows_are_numbered_as_a_spreadsheet_counts() -> None:
    manifest = read('sku,name,note\nA-1,Cup,"two\nlines"\n\nA-2, Bowl ,\n')
    assert manifest.columns == ("sku", "name", "note")
    assert [(row.number, row.key) for row in manifest.rows] == [(2, "A-1"), (4, "A-2")]
    assert manifest.rows[0].values["note"] == "two\nlines"
    assert manifest.rows[1].values == {"sku": "A-2", "name": "Bowl", "note": ""}
    assert len(manifest.sha256) == 64


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_spreadsheets_export(mark: str, bom: bytes, newline: str) -> None:
    text = newline.join([f"sku{mark}name", f'A-1{mark}"Tea{mark} green"', f"A-2{mark}Käse", ""])
    manifest = read(bom + text.encode())
    assert [row.values["name"] for row in manifest.rows] == [f"Tea{mark} green", "Käse"]


def test_excels_separator_line_is_not_a_row() -> None:
    manifest = read("sep=;\r\nsku;name\r\nA-1;Cup\r\n")
    assert [(row.number, row.key) for row in manifest.rows] == [(2, "A-1")]


def test_text_is_nfc() -> None:
    manifest = read("sku,name\nA-1," + unicodedata.normalize("NFD", "Käse ガラス"))
    assert manifest.rows[0].values["name"] == "Käse ガラス"


def test_a_single_column_and_a_delimiter_inside_quotes() -> None:
    assert read("sku\nA-1\n", spec=ManifestSpec()).columns == ("sku",)
    assert read('"sku","name; long"\nA-1,x\n', spec=ManifestSpec()).columns == ("sku", "name; long")


def test_xlsx_cells_become_text() -> None:
    data = workbook(
        ("sku", "name", "price", "on", "from", "note"),
        ("A-1", "Cup", 12.0, True, datetime.datetime(2026, 3, 1), None),
        (None, None),
        ("A-2", "Bowl", 12.5, False, datetime.date(2026, 3, 2)),
    )
    manifest = read(data, "manifest.xlsx")
    assert [(row.number, row.key) for row in manifest.rows] == [(2, "A-1"), (4, "A-2")]
    assert manifest.rows[0].values["price"] == "12"
    assert manifest.rows[1].values == {
        "sku": "A-2", "name": "Bowl", "price": "12.5", "on": "false", "from": "2026-03-02", "note": ""
    }  # fmt: skip
    assert manifest.rows[0].values["from"] == "2026-03-01"


def test_a_number_as_key_is_a_warning() -> None:
    manifest = read(workbook(("sku", "name"), (123, "Cup"), ("00124", "Bowl")), "manifest.xlsx")
    assert [row.key for row in manifest.rows] == ["123", "00124"]
    (warning,) = manifest.warnings
    assert (warning.code, warning.severity, warning.place.row) == ("manifest-number-key", "warning", 2)


def test_a_formula_needs_a_saved_result() -> None:
    (found,) = findings(workbook(("sku", "name", "total"), ("A-1", "Cup", "=1+1")), "manifest.xlsx")
    assert (found.code, found.place.row, found.place.column) == ("table-formula", 2, "total")
    assert "=1+1" in found.message


def test_a_spreadsheet_error_is_named() -> None:
    (found,) = findings(workbook(("sku", "name"), ("A-1", "#REF!")), "manifest.xlsx")
    assert (found.code, found.place.row, found.place.column) == ("table-formula", 2, "name")


def test_the_first_sheet_is_read() -> None:
    data = workbook(("sku", "name"), ("A-1", "Cup"), Notes=[("anything",)])
    assert len(read(data, "manifest.xlsx").rows) == 1


def test_jsonl_rows_are_lines() -> None:
    lines = [{"sku": "A-1", "name": "Cup", "locales": ["de-DE", "ja-JP"]}, {"sku": "A-2", "name": "Bowl", "price": 2}]
    manifest = read("\n\n".join(json.dumps(line) for line in lines), "manifest.jsonl")
    assert manifest.columns == ("sku", "name", "locales", "price")
    assert [(row.number, row.values["locales"]) for row in manifest.rows] == [(1, "de-DE|ja-JP"), (3, "")]


def test_jsonl_errors_name_the_line() -> None:
    found = findings(b'{"sku": "A-1", "name": "x"}\n{"sku": }\n[1]\n{"sku": "\xe4"}\n', "manifest.jsonl")
    assert [(f.code, f.place.row) for f in found] == [("table-json", 2), ("table-json", 3), ("table-encoding", 4)]


def test_jsonl_nested_values_are_no_cells() -> None:
    (found,) = findings('{"sku": "A-1", "name": {"de": "Tasse"}}\n', "manifest.jsonl", spec=ManifestSpec())
    assert (found.code, found.place.row, found.place.column) == ("table-cell", 1, "name")


def test_parquet() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"sku": ["A-1", "A-2"], "name": ["Cup", "Bowl"], "price": [1.0, None]}), out)
    manifest = read(out.getvalue(), "drop.parquet")
    assert [(row.number, row.key, row.values["price"]) for row in manifest.rows] == [(2, "A-1", "1"), (3, "A-2", "")]
    assert findings(out.getvalue(), "drop.parquet", limit_rows=1)[0].code == "table-rows"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(data: bytes) -> None:
    assert [found.code for found in findings(data)] == ["table-empty"]


def test_an_empty_manifest() -> None:
    (found,) = findings("sku,name\n\n")
    assert (found.code, found.place.row) == ("manifest-empty", 2)


def test_a_missing_column_lists_what_is_there_and_the_nearest() -> None:
    (found,) = findings("sku,Names,price\nA-1,x,2\n")
    assert found.code == "manifest-column"
    assert found.message == "no column 'name'; found: sku, Names, price"
    assert found.remedy == "rename 'Names' to 'name'?"


def test_everything_wrong_is_told_at_once_in_row_order() -> None:
    found = findings("sku,name\nA-1,Cup\nA-1,Bowl\n,Pot\nA 2,Jar\na-1,\nA-3,Lid,extra\n")
    assert [(f.place.row, f.code, f.place.column) for f in found] == [
        (3, "manifest-duplicate", "sku"),
        (4, "manifest-cell", "sku"),
        (5, "manifest-key", "sku"),
        (6, "manifest-cell", "name"),
        (6, "manifest-duplicate", "sku"),
        (7, "table-ragged", None),
    ]
    assert found[0].message == "sku 'A-1' is already in row 2"
    assert all(f.remedy for f in found)


def test_a_scan_keeps_what_can_be_used() -> None:
    data = b"sku,name\nA-1,Cup\nA-1,Bowl\nA 2,Jar\nA-3,\n"
    manifest, found = scan_manifest(data, file="m.csv", spec=SPEC)
    assert [(row.number, row.key) for row in manifest.rows] == [(2, "A-1"), (5, "A-3")]
    assert [f.code for f in found] == ["manifest-duplicate", "manifest-key", "manifest-cell"]


def test_a_scan_without_a_key_column_has_no_rows() -> None:
    manifest, found = scan_manifest(b"id,name\nA-1,Cup\n", file="m.csv", spec=SPEC)
    assert manifest.rows == ()
    assert [f.code for f in found] == ["manifest-column"]


def test_a_short_row_is_ragged_and_a_trailing_empty_cell_is_not() -> None:
    assert [f.code for f in findings("sku,name,price\nA-1,Cup\n")] == ["table-ragged"]
    assert len(read("sku,name\nA-1,Cup,,\n").rows) == 1


@pytest.mark.parametrize("key", ["../etc", "a/b", "-x", "ä1", "x" * 65, "a b"])
def test_keys_that_cannot_name_a_file(key: str) -> None:
    assert [found.code for found in findings(f"sku,name\n{key},x\n")] == ["manifest-key"]


def test_columns_named_twice() -> None:
    (found,) = findings("sku,name,sku\nA-1,x,A-2\n")
    assert (found.code, found.place.row) == ("table-columns", 1)
    assert "'sku' in A and C" in found.message


def test_text_below_a_column_without_a_name() -> None:
    (found,) = findings("sku,,name\nA-1,stray,Cup\n")
    assert (found.code, found.place.row, found.place.column) == ("table-columns", 2, "B")


@pytest.mark.parametrize(
    ("data", "row", "said"),
    [
        ("sku,name\nA-1,Cup\nA-2,Käse\n".encode("latin-1"), 3, "byte 22 (0xE4) is not UTF-8"),
        ("sku,name\nA-1,Cup\n".encode("utf-16"), 1, "UTF-16"),
        (b"sku,name\nA-1,C\x00p\n", 2, "byte 14 is NUL"),
    ],
)
def test_other_encodings_are_refused_with_their_place(data: bytes, row: int, said: str) -> None:
    (found,) = findings(data)
    assert (found.code, found.place.row) == ("table-encoding", row)
    assert said in found.message
    assert "UTF-8" in found.remedy


def test_the_refusal_shows_what_the_text_would_say() -> None:
    (found,) = findings("sku;name\nA-1;Käse\n".encode("cp1252"))
    assert "Käse" in found.message


def test_an_open_quote_names_the_row_where_it_opens() -> None:
    (found,) = findings('sku,name\nA-1,Cup\nA-2,"Bowl\nA-3,Jar\n')
    assert (found.code, found.place.row) == ("table-quotes", 3)


@pytest.mark.parametrize("file", ["manifest.xls", "manifest.ods", "manifest"])
def test_an_unknown_format_lists_the_known(file: str) -> None:
    (found,) = findings("sku,name\nA-1,x\n", file)
    assert found.code == "table-format"
    assert ".csv, .tsv, .xlsx, .jsonl, .parquet" in found.remedy


@pytest.mark.parametrize("file", ["m.xlsx", "m.parquet"])
def test_a_file_that_is_not_what_its_name_says(file: str) -> None:
    assert [found.code for found in findings("sku,name\nA-1,x\n", file)] == ["table-format"]


def test_a_million_row_typo_is_refused_early() -> None:
    data = b"sku,name\n" + b"A-1,filled down\n" * 1_000_000
    (found,) = findings(data)
    assert (found.code, found.message) == ("table-rows", "has more than 100,000 rows")
    assert findings('{"sku": "A-1", "name": "x"}\n' * 3, "m.jsonl", limit_rows=2)[0].code == "table-rows"


def test_a_workbook_that_unpacks_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pressrun.core.table_xlsx.UNPACKED_LIMIT", 1000)
    assert findings(workbook(("sku", "name"), ("A-1", "x")), "m.xlsx")[0].code == "table-rows"
