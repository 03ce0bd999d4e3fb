"""`pressrun prices`: shown, refreshed from AWS or a file, and written only when somebody said so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pressrun.cli import app, prices, run_command
from pressrun.core.errors import NotFoundError
from pressrun.settings import settings

FILE = 'region: us-east-1\ninstances:\n  ml.g5.xlarge: {usd_per_hour: 1.0, source: "old", date: 2025-01-01}\n'


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path))
    settings.cache_clear()
    path = tmp_path / "include" / "policy" / "prices.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    yield path
    settings.cache_clear()


def product(region: str, usd: str) -> dict[str, Any]:
    about = {"regionCode": region, "component": "Processing", "usagetype": "X-Processing:ml.g5.xlarge"}
    price = {"unit": "Hrs", "beginRange": "0", "pricePerUnit": {"USD": usd}}
    terms = {"OnDemand": {"t": {"priceDimensions": {"d": price}}}}
    return {"product": {"sku": "S", "attributes": about}, "terms": terms, "publicationDate": "2026-11-18T00:00:00Z"}


def pressrun(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=answer, catch_exceptions=False)


def test_a_refresh_shows_what_changes_and_writes_after_a_yes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "open_pricing", lambda: None)
    monkeypatch.setattr(prices, "list_products", lambda client, region: [product(region, "1.408")])
    refused = pressrun("prices", "refresh", answer="n\n")
    assert (refused.exit_code, file.read_text()) == (1, FILE)
    assert "ml.g5.xlarge: $1 → $1.408" in refused.stdout
    agreed = pressrun("prices", "refresh", "--region", "eu-central-1", answer="y\n")
    assert agreed.exit_code == 0
    said = pressrun("prices", "show").stdout
    assert "region eu-central-1" in said
    assert "ml.g5.xlarge: $1.408 an hour (AWS Price List API, eu-central-1, SKU S, published 2026-11-18" in said


def test_an_offer_file_needs_no_aws(file: Path, tmp_path: Path) -> None:
    one = product("us-east-1", "1.5")
    offer = tmp_path / "index.json"
    offer.write_text(
        json.dumps({"products": {"S": one["product"]}, "terms": {"OnDemand": {"S": one["terms"]["OnDemand"]}}})
    )
    assert pressrun("prices", "refresh", "--from-file", str(offer), "--yes").exit_code == 0
    assert "usd_per_hour: 1.5" in file.read_text()


def test_a_region_that_offers_nothing_changes_nothing(file: Path, tmp_path: Path) -> None:
    offer = tmp_path / "index.json"
    offer.write_text(json.dumps({"PriceList": [json.dumps(product("us-east-1", "1.5"))]}))
    with pytest.raises(NotFoundError, match="no price of mars-1 was found"):
        pressrun("prices", "refresh", "--from-file", str(offer), "--region", "mars-1", "--yes")
    assert file.read_text() == FILE


def test_without_boto3_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setattr("sys.argv", ["pressrun", "prices", "refresh", "--yes"])
    with pytest.raises(SystemExit) as ended:
        run_command(app)
    assert ended.value.code == 2
    assert "pip install 'pressrun[aws]'" in capsys.readouterr().err
