"""A real S3 server, a real endpoint and boto3 clients, all on loopback."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from embedded_s3 import free_port, s3_url

from pressrun.local.sagemaker import EndpointConfig, Image, ImageRegistry, SageMakerEndpoint

CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "pressrun-local",
    "aws_secret_access_key": "pressrun-local",
}
_numbers = itertools.count(1)
__all__ = ["s3_url"]


@pytest.fixture(scope="session")
def s3(s3_url: str) -> Any:
    return boto3.client("s3", endpoint_url=s3_url, config=Config(s3={"addressing_style": "path"}), **CREDENTIALS)


def client_of(url: str, service: str = "sagemaker") -> Any:
    return boto3.client(service, endpoint_url=url, config=Config(retries={"max_attempts": 1}), **CREDENTIALS)


@pytest.fixture
def make_config(s3_url: str, tmp_path: Path) -> Callable[..., EndpointConfig]:
    images = ImageRegistry({"container:1": Image((sys.executable, str(Path(__file__).with_name("container.py"))))})

    def make(**changes: Any) -> EndpointConfig:
        settings = {"root": tmp_path / "sagemaker", "grace": 1.0, "sweep": 0.15, "images": images} | changes
        return EndpointConfig(s3_endpoint=s3_url, **settings)

    return make


@dataclass
class Lab:
    """An endpoint with its clients and a bucket that holds seven input files below in/."""

    endpoint: SageMakerEndpoint
    s3: Any
    bucket: str
    sagemaker: Any = field(init=False)
    logs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sagemaker = client_of(self.endpoint.url)
        self.logs = client_of(self.endpoint.url, "logs")

    def request(self, mode: str = "ok", count: int = 1, **changes: Any) -> dict[str, Any]:
        name = changes.pop("name", f"job-{next(_numbers)}")
        environment = {"MODE": mode, "SLEEP": str(changes.pop("sleep", 0))}
        s3_input = {
            "S3Uri": f"s3://{self.bucket}/in/",
            "LocalPath": "/opt/ml/processing/input/main",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": changes.pop("distribution", "FullyReplicated"),
        } | changes.pop("s3_input", {})
        outputs = [
            {
                "OutputName": folder,
                "S3Output": {
                    "S3Uri": f"s3://{self.bucket}/{name}/{folder}/",
                    "LocalPath": f"/opt/ml/processing/{folder}",
                    "S3UploadMode": upload,
                },
            }
            for folder, upload in (("output", "EndOfJob"), ("progress", "Continuous"))
        ]
        return {
            "ProcessingJobName": name,
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": count,
                    "InstanceType": changes.pop("instance_type", "ml.m5.xlarge"),
                    "VolumeSizeInGB": 30,
                }
            },
            "AppSpecification": {
                "ImageUri": changes.pop("image", "container:1"),
                "ContainerArguments": ["--root", "/opt/ml/processing/input"],
            },
            "Environment": environment,
            "RoleArn": "arn:aws:iam::123456789012:role/service-role/press",
            "StoppingCondition": {"MaxRuntimeInSeconds": changes.pop("limit", 60)},
            "Tags": [{"Key": "run", "Value": "r1"}],
            "ProcessingInputs": [{"InputName": "main", "S3Input": s3_input}],
            "ProcessingOutputConfig": {"Outputs": outputs},
            **changes,
        }

    def create(self, *args: Any, **kwargs: Any) -> str:
        request = self.request(*args, **kwargs)
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return answer

    def wait(self, name: str, timeout: float = 180) -> dict[str, Any]:
        return wait_until(
            lambda: (d := self.describe(name))["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") and d,
            timeout,
        )

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"].removeprefix(prefix) for item in listed]

    def home(self, name: str) -> Path:
        return self.endpoint.config.root / "jobs" / name

    def wait_for_log(self, name: str, text: str, host: str = "algo-1") -> None:
        path = self.home(name) / f"{host}.log"
        wait_until(lambda: path.exists() and text in path.read_text(), 20)


def wait_until(look: Callable[[], Any], timeout: float = 180) -> Any:
    until = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)
    return found


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{time.time_ns()}"
    s3.create_bucket(Bucket=name)
    for number in range(7):
        s3.put_object(Bucket=name, Key=f"in/shard-{number}.json", Body=b"%d" % number)
    return name


@pytest.fixture
def lab(make_config: Callable[..., EndpointConfig], s3: Any, bucket: str) -> Iterator[Lab]:
    with_endpoint = SageMakerEndpoint(make_config(quotas={"ml.g5.xlarge": 3, "total": 6})).start()
    yield Lab(with_endpoint, s3, bucket)
    with_endpoint.close()


@pytest.fixture
def make_lab(s3: Any, bucket: str) -> Iterator[Callable[[EndpointConfig], Lab]]:
    """Further endpoints of a test, closed after it."""
    made: list[SageMakerEndpoint] = []

    def make(config: EndpointConfig) -> Lab:
        made.append(SageMakerEndpoint(config).start())
        return Lab(made[-1], s3, bucket)

    yield make
    for endpoint in made:
        endpoint.close()


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(name="client_of")
def client_of_fixture() -> Callable[..., Any]:
    return client_of


@pytest.fixture(name="free_port")
def free_port_fixture() -> int:
    return free_port()
