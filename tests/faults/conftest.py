"""A press without Airflow: the real S3 server, the real SageMaker endpoint in strict mode, the real runner."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from embedded_s3 import s3_url

from pressrun.core.job import JobState
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.local.buckets import local_client
from pressrun.local.sagemaker import EndpointConfig, SageMakerEndpoint
from pressrun.settings import read_settings
from pressrun.steps.expand import expand_run
from pressrun.steps.jobs import JobOrder, ShardDone, ShardExhausted, job_records, next_order
from pressrun.steps.quote import quote_run
from pressrun.steps.validate import validate_plan
from pressrun.steps.workspace import Workspace, open_workspace

PROJECT = Path(__file__).parents[2]
REGION = "us-east-1"
__all__ = ["s3_url"]


@pytest.fixture(scope="session")
def endpoint(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMakerEndpoint]:
    config = EndpointConfig(root=tmp_path_factory.mktemp("sagemaker"), s3_endpoint=s3_url, grace=5.0, sweep=0.3)
    started = SageMakerEndpoint(config).start()
    yield started
    started.close()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample campaigns in shards of eight items, with the attempts that a bad day needs."""
    home = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "include", home / "include")
    for campaign in ("spring_sale", "mood_board"):
        file = home / f"include/campaigns/{campaign}/campaign.yaml"
        spec = yaml.safe_load(file.read_text("utf-8"))
        spec["job"] |= {"canary_items": 0, "shard_items": 8, "attempts": 4}
        file.write_text(yaml.safe_dump(spec, allow_unicode=True), "utf-8")
    return home


@dataclass
class Press:
    """One run, driven shard by shard as the operator does it, with a hook while a job runs."""

    ws: Workspace
    endpoint: SageMakerEndpoint
    sagemaker: Any
    created: list[str] = field(default_factory=list)

    def plan(self, run_id: str, *, campaign: str = "spring_sale", **conf: Any) -> tuple[PlanRef, QuoteRef]:
        ref = expand_run(
            self.ws, dag_id=f"press_{campaign}", run_id=run_id, run_type="manual", conf=conf, drop="2026-11-20",
            triggered_by="maya",
        )  # fmt: skip
        validate_plan(self.ws, ref)
        return ref, quote_run(self.ws, ref)

    def describe(self, name: str) -> JobState | None:
        try:
            found = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        except self.sagemaker.exceptions.ClientError:
            return None
        return JobState(
            name, found["ProcessingJobStatus"], found.get("FailureReason", ""), found.get("ExitMessage", "")
        )

    def render(
        self, plan: PlanRef, quote: QuoteRef, index: int, while_running: Callable[[str, int], None]
    ) -> ShardDone | ShardExhausted:
        """Order jobs until the shard is done; `while_running(job, attempt)` is called once for each job."""
        while True:
            order = next_order(self.ws, plan, quote, "main", index, self.describe)
            if not isinstance(order, JobOrder):
                return order
            if not order.attach:
                self.sagemaker.create_processing_job(**order.request)
                self.created.append(order.name)
            while_running(order.name, order.attempt)
            self.wait(order.name)

    def wait(self, name: str, seconds: float = 300.0) -> JobState:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = self.describe(name)
            assert state is not None
            if not state.running:
                return state
            time.sleep(0.1)
        raise AssertionError(f"{name} is still running after {seconds} s")

    def job_home(self, name: str) -> Path:
        return self.endpoint.config.root / "jobs" / name

    def kill_after(self, name: str, images: int, *, jitter: random.Random, seconds: float = 240.0) -> None:
        """SIGKILL the job's whole process group once it has drawn this many images, at a random moment after that."""
        home, until = self.job_home(name), time.monotonic() + seconds
        while time.monotonic() < until:
            drawn = len(list(home.glob("*/opt/ml/processing/output/images/*.png")))
            if drawn >= images and any(home.glob("*.pid")):
                time.sleep(jitter.random() * 0.3)
                break
            state = self.describe(name)
            if state is None or not state.running:
                return
            time.sleep(0.02)
        pid = int(next(home.glob("*.pid")).read_text())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def quoted_items(self, plan: PlanRef, quote: QuoteRef) -> set[str]:
        from pressrun.core import keys

        document = self.ws.read(Quote, keys.quote(plan["run_key"], quote["digest"]))
        return {item for shard in document.shards for item in shard.item_ids}

    def records(self, plan: PlanRef) -> list[Any]:
        return job_records(self.ws, plan["run_key"])


@pytest.fixture
def press(s3_url: str, endpoint: SageMakerEndpoint, project: Path, request: pytest.FixtureRequest) -> Press:
    """A press with buckets of its own, so that one test's pictures are no other test's render index."""
    suffix = "".join(filter(str.isalnum, request.node.name.lower()))[-20:]
    names = {name: f"pr-{name}-{suffix}" for name in ("inputs", "work", "published", "lineage")}
    client = local_client("s3", s3_url, REGION)
    for name in names.values():
        client.create_bucket(Bucket=name)
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_ACCESS_KEY_ID": "pressrun-local",
        "AWS_SECRET_ACCESS_KEY": "pressrun-local",
    }
    buckets = {f"PRESSRUN_BUCKET_{name.upper()}": bucket for name, bucket in names.items()}
    ws = open_workspace(read_settings({"PRESSRUN_HOME": str(project), **buckets}))
    return Press(ws, endpoint, boto3.client("sagemaker", endpoint_url=endpoint.url, region_name=REGION))
