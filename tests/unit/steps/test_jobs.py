"""Which job a shard needs next: nothing is bought twice, nothing is forgotten, two schedulers meet at one job."""

from __future__ import annotations

from typing import Any

import pytest
from job_press import ITEMS, PHOTO, RUN_KEY, Press

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import InputError
from pressrun.core.job import JobRecord
from pressrun.core.result import Progress
from pressrun.core.shard import Shard
from pressrun.settings import Settings
from pressrun.steps.jobs import JobOrder, ShardDone, ShardExhausted, job_records, shard_outcomes
from pressrun.steps.staging import job_progress, staged_job


def _shard(press: Press, order: JobOrder) -> Shard:
    return from_bytes(Shard, press.ws.inputs.get(keys.shard(order.name)))


def test_the_first_order_has_every_item_and_is_written_down_before_it_is_bought() -> None:
    press = Press()
    order = press.order()
    assert (order.attempt, order.attach, order.items) == (1, False, 4)
    record = press.ws.read(JobRecord, keys.job(RUN_KEY, order.name))
    shard = _shard(press, order)
    assert record.item_ids == tuple(item.item_id for item in shard.items)
    assert shard.digest() == record.shard_sha256 == order.request["Environment"]["PRESSRUN_SHARD_SHA256"]


def test_a_crash_between_record_and_job_ends_at_the_same_job() -> None:
    press = Press()
    assert press.order().name == press.order().name
    assert len(job_records(press.ws, RUN_KEY)) == 1


def test_a_running_job_is_attached_to() -> None:
    press = Press()
    press.create(press.order())
    again = press.order()
    assert again.attach
    assert not again.stopping
    press.end(again.name, "Stopping")
    assert press.order().stopping


def test_after_a_kill_only_items_not_uploaded_are_bought_again() -> None:
    press = Press()
    first = press.order()
    press.create(first)
    press.upload(first.name, rendered=[0, 2])
    press.end(first.name, "Failed", "killed")
    second = press.order()
    assert (second.attempt, second.attach) == (2, False)
    assert [item.seed for item in _shard(press, second).items] == [1, 3]
    press.create(second)
    press.upload(second.name, rendered=[1, 3])
    press.end(second.name, "Completed")
    done = press.next()
    assert isinstance(done, ShardDone)
    assert done.ref == {"phase": "main", "index": 0, "jobs": [first.name, second.name], "rendered": 4, "failed": 0}


def test_a_result_without_its_whole_image_does_not_count() -> None:
    press = Press()
    first = press.order()
    press.create(first)
    press.upload(first.name, rendered=[0, 1, 2, 3], spoil=lambda name: len(name) - ("03.png" in name))
    press.end(first.name, "Completed")
    assert [item.seed for item in _shard(press, press.order()).items] == [3]


def test_a_cut_segment_keeps_its_whole_lines() -> None:
    press = Press()
    first = press.order()
    press.create(first)
    press.upload(first.name, rendered=[0, 1])
    key = f"{keys.staging(first.name)}results/host-000001.jsonl"
    press.ws.work.put(key, press.ws.work.get(key)[:-9])
    staged = staged_job(press.ws, first.name)
    assert list(staged.rendered) == [ITEMS[0].item_id]
    assert staged.untrusted == 1


def test_a_failed_item_is_final_in_a_completed_job_and_tried_again_after_a_killed_one() -> None:
    press = Press()
    first = press.order()
    press.create(first)
    press.upload(first.name, rendered=[0, 1, 2], failed=[3])
    press.end(first.name, "Stopped")
    assert [item.seed for item in _shard(press, press.order()).items] == [3]
    press.end(first.name, "Completed")
    done = press.next()
    assert isinstance(done, ShardDone)
    assert (done.ref["rendered"], done.ref["failed"]) == (3, 1)
    outcomes = shard_outcomes(press.ws, press.plan, press.quote, "main", 0, press.jobs.get)
    assert [result.seed for result in outcomes.failed.values()] == [3]


def test_an_item_too_large_for_the_instance_is_not_tried_on_it_again_even_after_a_killed_job() -> None:
    press = Press()
    first = press.order()
    press.create(first)
    press.upload(first.name, rendered=[0], failed=[1], too_large=[2])
    press.end(first.name, "Failed")
    assert [item.seed for item in _shard(press, press.order()).items] == [1, 3]


def test_an_item_that_another_run_rendered_meanwhile_is_not_bought() -> None:
    press = Press()
    press.ws.work.put(keys.render("key001"), b"{}")
    order = press.order()
    assert [item.seed for item in _shard(press, order).items] == [0, 2, 3]


def test_two_schedulers_that_see_different_things_order_one_job() -> None:
    press = Press()
    first = press.order()
    press.ws.work.put(keys.render("key001"), b"{}")  # seen by the second one only
    second = press.order()
    assert (second.name, second.request) == (first.name, first.request)


def test_attempts_are_limited_and_the_sentence_says_what_is_missing_and_why() -> None:
    press = Press(attempts=2)
    for attempt in (1, 2):
        order = press.order()
        press.create(order)
        if attempt == 1:
            press.upload(order.name, rendered=[0])
        press.end(order.name, "Failed", "AlgorithmError: no GPU")
    found = press.next()
    assert isinstance(found, ShardExhausted)
    assert found.ref["rendered"] == 1
    assert len(found.missing) == found.ref["failed"] == 3
    assert "3 of 4 items are still missing after 2 jobs" in found.reason
    assert "AlgorithmError: no GPU" in found.reason


def test_a_forgotten_job_that_left_results_is_followed_by_the_next_attempt() -> None:
    press = Press()
    first = press.order()
    press.upload(first.name, rendered=[0])  # SageMaker knows no such job any more, its results are there
    assert press.order().attempt == 2


def _paid(kms: bool = True) -> dict[str, Any]:
    settings = Settings.model_validate(
        {"subnets": ("subnet-1",), "security_groups": ("sg-1",), "kms_key": "alias/press" if kms else None}
    )
    return Press(press="final", settings=settings).order().request


@pytest.mark.parametrize("request_", [Press().order().request, _paid()], ids=["proof", "final"])
def test_the_request_is_what_sagemaker_takes(request_: dict[str, Any]) -> None:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    report = ParamValidator().validate(request_, model.operation_model("CreateProcessingJob").input_shape)
    assert not report.has_errors(), report.generate_report()
    assert request_["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert all(len(value) <= 256 for value in request_["Environment"].values())
    output = request_["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert output["S3UploadMode"] == "Continuous"
    assert output["S3Uri"] == f"s3://pressrun-work/staging/{request_['ProcessingJobName']}/"
    owner = next(tag["Value"] for tag in request_["Tags"] if tag["Key"] == "pressrun:owner")
    assert owner == "maya _ co _m@example.com_"


def test_a_paid_job_is_encrypted_in_the_vpc_and_nvme_instances_get_no_volume_key() -> None:
    request = _paid()
    assert request["NetworkConfig"]["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "alias/press"
    cluster = request["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceType"] == "ml.g5.xlarge"
    assert "VolumeKmsKeyId" not in cluster
    proof = Press(settings=Settings.model_validate({"kms_key": "alias/press"})).order().request
    assert proof["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "alias/press"


def test_input_files_travel_as_a_manifest_and_only_where_there_are_some() -> None:
    press = Press()
    order = press.order()
    manifest = press.ws.inputs.get(keys.shard_inputs(order.name))
    assert manifest == b'[{"prefix":"s3://pressrun-inputs/"},"assets/ab12/shoe.png"]'
    assert [entry["InputName"] for entry in order.request["ProcessingInputs"]] == ["shard", "assets"]
    press.create(order)
    press.upload(order.name, rendered=[0])
    press.end(order.name, "Failed")
    assert [entry["InputName"] for entry in press.order().request["ProcessingInputs"]] == ["shard"]


def test_an_input_file_elsewhere_is_refused_by_name() -> None:
    press = Press()
    press.replan(press.plan.model_copy(update={"inputs": (PHOTO.model_copy(update={"uri": "s3://other/shoe.png"}),)}))
    with pytest.raises(InputError, match=r"s3://other/shoe.png: input file 'shoe.png' is not in the inputs bucket"):
        press.next()


def test_progress_adds_up_the_newest_document_of_each_host() -> None:
    press = Press()
    for host, number, rendered in (("a", 1, 1), ("a", 2, 3), ("b", 1, 2)):
        document = Progress(
            job="j", host=host, number=number, planned=10, rendered=rendered, failed=0,
            elapsed_seconds=60, busy_seconds=30, state="rendering",
        )  # fmt: skip
        press.ws.work.put(f"{keys.staging('j')}progress/{host}-{number:06d}.json", document.to_bytes())
    summary = job_progress(press.ws, "j", usd_per_hour=6.0)
    assert summary is not None
    assert summary.line() == "5/20 · 10.0/min · ETA 90 s · $0.20".replace("90 s", "2 min")
    assert job_progress(press.ws, "nothing yet") is None
