"""ShardTrigger: waits in the triggerer for a Processing job, as long as its shard may run, and stops it when told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import ClientError

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import InputError
from pressrun.core.job import RUNNING
from pressrun.core.progress import summarize
from pressrun.core.result import Progress
from pressrun.orchestration.polling import FIRST_POLL_SECONDS, backoff_seconds, is_passing


class ShardTrigger(BaseTrigger):
    """Fires once: the job has ended, its deadline has passed, or AWS refuses to tell.

    `deadline` is seconds since the epoch, so that a triggerer that comes back does not start the wait anew.
    `usd_per_hour` is for the progress line only.
    """

    def __init__(
        self,
        *,
        job: str,
        deadline: float,
        poll_seconds: float,
        bucket: str,
        bucket_owner: str | None = None,
        usd_per_hour: float | None = None,
        aws_conn_id: str | None = None,
        region_name: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job, self.deadline, self.poll_seconds = job, deadline, poll_seconds
        self.bucket, self.bucket_owner, self.usd_per_hour = bucket, bucket_owner, usd_per_hour
        self.aws_conn_id, self.region_name = aws_conn_id, region_name
        self._newest: dict[str, str] = {}
        self._line = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "job": self.job,
                "deadline": self.deadline,
                "poll_seconds": self.poll_seconds,
                "bucket": self.bucket,
                "bucket_owner": self.bucket_owner,
                "usd_per_hour": self.usd_per_hour,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """A person marked the task or its run failed, cleared it or set it to success: stop paying for the job.

        Airflow calls this for such acts only, and not when the triggerer restarts.
        """
        async with await self._sagemaker() as client:
            for failures in range(5):
                try:
                    await client.stop_processing_job(ProcessingJobName=self.job)
                except ClientError as exc:
                    if not is_passing(exc):
                        self.log.info("Job %s could not be stopped: %s", self.job, exc)
                        return
                    await asyncio.sleep(backoff_seconds(failures, poll_seconds=0.5))
                else:
                    self.log.info("Job %s was told to stop; what it has uploaded is kept.", self.job)
                    return

    async def _wait(self) -> dict[str, Any]:
        await asyncio.sleep(max(FIRST_POLL_SECONDS, self.poll_seconds))
        failures = 0
        while True:
            try:
                async with AsyncExitStack() as stack:
                    sagemaker = await stack.enter_async_context(await self._sagemaker())
                    s3 = await stack.enter_async_context(await self._s3())
                    while True:
                        answer = await sagemaker.describe_processing_job(ProcessingJobName=self.job)
                        failures = 0
                        await self._log_progress(s3)
                        if answer["ProcessingJobStatus"] not in RUNNING:
                            return self._event(answer["ProcessingJobStatus"])
                        if time.time() > self.deadline:
                            return self._event("timeout")
                        await asyncio.sleep(self.poll_seconds)
            except Exception as exc:
                if not is_passing(exc):
                    return self._event("unreadable", message=str(exc))
                if time.time() > self.deadline:
                    return self._event("timeout", message=str(exc))
                failures += 1
                pause = backoff_seconds(failures, poll_seconds=self.poll_seconds)
                self.log.warning("SageMaker did not answer about %s (%s); asking again in %.0f s", self.job, exc, pause)
                await asyncio.sleep(pause)

    def _event(self, status: str, *, message: str = "") -> dict[str, Any]:
        return {"status": status, "job": self.job, "message": message}

    async def _log_progress(self, s3: Any) -> None:
        """Log a line when progress documents have changed. Never the reason why a wait fails."""
        try:
            documents = [await self._read(s3, key) for key in await self._new_documents(s3)]
        except Exception as exc:
            self.log.debug("No progress of %s could be read: %s", self.job, exc)
            return
        summary = summarize([found for found in documents if found], usd_per_hour=self.usd_per_hour)
        if summary and summary.line() != self._line:
            self._line = summary.line()
            self.log.info("%s · %s", self._line, self.job)

    async def _new_documents(self, s3: Any) -> list[str]:
        """The newest progress key of each host; empty where none is new."""
        prefix = f"{keys.staging(self.job)}progress/"
        newest = dict(self._newest)
        after = max(newest.values(), default="")
        pages = s3.get_paginator("list_objects_v2").paginate(
            # One host's keys sort by number, so only with a single host may old ones be skipped.
            **self._owned(Bucket=self.bucket, Prefix=prefix, StartAfter=after if len(newest) == 1 else "")
        )
        async for page in pages:
            for found in page.get("Contents", ()):
                host = found["Key"].rsplit("/", 1)[1].rsplit("-", 1)[0]
                newest[host] = max(newest.get(host, ""), found["Key"])
        changed = newest != self._newest
        self._newest = newest
        return list(newest.values()) if changed else []

    async def _read(self, s3: Any, key: str) -> Progress | None:
        answer = await s3.get_object(**self._owned(Bucket=self.bucket, Key=key))
        async with answer["Body"] as body:
            data = await body.read()
        try:
            return from_bytes(Progress, data, where=key)
        except InputError:
            return None  # an upload in flight

    def _owned(self, **arguments: Any) -> dict[str, Any]:
        return arguments | ({"ExpectedBucketOwner": self.bucket_owner} if self.bucket_owner else {})

    async def _sagemaker(self) -> Any:
        hook: Any = SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)  # type: ignore[no-untyped-call]
        return await hook.get_async_conn()

    async def _s3(self) -> Any:
        hook: Any = S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        return await hook.get_async_conn()
