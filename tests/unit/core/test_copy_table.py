"""Copy tables: the product's own text first, and every wrong row named."""

from __future__ import annotations

import io

import openpyxl
import pytest

from pressrun.core.copy_table import CopyTable, read_copy_table, scan_copy_table
from pressrun.core.findings import Finding, FindingsError

GOOD = """key,locale,text,status
headline,de-DE,Frühling,approved
headline,ja-JP,春,draft
AUR-01.headline,de-DE,Morgenlicht,approved
AUR-01.claim,de-de,Rein,in_review
"""


def read(text: str) -> CopyTable:
    return read_copy_table(text.encode(), file="translations.csv")


def findings(text: str) -> list[Finding]:
    with pytest.raises(FindingsError) as caught:
        read(text)
    return list(caught.value)


def test_the_products_own_text_comes_first() -> None:
    table = read(GOOD)
    own = table.text("headline", "de-DE", product="AUR-01")
    assert own is not None
    assert (own.key, own.text, own.status, own.row) == ("AUR-01.headline", "Morgenlicht", "approved", 4)
    shared = table.text("headline", "de-DE", product="AUR-02")
    assert shared is not None
    assert shared.text == "Frühling"
    assert table.text("headline", "hi-IN", product="AUR-01") is None
    assert table.text("claim", "de-DE", product="AUR-02") is None


def test_names_that_a_product_may_ask_for() -> None:
    table = read(GOOD)
    assert table.keys == ("headline", "AUR-01.headline", "AUR-01.claim")
    assert table.names(product="AUR-01") == ("headline", "claim")
    assert table.names(product="AUR-02") == ("headline",)


def test_locales_are_canonical() -> None:
    claim = read(GOOD).text("claim", "de-DE", product="AUR-01")
    assert claim is not None
    assert claim.locale == "de-DE"


def test_every_wrong_row_is_named() -> None:
    found = findings(
        "key,locale,text,status\n"
        "headline,de-DE,Hallo,approved\n"
        "headline,de-de,Servus,approved\n"
        "headline,xx-XX,Hm,approved\n"
        "headline,de_AT,Grüß,approved\n"
        "headline,ja-JP,,approved\n"
        "headline,hi-IN,नमस्ते,final\n"
        ",fr-FR,Bonjour,approved\n"
    )
    assert [(f.place.row, f.code, f.place.column) for f in found] == [
        (3, "copy-duplicate", "key"),
        (4, "copy-locale", "locale"),
        (5, "copy-locale", "locale"),
        (6, "copy-text", "text"),
        (7, "copy-status", "status"),
        (8, "copy-key", "key"),
    ]
    assert "row 2" in found[0].message
    assert "de-AT" in found[2].remedy


def test_missing_columns_are_named_with_the_nearest() -> None:
    found = findings("key,local,text\nheadline,de-DE,Hallo\n")
    assert [f.code for f in found] == ["copy-column", "copy-column"]
    assert found[0].remedy == "rename 'local' to 'locale'?"


def test_a_workbook_reads_the_same() -> None:
    book = openpyxl.Workbook()
    for line in GOOD.strip().splitlines():
        book.active.append(line.split(","))  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    table = read_copy_table(out.getvalue(), file="translations.xlsx")
    assert table.texts == read(GOOD).texts


def test_a_scan_keeps_what_can_be_used() -> None:
    text = "key,locale,text,status\nheadline,de-DE,Hallo,approved\nheadline,xx-XX,Hm,approved\n"
    table, found = scan_copy_table(text.encode(), file="translations.csv")
    assert [copy.text for copy in table.texts.values()] == ["Hallo"]
    assert [f.code for f in found] == ["copy-locale"]
