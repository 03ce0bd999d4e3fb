"""Requests against botocore's model: what the service would refuse, in its words."""

from __future__ import annotations

from typing import Any

import pytest

from pressrun.local.sagemaker.errors import ApiError
from pressrun.local.sagemaker.validation import validate, validate_processing_job


def request(**changes: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": "spring-1",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "pressrun:1"},
        "RoleArn": "arn:aws:iam::123456789012:role/press",
        **changes,
    }


def refused(**changes: Any) -> ApiError:
    def create() -> None:
        validate("sagemaker", "CreateProcessingJob", request(**changes))
        validate_processing_job(request(**changes))

    with pytest.raises(ApiError) as caught:
        create()
    return caught.value


def s3_input(name: str = "a", **changes: Any) -> dict[str, Any]:
    spec = {"S3Uri": "s3://b/p", "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": spec | changes}


def test_a_good_request_passes() -> None:
    good = request(ProcessingInputs=[s3_input("a"), s3_input("b")])
    validate("sagemaker", "CreateProcessingJob", good)
    validate_processing_job(good)


def test_all_violations_come_at_once() -> None:
    error = refused(ProcessingJobName="a_b", StoppingCondition={"MaxRuntimeInSeconds": 0}, RoleArn=None)
    assert error.code == "ValidationException"
    assert error.message.startswith("3 validation errors detected: ")
    for path in ("'processingJobName'", "'stoppingCondition.maxRuntimeInSeconds'", "Value null at 'roleArn'"):
        assert path in error.message


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ProcessingInputs": [s3_input("a"), s3_input("a")]}, "Duplicate InputName a"),
        ({"ProcessingInputs": [s3_input("a"), s3_input("b", LocalPath="/opt/ml/processing/a/")]}, "is used twice"),
        ({"ProcessingInputs": [s3_input(LocalPath="/opt/ml/processing/../x")]}, "must be an absolute path under"),
        ({"ProcessingInputs": [s3_input(LocalPath="/tmp")]}, "LocalPath '/tmp' must be"),
        ({"ProcessingInputs": [s3_input(S3Uri="https://b/p")]}, "must start with s3://"),
        ({"ProcessingInputs": [s3_input(S3InputMode="Pipe")]}, "Pipe mode is not emulated"),
        ({"ProcessingInputs": [{"InputName": "a"}]}, "only S3Input is emulated"),
        ({"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}}}, "exactly one of InstanceType"),
        ({"Tags": [{"Key": "k" * 129, "Value": "v"}]}, "at 'tags.1.member.key' failed to satisfy constraint"),
        ({"ProcessingInputs": [s3_input(str(n)) for n in range(11)]}, "'processingInputs' failed to satisfy"),
    ],
)
def test_one_violation(changes: dict[str, Any], text: str) -> None:
    assert text in refused(**changes).message


@pytest.mark.parametrize("value", [7, True, ["x"], {"a": 1}])
def test_a_value_of_the_wrong_type_is_not_even_validated(value: object) -> None:
    assert refused(ProcessingJobName=value).code == "SerializationException"


def test_logs_have_their_own_error_code() -> None:
    with pytest.raises(ApiError) as caught:
        validate("logs", "GetLogEvents", {"logGroupName": "g", "logStreamName": "s", "limit": 10_001})
    assert caught.value.code == "InvalidParameterException"
