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
    looks: list[float] = []

    def ends_at_the_third_look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            aws.end(second.name, "Stopped")

    monkeypatch.setattr(reaper.time, "sleep", ends_at_the_third_look)
    assert reaper.stop_left_over_jobs(press.ws, RUN_KEY) == [second.name] == aws.stopped
    assert len(looks) == 3, "the account is made when the job has ended, not while it uploads"


def test_a_job_that_never_ends_holds_nothing_up_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    press, aws = Press(), SageMaker()
    monkeypatch.setattr(reaper, "SageMakerHook", lambda **kwargs: Hook(aws))
    monkeypatch.setattr(reaper, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(reaper, "LOOK_EVERY_SECONDS", 0.02)
    order = press.order()
    aws.create_processing_job(**order.request)
    press.create(order)
    assert reaper.stop_left_over_jobs(press.ws, RUN_KEY) == [order.name]
    assert "does not end" in caplog.text


def test_a_job_that_was_ordered_and_never_created_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    press, aws = Press(), SageMaker()
    monkeypatch.setattr(reaper, "SageMakerHook", lambda **kwargs: Hook(aws))
    press.order()
    assert reaper.stop_left_over_jobs(press.ws, RUN_KEY) == []
