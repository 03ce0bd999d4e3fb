"""Stopping jobs nobody waits for: a task was killed before its trigger was there to hear of it."""

from __future__ import annotations

import logging
import time
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from botocore.exceptions import BotoCoreError, ClientError

from pressrun.core.job import RUNNING
from pressrun.steps.jobs import job_records
from pressrun.steps.workspace import Workspace

log = logging.getLogger(__name__)

# SageMaker gives a stopped container 120 seconds; what that finishes must still be uploaded.
PATIENCE_SECONDS = 240.0
LOOK_EVERY_SECONDS = 2.0


def stop_left_over_jobs(ws: Workspace, run_key: str) -> list[str]:
    """Stop the run's jobs that still run and wait for their end. Call it where no task of the run waits for a job.

    A stopped job finishes and uploads the picture in its hands; an account made before that would count it as failed,
    and the next run would buy it again. Returns the jobs' names. What cannot be asked or stopped is logged: accounting
    for the pictures comes first.
    """
    hook: Any = SageMakerHook(  # type: ignore[no-untyped-call]
        aws_conn_id=ws.settings.aws_conn_id, region_name=ws.settings.region
    )
    stopped: list[str] = []
    for record in job_records(ws, run_key):
        try:
            if not _runs(hook, record.name):
                continue
            hook.conn.stop_processing_job(ProcessingJobName=record.name)
        except (BotoCoreError, ClientError) as exc:
            log.warning("Job %s could not be looked at or stopped: %s", record.name, exc)
        else:
            log.warning("Job %s still ran though its task has ended: told to stop.", record.name)
            stopped.append(record.name)
    until = time.monotonic() + PATIENCE_SECONDS
    for name in stopped:
        _wait_for_end(hook, name, until)
    return stopped


def _runs(hook: Any, name: str) -> bool:
    return hook.conn.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] in RUNNING


def _wait_for_end(hook: Any, name: str, until: float) -> None:
    try:
        while _runs(hook, name):
            if time.monotonic() > until:
                log.warning("Job %s does not end; what it uploads from now on is not in the account.", name)
                return
            time.sleep(LOOK_EVERY_SECONDS)
    except (BotoCoreError, ClientError) as exc:
        log.warning("Job %s could not be waited for: %s", name, exc)
