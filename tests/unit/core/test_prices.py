"""prices.yaml against what AWS lists: products told apart, changes shown, lines rewritten and everything else kept."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import yaml

from pressrun.core.errors import InputError
from pressrun.core.price_list import Offered, Offers, products_of, read_products
from pressrun.core.prices import changes_of, parse_prices, rewritten

TODAY = date(2026, 11, 20)
FILE = """# Ours: check them.
region: us-east-1
instances:
  # the small one
  ml.m5.xlarge: {usd_per_hour: 0.2, source: "from memory", date: 2025-01-01}  # CPU
  ml.g5.xlarge:
    usd_per_hour: 1.4
    source: a table
    date: 2025-01-01

  ml.gone.xlarge: {usd_per_hour: 9.9, source: "from memory", date: 2025-01-01}
# last words
"""


def product(
    kind: str, usd: str, *, component: str = "Processing", region: str = "us-east-1", **about: str
) -> dict[str, Any]:
    """A product as GetProducts lists it."""
    prefix = {"Hosting": "Host", "Training": "Train"}.get(component, "Processing")
    sku = f"SKU{kind.upper()}{component}"
    return {
        "product": {
            "productFamily": "ML Instance",
            "sku": sku,
            "attributes": {
                "regionCode": region, "servicecode": "AmazonSageMaker", "component": component, "instanceName": kind,
                "instanceType": f"{kind}-{component}", "usagetype": f"USE1-{prefix}:{kind}", "location": "US East (N. Virginia)",
            } | about,
        },
        "serviceCode": "AmazonSageMaker",
        "terms": {
            "OnDemand": {
                f"{sku}.JRTCKXETXF": {
                    "priceDimensions": {
                        f"{sku}.JRTCKXETXF.6YS6EN2CT7": {
                            "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd},
                            "description": f"${usd} for {kind}",
                        }
                    },
                    "effectiveDate": "2026-11-01T00:00:00Z",
                }
            }
        },
        "publicationDate": "2026-11-18T12:00:00Z",
    }  # fmt: skip


def storage(usd: str = "0.0230000000", *, first: str = "0") -> dict[str, Any]:
    one = product("ml.none", usd, usagetype="TimedStorage-ByteHrs", volumeType="Standard", component="")
    for term in one["terms"]["OnDemand"].values():
        for dimension in term["priceDimensions"].values():
            dimension |= {"unit": "GB-Mo", "beginRange": first}
    return one


def test_only_processing_instances_of_the_region_are_read() -> None:
    found = read_products(
        [
            product("ml.g5.xlarge", "1.4080000000"), product("ml.g5.xlarge", "1.6", component="Hosting"),
            product("ml.g5.xlarge", "1.9", component="Training"), product("ml.p5.48xlarge", "0.0000000000"),
            product("ml.m5.xlarge", "0.27", region="eu-central-1", usagetype="EUC1-Processing:ml.m5.xlarge"), storage(),
        ],
        region="us-east-1", via="test",
    )  # fmt: skip
    assert {kind: offered.usd for kind, offered in found.instances.items()} == {"ml.g5.xlarge": 1.408}
    assert (
        found.instances["ml.g5.xlarge"].source == "test, us-east-1, SKU SKUML.G5.XLARGEProcessing, published 2026-11-18"
    )
    assert found.storage is not None
    assert found.storage.usd == 0.023


def test_of_two_prices_the_dearer_counts_and_names_are_found_without_usage_types() -> None:
    twice = [product("ml.g5.xlarge", "1.2"), product("ml.g5.xlarge", "1.5"), product("ml.g5.xlarge", "1.3")]
    assert read_products(twice, region="us-east-1", via="t").instances["ml.g5.xlarge"].usd == 1.5
    bare = product("ml.g6.xlarge", "1.1", usagetype="USE1-Something", instanceName="")
    assert read_products([bare], region="us-east-1", via="t").instances["ml.g6.xlarge"].usd == 1.1
    assert read_products([storage(first="51200")], region="us-east-1", via="t").storage is None


def test_a_bulk_offer_file_says_the_same_as_the_api() -> None:
    one = product("ml.g5.xlarge", "1.408")
    sku = one["product"]["sku"]
    bulk = {
        "formatVersion": "v1.0", "offerCode": "AmazonSageMaker", "publicationDate": one["publicationDate"],
        "products": {sku: one["product"]}, "terms": {"OnDemand": {sku: one["terms"]["OnDemand"]}, "Reserved": {}},
    }  # fmt: skip
    read = [
        read_products(products_of(json.dumps(data).encode(), file="index.json"), region="us-east-1", via="file")
        for data in (bulk, {"PriceList": [json.dumps(one)]})
    ]
    assert read[0] == read[1]
    assert read[0].instances["ml.g5.xlarge"].usd == 1.408


@pytest.mark.parametrize(("data", "told"), [(b"<html>", "not JSON"), (b"[]", "neither an offer file")])
def test_a_file_that_is_no_offer_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        products_of(data, file="x.json")


def test_lines_are_rewritten_and_everything_else_stays() -> None:
    offers = Offers(
        {
            "ml.m5.xlarge": Offered(0.23, "AWS"),
            "ml.g5.xlarge": Offered(1.408, "AWS"),
            "ml.g6.xlarge": Offered(1.1, "AWS"),
        },
        Offered(0.023, "AWS"),
    )
    changes = changes_of(parse_prices(FILE.encode()), offers, add=("ml.g6.xlarge", "ml.m5.xlarge"))
    assert [change.sentence() for change in changes] == [
        "ml.m5.xlarge: $0.2 → $0.23",
        "ml.g5.xlarge: $1.4 → $1.408",
        "ml.gone.xlarge: $9.9, not offered there: left as it is",
        "ml.g6.xlarge: not listed → $1.1",
        "storage: not listed → $0.023",
    ]
    text = rewritten(FILE, changes, region="us-east-1", today=TODAY)
    made = parse_prices(text.encode())
    assert {kind: entry.usd_per_hour for kind, entry in made.instances.items()} == {
        "ml.m5.xlarge": 0.23, "ml.g5.xlarge": 1.408, "ml.gone.xlarge": 9.9, "ml.g6.xlarge": 1.1,
    }  # fmt: skip
    assert made.storage is not None
    assert (made.storage.usd_per_gb_month, made.storage.date) == (0.023, "2026-11-20")
    assert made.instances["ml.gone.xlarge"].date == "2025-01-01"
    assert [line for line in text.splitlines() if "#" in line] == [
        "# Ours: check them.",
        "  # the small one",
        '  ml.m5.xlarge: {usd_per_hour: 0.23, source: "AWS", date: 2026-11-20}  # CPU',
        "# last words",
    ]
    assert list(yaml.safe_load(text)["instances"]) == ["ml.m5.xlarge", "ml.g5.xlarge", "ml.gone.xlarge", "ml.g6.xlarge"]
    again = changes_of(made, offers)
    assert rewritten(text, again, region="us-east-1", today=TODAY) == text
    assert again[0].sentence() == "ml.m5.xlarge: $0.23, confirmed"


def test_another_region_is_written_down_and_an_empty_file_begins() -> None:
    offers = Offers({"ml.g6.xlarge": Offered(1.1, "AWS")})
    text = rewritten(
        "", changes_of(parse_prices(b""), offers, add=["ml.g6.xlarge"]), region="eu-central-1", today=TODAY
    )
    made = parse_prices(text.encode())
    assert (made.region, made.instances["ml.g6.xlarge"].usd_per_hour) == ("eu-central-1", 1.1)
    moved = rewritten(FILE, changes_of(parse_prices(FILE.encode()), offers), region="eu-west-1", today=TODAY)
    assert parse_prices(moved.encode()).region == "eu-west-1"


@pytest.mark.parametrize(
    ("text", "told"),
    [("instances: [", "not YAML"), ("instances: {ml.a: {usd: 1}}", "/instances/ml.a"), ("other: 1", "/other")],
)
def test_a_wrong_file_is_told_by_entry(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_prices(text.encode())
