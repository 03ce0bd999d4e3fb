"""Stopping jobs nobody waits for: a task was killed before its trigger was there to hear of it."""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from botocore.exceptions import BotoCoreError, ClientError

from pressrun.core.job import RUNNING
from pressrun.steps.jobs import job_records
from pressrun.steps.workspace import Workspace

log = logging.getLogger(__name__)


def stop_left_over_jobs(ws: Workspace, run_key: str) -> list[str]:
    """Stop the run's jobs that still run. Call it where no task of the run waits for a job any more.

    Returns their names. What cannot be asked or stopped is logged: accounting for the pictures comes first.
    """
    hook: Any = SageMakerHook(  # type: ignore[no-untyped-call]
        aws_conn_id=ws.settings.aws_conn_id, region_name=ws.settings.region
    )
    stopped: list[str] = []
    for record in job_records(ws, run_key):
        try:
            state = hook.conn.describe_processing_job(ProcessingJobName=record.name)["ProcessingJobStatus"]
            if state not in RUNNING:
                continue
            hook.conn.stop_processing_job(ProcessingJobName=record.name)
        except (BotoCoreError, ClientError) as exc:
            log.warning("Job %s could not be looked at or stopped: %s", record.name, exc)
        else:
            log.warning("Job %s still ran though its task has ended: told to stop.", record.name)
            stopped.append(record.name)
    return stopped
