"""Image registry, container command, quotas, paging and log streams, without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pressrun.core.errors import SetupError
from pressrun.local.sagemaker.__main__ import parse
from pressrun.local.sagemaker.book import JobBook
from pressrun.local.sagemaker.config import EndpointConfig, ImageRegistry
from pressrun.local.sagemaker.errors import ApiError, JobFailedError
from pressrun.local.sagemaker.logs import LOG_GROUP, LogsService
from pressrun.local.sagemaker.paging import page
from pressrun.local.sagemaker.process import command, rebase
from pressrun.local.sagemaker.record import JobRecord
from pressrun.local.sagemaker.service import ProcessingService


def record(home: Path, **changes: Any) -> JobRecord:
    cluster = {"InstanceCount": 2, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 1} | changes.pop("cluster", {})
    request = {
        "ProcessingJobName": home.name,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "pressrun:1", "ContainerArguments": ["--in", "/opt/ml/processing/in"]},
        "RoleArn": "arn:aws:iam::123456789012:role/press",
        "Environment": {"MODELS": "/opt/ml/processing/models:/opt/mlx", "PATH_LIKE": "s3://b/opt/ml"},
    }
    return JobRecord(home, f"arn:aws:sagemaker:us-east-1:1:processing-job/{home.name}", request | changes)


@pytest.mark.parametrize(
    "uri",
    [
        "pressrun:1",
        "pressrun-runner:local",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pressrun/pressrun-gpu@sha256:ab",
    ],
)
def test_any_image_named_pressrun_runs_the_runner(uri: str) -> None:
    assert ImageRegistry.default().find(uri).entrypoint == (sys.executable, "-m", "pressrun.runner")


def test_other_images_come_from_a_file_and_unknown_ones_fail_the_job(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    path.write_text(json.dumps({"comfy*": {"entrypoint": ["python", "x.py"], "env": {"A": 1}, "cwd": str(tmp_path)}}))
    registry = ImageRegistry.load(path)
    image = registry.find("repo/comfy:2")
    assert (image.entrypoint, image.env, image.cwd) == (("python", "x.py"), {"A": "1"}, tmp_path)
    assert registry.find("pressrun:1").entrypoint[-1] == "pressrun.runner"
    with pytest.raises(JobFailedError, match="Cannot find the requested image nobody:1"):
        registry.find("nobody:1")


def test_a_files_own_pattern_comes_before_the_default_of_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    path.write_text(json.dumps({"pressrun*": {"entrypoint": ["mine"]}}))
    assert ImageRegistry.load(path).find("pressrun-runner:local").entrypoint == ("mine",)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {}}', '{"a": 1}'])
def test_a_broken_registry_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "images.json"
    path.write_text(text)
    with pytest.raises(SetupError, match=str(path)):
        ImageRegistry.load(path)


def test_container_paths_become_paths_of_this_machine() -> None:
    base = Path("/x")
    assert rebase("/opt/ml/a", base) == "/x/a"
    assert rebase("--dir=/opt/ml", base) == "--dir=/x"
    assert rebase("/opt/ml/a:/opt/ml/b", base) == "/x/a:/x/b"
    assert rebase("/opt/mlx s3://b/opt/ml/a", base) == "/opt/mlx s3://b/opt/ml/a"


def test_a_container_sees_no_credentials_and_its_own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a person's own")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "airflow's own")
    base = tmp_path / "j/algo-1/opt/ml"
    argv, env, cwd = command(record(tmp_path / "j"), EndpointConfig(tmp_path, "http://127.0.0.1:1"), base)
    assert argv == [sys.executable, "-m", "pressrun.runner", "--in", f"{base}/processing/in"]
    assert (env["SAGEMAKER_BASE_DIR"], env["HOME"], cwd) == (str(base), str(base.parent), base)
    assert env["MODELS"] == f"{base}/processing/models:/opt/mlx"
    assert not [name for name in env if "SECRET" in name or "ENDPOINT" in name]


@pytest.mark.parametrize(("limit", "fits"), [({}, True), ({"ml.g5.xlarge": 4}, True), ({"ml.g5.xlarge": 3}, False),
                                             ({"total": 3}, False), ({"ml.m5.xlarge": 0}, True)])  # fmt: skip
def test_quotas_count_instances_that_run(tmp_path: Path, limit: dict[str, int], fits: bool) -> None:
    book = JobBook(tmp_path)
    book.add(record(book.directory / "running"))
    done = record(book.directory / "done")
    done.state["ProcessingJobStatus"] = "Completed"
    book.add(done)
    service = ProcessingService(EndpointConfig(tmp_path, "http://127.0.0.1:1", quotas=limit), book)
    if fits:
        service._check_quota(record(book.directory / "new"))
    else:
        with pytest.raises(ApiError, match="current utilization of 2 Instances and a request delta of 2") as caught:
            service._check_quota(record(book.directory / "new"))
        assert caught.value.code == "ResourceLimitExceeded"


def test_the_first_instance_preference_is_selected(tmp_path: Path) -> None:
    made = record(tmp_path / "j")
    preferences = [{"InstanceType": "ml.g6.xlarge", "InstanceCount": 3}, {"InstanceType": "ml.g5.xlarge"}]
    made.request["ProcessingResources"]["ClusterConfig"] = {"InstancePreferences": preferences, "VolumeSizeInGB": 1}
    assert (made.instance_type, made.hosts) == ("ml.g6.xlarge", ["algo-1", "algo-2", "algo-3"])
    shown = made.describe()["ProcessingResources"]["ClusterConfig"]
    assert (shown["SelectedInstanceType"], shown["SelectedInstanceCount"]) == ("ml.g6.xlarge", 3)


def test_a_record_comes_back_as_it_was_and_a_torn_one_is_left_alone(tmp_path: Path) -> None:
    book = JobBook(tmp_path)
    made = record(book.directory / "j")
    made.update(ProcessingJobStatus="Completed", ExitMessage="all")
    (book.directory / "torn").mkdir()
    (book.directory / "torn/job.json").write_text('{"arn": ')
    again = JobBook(tmp_path)
    assert [item.describe() for item in again.all()] == [made.describe()]
    assert (tmp_path.stat().st_mode & 0o777) == 0o700


def test_pages() -> None:
    items = list(range(5))
    first, token = page(items, None, 2)
    second, token = page(items, token, 2)
    third, end = page(items, token, 2)
    assert (first, second, third, end) == ([0, 1], [2, 3], [4], None)
    for broken in ("!", "Zm9v", "ZnJvbTp4"):
        with pytest.raises(ValueError):
            page(items, broken, 2)


def test_log_lines_carry_the_time_at_which_they_were_seen(tmp_path: Path) -> None:
    book = JobBook(tmp_path)
    made = record(book.directory / "j", cluster={"InstanceCount": 1})
    book.add(made)
    made.update(ProcessingStartTime=1000.5)
    made.log("algo-1").write_bytes(b"one\ntwo\n\xffthree")
    made.log("algo-1").with_suffix(".times").write_text("4 1001000\n8 1002000\n14 1003000\n")
    logs = LogsService(book, "us-east-1", "1")
    request = {"logGroupName": LOG_GROUP, "logStreamName": "j/algo-1-1000"}
    events = logs.call("GetLogEvents", request)["events"]
    assert [(event["timestamp"], event["message"]) for event in events] == [
        (1001000, "one"), (1002000, "two"), (1003000, "\N{REPLACEMENT CHARACTER}three")
    ]  # fmt: skip
    late = logs.call("GetLogEvents", request | {"startTime": 1002000, "endTime": 1003000})["events"]
    assert [event["message"] for event in late] == ["two"]
    head = logs.call("GetLogEvents", request | {"startFromHead": True, "limit": 2})
    rest = logs.call("GetLogEvents", request | {"nextToken": head["nextForwardToken"]})
    assert [event["message"] for event in rest["events"]] == ["\N{REPLACEMENT CHARACTER}three"]
    with pytest.raises(ApiError, match="nextToken is invalid"):
        logs.call("GetLogEvents", request | {"nextToken": "x/1"})


def test_the_command_line_is_strict_unless_told_otherwise() -> None:
    strict = parse(["--root", "r", "--s3", "http://127.0.0.1:1", "--quota", "ml.g5.xlarge=4", "--quota", "total=9"])
    assert (strict.upload_on_failure, strict.quotas) == (False, {"ml.g5.xlarge": 4, "total": 9})
    assert parse(["--root", "r", "--s3", "u", "--lenient"]).upload_on_failure
    with pytest.raises(SystemExit):
        parse(["--root", "r", "--s3", "u", "--quota", "many"])
