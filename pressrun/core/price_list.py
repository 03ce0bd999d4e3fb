"""The AWS Price List: what SageMaker Processing and S3 Standard cost, from GetProducts or a bulk offer file.

Products are told by their attributes as AWS publishes them: `component: Processing`, `usagetype: USE1-Processing:ml.…`,
`instanceType: ml.….xlarge-Processing`; prices are the on-demand terms' dimensions by `Hrs` and, for storage, `GB-Mo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pressrun.core.errors import InputError

_USAGE = re.compile(r"(?:^|-)Processing[:-](ml\.[\w.-]+)$")


@dataclass(frozen=True, slots=True)
class Offered:
    """A price as AWS lists it, and the sentence that says so."""

    usd: float
    source: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What one region offers. `storage` is S3 Standard, first tier."""

    instances: dict[str, Offered] = field(default_factory=dict)
    storage: Offered | None = None


def read_products(products: Iterable[Mapping[str, Any]], *, region: str, via: str) -> Offers:
    """Prices of `region` among products as GetProducts lists them. `via` says where they were read.

    Where AWS lists an instance type twice the dearer price is taken: a ceiling must not be too low.
    """
    instances: dict[str, Offered] = {}
    storage: Offered | None = None
    for entry in products:
        product = entry.get("product") or {}
        about = product.get("attributes") or {}
        if about.get("regionCode") != region:
            continue
        source = f"{via}, {region}, SKU {product.get('sku', '?')}"
        published = str(entry.get("publicationDate", ""))[:10]
        source += f", published {published}" if published else ""
        kind = _processing(about)
        if kind is not None:
            usd = _price(entry, unit="Hrs")
            if usd is not None and (kind not in instances or usd > instances[kind].usd):
                instances[kind] = Offered(usd, source)
        elif about.get("volumeType") == "Standard" and str(about.get("usagetype", "")).endswith("TimedStorage-ByteHrs"):
            usd = _price(entry, unit="GB-Mo")
            storage = storage if usd is None else Offered(usd, source)
    return Offers(instances, storage)


def products_of(data: bytes, *, file: str) -> list[dict[str, Any]]:
    """The products of a bulk offer file (index.json of a service), or of saved GetProducts answers. InputError."""
    try:
        raw = json.loads(data)
    except ValueError as exc:
        raise InputError(f"not JSON: {exc}", where=file, remedy="give index.json of the service's offer") from exc
    if isinstance(raw, dict) and isinstance(raw.get("products"), dict):
        return list(_bulk(raw))
    if isinstance(raw, dict) and isinstance(raw.get("PriceList"), list):
        return [json.loads(one) if isinstance(one, str) else one for one in raw["PriceList"]]
    raise InputError(
        "neither an offer file nor an answer of GetProducts",
        where=file,
        remedy="take https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonSageMaker/current/REGION/index.json",
    )


def _bulk(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A bulk file keeps products and terms apart, both by SKU."""
    terms = (raw.get("terms") or {}).get("OnDemand") or {}
    for sku, product in raw["products"].items():
        yield {
            "product": {"sku": sku, **product},
            "terms": {"OnDemand": terms.get(sku) or {}},
            "publicationDate": raw.get("publicationDate", ""),
        }


def _processing(about: Mapping[str, Any]) -> str | None:
    """The instance type of a Processing product; None for any other product."""
    usage = _USAGE.search(str(about.get("usagetype", "")))
    if usage is not None:
        return usage[1]
    if about.get("component") != "Processing":
        return None
    name = str(about.get("instanceName") or about.get("instanceType") or "").removesuffix("-Processing")
    return name if name.startswith("ml.") else None


def _price(entry: Mapping[str, Any], *, unit: str) -> float | None:
    """USD of the first tier on demand; None where there is no price above zero in that unit."""
    found: list[float] = []
    for term in ((entry.get("terms") or {}).get("OnDemand") or {}).values():
        for dimension in (term.get("priceDimensions") or {}).values():
            if dimension.get("unit") == unit and str(dimension.get("beginRange", "0")) in ("0", ""):
                try:
                    found.append(float((dimension.get("pricePerUnit") or {})["USD"]))
                except (KeyError, TypeError, ValueError):
                    continue
    return max((usd for usd in found if usd > 0), default=None)
