"""The Price List API as boto3 asks it: filters, pages, and a refusal in plain words."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pressrun.core.errors import StorageError
from pressrun.storage.price_list import list_products


@pytest.fixture
def client() -> Any:
    return boto3.client("pricing", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def asked(service: str, region: str, token: str = "", **attributes: str) -> dict[str, Any]:
    filters = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value}
        for name, value in {"regionCode": region, **attributes}.items()
    ]
    return {"ServiceCode": service, "Filters": filters} | ({"NextToken": token} if token else {})


def test_every_page_of_both_services_is_read(client: Any) -> None:
    processing, storage = {"component": "Processing"}, {"productFamily": "Storage", "volumeType": "Standard"}
    with Stubber(client) as stub:
        stub.add_response(
            "get_products", {"PriceList": [json.dumps({"n": 1})], "NextToken": "more"},
            asked("AmazonSageMaker", "eu-central-1", **processing),
        )  # fmt: skip
        stub.add_response(
            "get_products", {"PriceList": [json.dumps({"n": 2}), json.dumps({"n": 3})]},
            asked("AmazonSageMaker", "eu-central-1", "more", **processing),
        )  # fmt: skip
        stub.add_response(
            "get_products", {"PriceList": [json.dumps({"n": 4})]}, asked("AmazonS3", "eu-central-1", **storage)
        )
        assert [one["n"] for one in list_products(client, region="eu-central-1")] == [1, 2, 3, 4]
        stub.assert_no_pending_responses()


def test_a_refusal_says_what_to_allow(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("get_products", "AccessDeniedException", "not authorized to perform: pricing:GetProducts")
        with pytest.raises(StorageError) as refused:
            list(list_products(client, region="eu-central-1"))
    assert "pricing:GetProducts, or give a downloaded offer file with --from-file" in str(refused.value.remedy)
