"""Refusals, listings, quotas, logs and restarts of the endpoint, as boto3 sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pressrun.core.errors import SetupError
from pressrun.local import processes
from pressrun.local.sagemaker import SageMakerEndpoint

pytestmark = pytest.mark.network


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"name": "a_b"},
            "1 validation error detected: Value 'a_b' at 'processingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        ({"name": "a" * 64}, "at 'processingJobName' failed to satisfy constraint: Member must have length less than"),
        ({"instance_type": "ml.p4d.24xlarge"}, "Member must satisfy enum value set: ["),
        ({"Environment": {"A": "x" * 257}}, "at 'environment.A.member' failed to satisfy constraint: Member must have"),
        ({"Environment": {"1A": "x"}}, "at 'environment.key' failed to satisfy constraint"),
        (
            {"limit": 999_999},
            "at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint",
        ),
        ({"RoleArn": "arn:aws:iam::1:role/xxxxxxxxxx"}, "at 'roleArn' failed to satisfy constraint"),
        ({"count": 101}, "clusterConfig.instanceCount' failed to satisfy constraint: Member must have value less"),
        ({"s3_input": {"LocalPath": "/data"}}, "LocalPath '/data' must be an absolute path under /opt/ml/processing/"),
        ({"s3_input": {"LocalPath": "/opt/ml/processing/output"}}, "is used twice"),
        ({"s3_input": {"S3InputMode": "Pipe"}}, "Pipe mode is not emulated"),
    ],
)
def test_a_bad_request_is_refused_in_the_service_s_words(lab: Any, changes: dict[str, Any], text: str) -> None:
    code, message = refusal(lab.sagemaker.create_processing_job, **lab.request(**changes))
    assert code == "ValidationException"
    assert text in message
    assert lab.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []


def test_a_used_name_is_refused_until_its_job_is_deleted(lab: Any) -> None:
    request = lab.request()
    lab.sagemaker.create_processing_job(**request)
    code, message = refusal(lab.sagemaker.create_processing_job, **request)
    assert code == "ResourceInUse"
    assert "already exists (arn:aws:sagemaker:us-east-1:123456789012:processing-job/" in message
    name = request["ProcessingJobName"]
    lab.wait(name)
    lab.sagemaker.delete_processing_job(ProcessingJobName=name)
    assert refusal(lab.describe, name=name)[0] == "ValidationException"
    lab.sagemaker.create_processing_job(**request)
    assert lab.wait(name)["ProcessingJobStatus"] == "Completed"


def test_unknown_jobs_and_operations(lab: Any) -> None:
    code, message = refusal(lab.sagemaker.describe_processing_job, ProcessingJobName="nobody")
    assert (code, message) == ("ValidationException", "Could not find requested job with name: nobody")
    assert refusal(lab.sagemaker.list_models)[0] == "UnknownOperationException"
    assert refusal(lab.sagemaker.list_tags, ResourceArn="arn:aws:sagemaker:us-east-1:1:x/y")[0] == "ValidationException"


def test_quotas_by_type_and_in_total(lab: Any) -> None:
    first = lab.create("hang", count=2, instance_type="ml.g5.xlarge")
    code, message = refusal(
        lab.sagemaker.create_processing_job, **lab.request("hang", count=2, instance_type="ml.g5.xlarge")
    )
    assert code == "ResourceLimitExceeded"
    assert "'ml.g5.xlarge for processing job usage' is 3 Instances, with current utilization of 2 Instances" in message
    assert refusal(lab.sagemaker.delete_processing_job, ProcessingJobName=first)[0] == "ResourceInUse"
    lab.create("hang", count=3)
    assert "across all processing jobs' is 6" in refusal(lab.sagemaker.create_processing_job, **lab.request(count=2))[1]
    lab.sagemaker.stop_processing_job(ProcessingJobName=first)
    lab.wait(first)
    again = lab.create(count=2, instance_type="ml.g5.xlarge")
    assert lab.wait(again)["ProcessingJobStatus"] == "Completed"


def test_stopping_an_ended_job_is_refused(lab: Any) -> None:
    name = lab.create()
    lab.wait(name)
    code, message = refusal(lab.sagemaker.stop_processing_job, ProcessingJobName=name)
    assert code == "ValidationException"
    assert "status Completed" in message


def test_listing_pages_filters_and_sorts(lab: Any) -> None:
    names = [
        lab.create(image=image, name=f"list-{number}") for number, image in enumerate(["container:1"] * 4 + ["no"])
    ]
    for name in names:
        lab.wait(name)
    pages = list(lab.sagemaker.get_paginator("list_processing_jobs").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["ProcessingJobSummaries"]) for page in pages] == [2, 2, 1]
    assert [job["ProcessingJobName"] for page in pages for job in page["ProcessingJobSummaries"]] == names
    listed = lab.sagemaker.list_processing_jobs

    def shown(**request: Any) -> list[str]:
        return [job["ProcessingJobName"] for job in listed(**request)["ProcessingJobSummaries"]]

    assert shown(SortBy="Name", SortOrder="Descending", MaxResults=2) == ["list-4", "list-3"]
    assert shown(StatusEquals="Failed") == ["list-4"]
    assert shown(NameContains="-2") == ["list-2"]
    assert shown(CreationTimeBefore=lab.describe("list-1")["CreationTime"]) == ["list-0"]
    assert refusal(listed, NextToken="bm90LW91cnM=")[0] == "ValidationException"


def test_tags_are_changed_and_kept(lab: Any, make_config: Any) -> None:
    name = lab.create()
    arn = lab.wait(name)["ProcessingJobArn"]
    lab.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "brand"}])
    lab.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["run"])
    saved = json.loads((lab.home(name) / "job.json").read_text())["tags"]
    assert lab.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "brand"}]
    assert saved == {"team": "brand"}


def test_the_last_lines_of_a_job_come_from_the_logs_api(lab: Any) -> None:
    group = "/aws/sagemaker/ProcessingJobs"
    missing = refusal(lab.logs.describe_log_streams, logGroupName=group)
    assert missing == ("ResourceNotFoundException", "The specified log group does not exist.")
    name = lab.create(count=2)
    began = int(lab.wait(name)["ProcessingStartTime"].timestamp())
    streams = lab.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [f"{name}/algo-1-{began}", f"{name}/algo-2-{began}"]
    stream = {"logGroupName": group, "logStreamName": streams[0]["logStreamName"]}
    last = lab.logs.get_log_events(**stream, limit=1)
    assert [event["message"] for event in last["events"]] == ["hosts algo-1 algo-2"]
    assert began * 1000 <= last["events"][0]["timestamp"] < (began + 60) * 1000
    before = lab.logs.get_log_events(**stream, nextToken=last["nextBackwardToken"])
    assert [event["message"][:9] for event in before["events"]] == ["arguments"]
    end = lab.logs.get_log_events(**stream, nextToken=last["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], last["nextForwardToken"])
    head = lab.logs.get_log_events(**stream, startFromHead=True, limit=1)
    assert head["events"][0]["message"].startswith("arguments")
    assert refusal(lab.logs.get_log_events, logGroupName=group, logStreamName="x")[0] == "ResourceNotFoundException"


def test_records_survive_an_orderly_restart(lab: Any, make_config: Any, make_lab: Any) -> None:
    name, running = lab.create(), lab.create("hang")
    before = lab.wait(name)
    lab.wait_for_log(running, "waiting")
    lab.endpoint.close()
    again = make_lab(make_config())
    after = again.describe(name)
    assert {key: after[key] for key in after if key != "ResponseMetadata"} == {
        key: before[key] for key in before if key != "ResponseMetadata"
    }
    ended = again.describe(running)
    assert (ended["ProcessingJobStatus"], ended["ExitMessage"]) == ("Failed", "algo-1: stopped; ")
    assert ended["FailureReason"].startswith("InternalServerError")


@pytest.mark.faults
def test_a_job_in_flight_when_the_endpoint_is_killed_is_ended_and_failed(
    lab: Any, make_config: Any, make_lab: Any, tmp_path: Any, wait_until: Any, client_of: Any
) -> None:
    config = make_config(root=tmp_path / "killed")
    images = {"container:1": {"entrypoint": [*next(iter(config.images.images.values())).entrypoint]}}
    (tmp_path / "images.json").write_text(json.dumps(images))
    command = [sys.executable, "-m", "pressrun.local.sagemaker", "--root", config.root, "--s3", config.s3_endpoint]
    endpoint = subprocess.Popen(
        [*command, "--port", "0", "--images", tmp_path / "images.json", "--sweep", "0.1"], stdout=subprocess.PIPE
    )
    assert endpoint.stdout is not None
    try:
        url = endpoint.stdout.readline().decode().strip().removeprefix("export AWS_ENDPOINT_URL_SAGEMAKER=")
        lab.sagemaker = client_of(url)
        name = lab.create("stubborn")
        wait_until(lambda: len(lab.keys(f"{name}/progress/")) == 7)
    finally:
        endpoint.kill()
        endpoint.wait()
        endpoint.stdout.close()
    pid = int((config.root / "jobs" / name / "algo-1.pid").read_text())
    assert processes.stamp(pid) is not None
    again = make_lab(config)
    assert processes.stamp(pid) is None
    end = again.describe(name)
    assert end["ProcessingJobStatus"] == "Failed"
    assert end["FailureReason"].startswith("InternalServerError")
    assert lab.keys(f"{name}/output/") == []


def test_only_loopback_names_small_bodies_and_json(lab: Any) -> None:
    def post(body: bytes, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(lab.endpoint.url, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["__type"]

    target = {"X-Amz-Target": "SageMaker.ListProcessingJobs"}
    assert post(b"{}", **target) == (200, "")
    assert post(b"{}", **target, Host="evil.example:80") == (403, "AccessDeniedException")
    assert post(b"[]", **target) == (400, "SerializationException")
    assert post(b"{", **target) == (400, "SerializationException")
    assert post(b'{"MaxResults": "3"}', **target) == (400, "SerializationException")
    assert post(b"{}") == (400, "UnknownOperationException")
    assert post(b" " * (2 * 1024 * 1024 + 1), **target) == (413, "RequestEntityTooLargeException")


def test_a_taken_port_is_one_sentence(lab: Any, make_config: Any) -> None:
    port = int(lab.endpoint.url.rpartition(":")[2])
    with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        SageMakerEndpoint(make_config(port=port))


def test_the_pid_of_a_running_container_is_on_record(lab: Any) -> None:
    name = lab.create("hang")
    lab.wait_for_log(name, "waiting")
    known = json.loads((lab.home(name) / "job.json").read_text())["pids"]["algo-1"]
    assert processes.is_same(known["pid"], known["stamp"])
    assert os.getpgid(known["pid"]) == known["pid"]
