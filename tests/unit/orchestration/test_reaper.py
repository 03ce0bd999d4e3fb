"""The reaper stops what a killed task left running, and nothing else."""

from __future__ import annotations

import pytest
from fake_sagemaker import Hook, SageMaker
from job_press import RUN_KEY, Press

from pressrun.orchestration import reaper


def test_only_jobs_that_still_run_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    press, aws = Press(), SageMaker()
    monkeypatch.setattr(reaper, "SageMakerHook", lambda **kwargs: Hook(aws))
    first = press.order()
    aws.create_processing_job(**first.request)
    press.create(first)
    aws.end(first.name, "Failed")
    press.end(first.name, "Failed")
    second = press.order()
    aws.create_processing_job(**second.request)
    press.create(second)
    assert reaper.stop_left_over_jobs(press.ws, RUN_KEY) == [second.name] == aws.stopped


def test_a_job_that_was_ordered_and_never_created_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    press, aws = Press(), SageMaker()
    monkeypatch.setattr(reaper, "SageMakerHook", lambda **kwargs: Hook(aws))
    press.order()
    assert reaper.stop_left_over_jobs(press.ws, RUN_KEY) == []
