"""Asks the AWS Price List API; its endpoints are in a few regions only, whichever region the prices are of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pressrun.core.errors import StorageError

ENDPOINT_REGION = "us-east-1"
_ASKED = {
    "AmazonSageMaker": {"component": "Processing"},
    "AmazonS3": {"productFamily": "Storage", "volumeType": "Standard"},
}


def open_pricing() -> Any:
    """A boto3 client of the Price List API, from boto3's own chain."""
    import boto3  # noqa: PLC0415 - only who asks AWS needs it

    return boto3.session.Session().client("pricing", region_name=ENDPOINT_REGION)


def list_products(client: Any, *, region: str) -> Iterator[dict[str, Any]]:
    """Every product of Processing and of S3 Standard in a region. StorageError where AWS refuses to answer."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the base install has no boto3

    for service, attributes in _ASKED.items():
        filters = [
            {"Type": "TERM_MATCH", "Field": name, "Value": value}
            for name, value in {"regionCode": region, **attributes}.items()
        ]
        try:
            for page in client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters):
                yield from (json.loads(product) for product in page["PriceList"])
        except (BotoCoreError, ClientError) as exc:
            raise StorageError(
                f"the Price List could not be asked: {exc}",
                where=f"pricing.{ENDPOINT_REGION}, {service}",
                remedy="allow pricing:GetProducts, or give a downloaded offer file with --from-file",
            ) from exc
