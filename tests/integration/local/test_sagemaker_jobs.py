"""Jobs from CreateProcessingJob to their end, through boto3, with real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

pytestmark = pytest.mark.network


def test_a_job_completes_and_says_so_in_every_place(lab: Any) -> None:
    request = lab.request()
    arn = lab.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    name = request["ProcessingJobName"]
    assert lab.describe(name)["ProcessingJobStatus"] == "InProgress"
    end = lab.wait(name)
    assert end["ProcessingJobStatus"] == "Completed", end
    assert end["ExitMessage"] == "algo-1: 7 files; "
    assert end["CreationTime"] <= end["ProcessingStartTime"] <= end["ProcessingEndTime"]
    assert end["Environment"] == request["Environment"]
    assert end["ProcessingResources"] == request["ProcessingResources"]
    assert len(lab.keys(f"{name}/output/")) == len(lab.keys(f"{name}/progress/")) == 7
    assert lab.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "run", "Value": "r1"}]
    lab.sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName=name)


def test_arguments_and_environment_are_those_of_a_container(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a person's own")
    name = lab.create("environment")
    assert lab.wait(name)["ProcessingJobStatus"] == "Completed"
    body = lab.s3.get_object(Bucket=lab.bucket, Key=f"{name}/output/environment.json")["Body"].read()
    environment = json.loads(body)
    assert environment["MODE"] == "environment"
    assert not [key for key in environment if "SECRET" in key or "ACCESS_KEY" in key or "ENDPOINT" in key]
    assert environment["HOME"].startswith(str(lab.home(name)))
    log = (lab.home(name) / "algo-1.log").read_text()
    assert f"arguments --root {lab.home(name)}/algo-1/opt/ml/processing/input" in log


def test_a_manifest_brings_exactly_the_files_it_names(lab: Any) -> None:
    manifest = [{"prefix": f"s3://{lab.bucket}/in/"}, "shard-1.json", "shard-4.json"]
    lab.s3.put_object(Bucket=lab.bucket, Key="m.json", Body=json.dumps(manifest).encode())
    name = lab.create(s3_input={"S3Uri": f"s3://{lab.bucket}/m.json", "S3DataType": "ManifestFile"})
    assert lab.wait(name)["ExitMessage"] == "algo-1: 2 files; "
    assert lab.keys(f"{name}/output/") == ["shard-1.out", "shard-4.out"]


def test_three_instances_share_the_keys(lab: Any) -> None:
    name = lab.create(count=3, distribution="ShardedByS3Key")
    assert lab.wait(name)["ExitMessage"] == "algo-1: 3 files; algo-2: 2 files; algo-3: 2 files; "
    assert len(lab.keys(f"{name}/output/")) == 7
    resources = json.loads((lab.home(name) / "algo-2/opt/ml/config/resourceconfig.json").read_text())
    assert (resources["current_host"], resources["hosts"]) == ("algo-2", ["algo-1", "algo-2", "algo-3"])


def test_continuous_goes_up_while_the_job_runs_and_end_of_job_does_not(lab: Any, wait_until: Any) -> None:
    name = lab.create("hang")
    wait_until(lambda: len(lab.keys(f"{name}/progress/")) == 7)
    assert lab.describe(name)["ProcessingJobStatus"] == "InProgress"
    assert lab.keys(f"{name}/output/") == []


def test_stop_lets_the_container_finish_its_sentence(lab: Any) -> None:
    name = lab.create("hang")
    lab.wait_for_log(name, "waiting")
    lab.sagemaker.stop_processing_job(ProcessingJobName=name)
    end = lab.wait(name)
    assert (end["ProcessingJobStatus"], end["ExitMessage"]) == ("Stopped", "algo-1: stopped; ")
    assert len(lab.keys(f"{name}/progress/")) == 7
    assert lab.keys(f"{name}/output/") == []


def test_a_stubborn_container_is_killed_after_the_grace_period(lab: Any) -> None:
    name = lab.create("stubborn")
    lab.wait_for_log(name, "waiting")
    began = time.monotonic()
    lab.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert lab.describe(name)["ProcessingJobStatus"] == "Stopping"
    assert lab.wait(name)["ProcessingJobStatus"] == "Stopped"
    assert time.monotonic() - began > 0.9, "it was given its grace period"


def test_max_runtime_ends_the_job(lab: Any) -> None:
    end = lab.wait(lab.create("hang", limit=1))
    assert end["ProcessingJobStatus"] == "Failed"
    assert "MaxRuntimeInSeconds=1" in end["FailureReason"]


def test_one_failed_container_ends_its_siblings(lab: Any) -> None:
    name = lab.create("fail", count=2)
    end = lab.wait(name)
    assert end["ProcessingJobStatus"] == "Failed"
    assert end["FailureReason"].startswith("AlgorithmError")
    assert end["FailureReason"].endswith("algo-1 exited with code 3")
    assert lab.keys(f"{name}/output/") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"s3_input": {"S3Uri": "s3://{bucket}/nothing/"}},
            'No S3 objects found under S3 URL "s3://{bucket}/nothing/"',
        ),
        ({"s3_input": {"S3Uri": "s3://no-such-bucket-here/x/"}}, "Data download failed"),
        ({"s3_input": {"S3Uri": "s3://{bucket}/in/shard-1.json", "S3DataType": "ManifestFile"}}, "is not a manifest"),
        ({"image": "unknown:1"}, "Cannot find the requested image unknown:1"),
        ({"mode": "latin1"}, "not valid UTF-8"),
    ],
)
def test_what_cannot_work_fails_with_its_reason(lab: Any, changes: dict[str, Any], reason: str) -> None:
    if uri := changes.get("s3_input", {}).get("S3Uri"):
        changes = {"s3_input": changes["s3_input"] | {"S3Uri": uri.format(bucket=lab.bucket)}}
    end = lab.wait(lab.create(**changes))
    assert end["ProcessingJobStatus"] == "Failed"
    assert reason.format(bucket=lab.bucket) in end["FailureReason"]


def test_symlinks_are_not_uploaded(lab: Any) -> None:
    name = lab.create("link")
    lab.wait(name)
    assert "link" not in lab.keys(f"{name}/output/")
    assert len(lab.keys(f"{name}/output/")) == 7


@pytest.mark.parametrize("lenient", [False, True])
def test_after_a_sigkill_strict_mode_uploads_nothing_more(make_config: Any, make_lab: Any, lenient: bool) -> None:
    # A sweep so long that it never comes: whatever is in S3 at the end was sent after the kill.
    lab = make_lab(make_config(sweep=3600, upload_on_failure=lenient))
    name = lab.create("hang")
    lab.wait_for_log(name, "waiting")
    os.kill(int((lab.home(name) / "algo-1.pid").read_text()), signal.SIGKILL)
    end = lab.wait(name)
    assert end["ProcessingJobStatus"] == "Failed"
    assert end["FailureReason"].endswith("algo-1 exited with code 137")
    expected = 7 if lenient else 0
    assert len(lab.keys(f"{name}/progress/")) == len(lab.keys(f"{name}/output/")) == expected


def test_what_a_sweep_sent_before_the_kill_stays(lab: Any, wait_until: Any) -> None:
    name = lab.create("ok", sleep=0.4)
    wait_until(lambda: len(lab.keys(f"{name}/progress/")) >= 2)
    os.kill(int((lab.home(name) / "algo-1.pid").read_text()), signal.SIGKILL)
    lab.wait(name)
    sent = lab.keys(f"{name}/progress/")
    made = list((lab.home(name) / "algo-1/opt/ml/processing/progress").iterdir())
    assert 2 <= len(sent) <= len(made) < 7
    time.sleep(0.5)
    assert lab.keys(f"{name}/progress/") == sent
