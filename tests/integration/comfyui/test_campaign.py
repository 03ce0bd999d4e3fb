"""A model-free campaign through every step, S3 and SageMaker endpoint, rendered by a real ComfyUI."""

from __future__ import annotations

import os
import time
from pathlib import Path

import boto3
import pytest

from pressrun.core import keys
from pressrun.core.job import JobState
from pressrun.core.plan import RenderPlan
from pressrun.core.render import Render
from pressrun.local.buckets import local_client
from pressrun.local.sagemaker import EndpointConfig, SageMakerEndpoint
from pressrun.settings import read_settings
from pressrun.steps.collect import collect_run
from pressrun.steps.expand import expand_run
from pressrun.steps.jobs import JobOrder, ShardDone, next_order
from pressrun.steps.quote import quote_run
from pressrun.steps.validate import validate_plan
from pressrun.steps.workspace import Workspace, open_workspace

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parents[3]
REGION = "us-east-1"


@pytest.fixture
def ws(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    names = {name: f"pr-{name}-comfyui" for name in ("inputs", "work", "published", "lineage")}
    client = local_client("s3", s3_url, REGION)
    for name in names.values():
        client.create_bucket(Bucket=name)
    settings = {
        "PRESSRUN_HOME": str(PROJECT),
        "PRESSRUN_FINAL_ENGINE": "comfyui",
        "COMFYUI_HOME": os.environ["COMFYUI_HOME"],
        **{f"PRESSRUN_BUCKET_{name.upper()}": bucket for name, bucket in names.items()},
    }
    for name, value in {
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_ACCESS_KEY_ID": "pressrun-local",
        "AWS_SECRET_ACCESS_KEY": "pressrun-local",
    }.items():
        monkeypatch.setenv(name, value)
    return open_workspace(read_settings(settings))


def test_daily_deals_are_rendered_for_real(ws: Workspace, s3_url: str, tmp_path: Path) -> None:
    endpoint = SageMakerEndpoint(EndpointConfig(root=tmp_path, s3_endpoint=s3_url, grace=5.0, sweep=0.3)).start()
    sagemaker = boto3.client("sagemaker", endpoint_url=endpoint.url, region_name=REGION)

    def describe(name: str) -> JobState | None:
        try:
            found = sagemaker.describe_processing_job(ProcessingJobName=name)
        except sagemaker.exceptions.ClientError:
            return None
        return JobState(
            name, found["ProcessingJobStatus"], found.get("FailureReason", ""), found.get("ExitMessage", "")
        )

    try:
        plan = expand_run(
            ws, dag_id="press_daily_deals", run_id="real", run_type="manual", conf={"press": "final"},
            drop="2026-11-10", triggered_by="maya",
        )  # fmt: skip
        validate_plan(ws, plan)
        quote = quote_run(ws, plan)
        until = time.monotonic() + 300
        while not isinstance(order := next_order(ws, plan, quote, "main", 0, describe), ShardDone):
            assert isinstance(order, JobOrder), order
            assert time.monotonic() < until, describe(order.name)
            if not order.attach:
                sagemaker.create_processing_job(**order.request)
            time.sleep(0.5)
    finally:
        endpoint.close()
    counts = collect_run(ws, plan, quote)["counts"]
    assert counts["rendered"] == counts["planned"] == 6
    document = ws.read(RenderPlan, keys.plan(plan["run_key"], plan["plan_digest"]))
    assert document.run.press == "final"
    assert document.engine_class.startswith("comfyui:")
    renders = [ws.read(Render, keys.render(item.render_key)) for item in document.items]
    assert {render.engine_class for render in renders} == {document.engine_class}
    assert {(render.width, render.height, render.sink) for render in renders} == {(768, 768, "pressrun")}
