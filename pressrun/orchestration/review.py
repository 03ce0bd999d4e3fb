"""HumanReviewSensor: the run waits, without a worker, until people have finished the review round in the gallery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import ClientError

from pressrun.core import keys
from pressrun.core.errors import ConflictError
from pressrun.core.refs import CollectionRef, PlanRef, ReviewRef
from pressrun.core.review import ReviewRound, RoundClosed
from pressrun.orchestration.errors import airflow_errors
from pressrun.orchestration.links import GalleryLink
from pressrun.orchestration.polling import FIRST_POLL_SECONDS, backoff_seconds, is_passing
from pressrun.settings import Settings, settings
from pressrun.steps.review import finish_round, read_round, tally_round
from pressrun.steps.workspace import Workspace, open_workspace

_MISSING = {"404", "NoSuchKey", "NotFound"}


class ReviewTrigger(BaseTrigger):
    """Fires when one object exists (the closed round), or when the deadline (seconds since the epoch) has passed."""

    def __init__(
        self,
        *,
        bucket: str,
        key: str,
        deadline: float,
        poll_seconds: float,
        bucket_owner: str | None = None,
        aws_conn_id: str | None = None,
        region_name: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bucket, self.key, self.deadline, self.poll_seconds = bucket, key, deadline, poll_seconds
        self.bucket_owner, self.aws_conn_id, self.region_name = bucket_owner, aws_conn_id, region_name

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "bucket": self.bucket,
                "key": self.key,
                "deadline": self.deadline,
                "poll_seconds": self.poll_seconds,
                "bucket_owner": self.bucket_owner,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, str]:
        await asyncio.sleep(max(FIRST_POLL_SECONDS, self.poll_seconds))
        failures = 0
        while True:
            pause = self.poll_seconds
            try:
                async with await self._s3() as s3:
                    while time.time() <= self.deadline:
                        if await self._exists(s3):
                            return {"status": "closed", "message": ""}
                        failures = 0
                        await asyncio.sleep(self.poll_seconds)
            except Exception as exc:
                if not is_passing(exc):
                    return {"status": "unreadable", "message": str(exc)}
                failures += 1
                pause = backoff_seconds(failures, poll_seconds=self.poll_seconds)
                self.log.warning("The review round could not be looked at (%s); again in %.0f s", exc, pause)
            if time.time() > self.deadline:
                return {"status": "timeout", "message": ""}
            await asyncio.sleep(pause)

    async def _exists(self, s3: Any) -> bool:
        owned = {"ExpectedBucketOwner": self.bucket_owner} if self.bucket_owner else {}
        try:
            await s3.head_object(Bucket=self.bucket, Key=self.key, **owned)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _MISSING:
                return False
            raise
        return True

    async def _s3(self) -> Any:
        hook: Any = S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        return await hook.get_async_conn()


class HumanReviewSensor(BaseSensorOperator):
    """Wait for the run's review round. Returns a ReviewRef.

    A round in which nothing is left to decide (all decisions carried over) is finished at once, by "pressrun". A run
    without anything to review skips this task. `timeout_hours` counts from the opening of the round, not from a retry.
    """

    template_fields: Sequence[str] = ("plan", "collection")
    template_fields_renderers = {"plan": "json", "collection": "json"}  # noqa: RUF012 - Airflow's own convention
    operator_extra_links = (GalleryLink(),)
    ui_color = "#fbf1d9"

    def __init__(self, *, plan: PlanRef, collection: CollectionRef, timeout_hours: float, **kwargs: Any) -> None:
        super().__init__(timeout=timeout_hours * 3600, **kwargs)
        self.plan, self.collection, self.timeout_hours = plan, collection, timeout_hours

    def execute(self, context: Context) -> ReviewRef:  # noqa: ARG002
        if not self.collection["round"]:
            raise AirflowSkipException("There is nothing to review in this run.")
        with airflow_errors():
            return self._look() or self._wait()

    def execute_complete(self, context: Context, event: dict[str, str] | None = None) -> ReviewRef:  # noqa: ARG002
        """Called when the trigger fired; what counts is the object itself."""
        woken = event or {}
        with airflow_errors():
            found = self._look()
            if found:
                return found
            if woken.get("status") == "timeout":
                self._fail_late()
        raise AirflowException(f"The review round cannot be read: {woken.get('message') or woken}")

    def _look(self) -> ReviewRef | None:
        """The finished round, where it is finished or nobody is needed to finish it."""
        ws, opened = self._round()
        closed = read_round(ws, opened.campaign, opened.run_key, opened.number).closed
        if closed is None and self.collection["settled"]:
            try:
                closed = finish_round(ws, opened, by="pressrun")
                self.log.info("Nothing is left to decide: every decision carries over from earlier rounds.")
            except ConflictError as exc:
                self.log.info("A person decides after all: %s", exc)
                closed = read_round(ws, opened.campaign, opened.run_key, opened.number).closed
        return _ref(ws, closed, opened) if closed else None

    def _wait(self) -> NoReturn:
        ws, opened = self._round()
        chosen = self._settings()
        self.log.info("Round %d waits for %s.", opened.number, _people(opened))
        self.defer(
            trigger=ReviewTrigger(
                bucket=ws.work.bucket,
                key=keys.round_closed(opened.campaign, opened.run_key, opened.number),
                deadline=datetime.fromisoformat(opened.opened_at).timestamp() + self.timeout_hours * 3600,
                poll_seconds=chosen.poll_seconds,
                bucket_owner=chosen.bucket_owner,
                aws_conn_id=chosen.aws_conn_id,
                region_name=chosen.region,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() returned")

    def _fail_late(self) -> NoReturn:
        ws, opened = self._round()
        open_cells = tally_round(ws, opened).open_cells
        raise AirflowFailException(
            f"Nobody finished review round {opened.number} within {self.timeout_hours:g} hours; "
            f"{len(open_cells)} cells are open, {_people(opened)} may decide — finish the round in the gallery, "
            "then clear this task"
        )

    def _round(self) -> tuple[Workspace, ReviewRound]:
        ws = self._workspace()
        plan = self.plan
        return ws, read_round(ws, plan["campaign"], plan["run_key"], self.collection["round"]).round

    def _settings(self) -> Settings:
        return settings()

    def _workspace(self) -> Workspace:
        return open_workspace(self._settings())


def _ref(ws: Workspace, closed: RoundClosed, opened: ReviewRound) -> ReviewRef:
    key = keys.round_closed(opened.campaign, opened.run_key, opened.number)
    return ReviewRef(closed_uri=ws.work.uri(key), by=closed.by, counts=closed.counts)


def _people(opened: ReviewRound) -> str:
    return ", ".join(sorted({person for listed in opened.reviewers.values() for person in listed}))
