"""RenderShardOperator: one shard of a plan, rendered by as many Processing jobs as it takes and the campaign allows.

Where it differs from SageMakerProcessingOperator, and why:

- the job's name is derived and recorded before the job is created; a retried task attaches to its running job (the
  stock operator starts a second one under a new name);
- a second attempt has only the items that are missing;
- Stopped is a failure; waiting lasts as long as the shard may run (the stock limit is 30 minutes);
- killing the task stops the job; finished images are kept;
- the failure reason, the exit message and the container's last lines are in the task's log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError

from pressrun.core.job import START_AND_UPLOAD_SECONDS, JobState
from pressrun.core.refs import PlanRef, QuoteRef, ShardRef
from pressrun.core.shard import Phase
from pressrun.orchestration.container_log import last_lines
from pressrun.orchestration.errors import airflow_errors
from pressrun.orchestration.links import GalleryLink, PlanLink
from pressrun.orchestration.telemetry import tell_job
from pressrun.orchestration.triggers import ShardTrigger
from pressrun.settings import Settings, settings
from pressrun.steps.jobs import JobOrder, ShardDone, ShardExhausted, next_order
from pressrun.steps.workspace import Workspace, open_workspace

_UNKNOWN = {"ValidationException", "ResourceNotFound"}
_NAME_TAKEN = {"ResourceInUse", "ResourceInUseException"}


class RenderShardOperator(SageMakerProcessingOperator):
    """Render one shard. Returns a ShardRef, also where some items failed for good; fails where not one was rendered.

    `phase` is "canary" or "main", `index` the shard's number in its phase (mapped for the main phase). A canary that
    the quote does not have is skipped.
    """

    template_fields: Sequence[str] = ("plan", "quote", "index")
    template_fields_renderers = {"plan": "json", "quote": "json"}  # noqa: RUF012 - Airflow's own convention
    operator_extra_links = (PlanLink(), GalleryLink())
    ui_color = "#e8e1f5"

    def __init__(self, *, plan: PlanRef, quote: QuoteRef, phase: Phase, index: int, **kwargs: Any) -> None:
        super().__init__(config={}, deferrable=True, action_if_job_exists="fail", **kwargs)
        self.plan, self.quote, self.phase, self.index = plan, quote, phase, index
        self._created: str | None = None

    def execute(self, context: Context) -> ShardRef:  # type: ignore[override]  # noqa: ARG002
        if self.phase == "canary" and not self.quote["canary"]:
            raise AirflowSkipException("This run is too small for a canary.")
        return self._go_on()

    def execute_complete(  # type: ignore[override]
        self,
        context: Context,  # noqa: ARG002
        event: dict[str, Any] | None = None,
        *,
        expected_stop: bool = False,
    ) -> ShardRef:
        """Called when the trigger fired. The event only wakes; what counts is what SageMaker says now.

        `expected_stop`: the job was being stopped already when this try began, so its end is no news.
        """
        woken = event or {}
        if woken.get("status") == "unreadable":
            raise AirflowException(
                f"SageMaker does not tell about job {woken['job']}: {woken['message']} — "
                "check the worker's permission sagemaker:DescribeProcessingJob; a retry attaches to the job"
            )
        state = self._describe(str(woken["job"]))
        if state is not None and state.running and woken.get("status") == "timeout":
            self._stop(state.name)
            raise AirflowException(
                f"Job {state.name} runs longer than its MaxRuntime allows and was told to stop; a retry goes on with "
                "the missing items"
            )
        if state is not None and not state.running:
            self._report(state)
            tell_job(self._workspace(), state.name, campaign=self.plan["campaign"], press=self.plan["press"])
            if state.status == "Stopped" and not expected_stop and not self._out_of_time(state):
                self._fail_stopped(state)
        return self._go_on()

    def on_kill(self) -> None:
        """The worker was killed between creating the job and deferring: stop the job. Later, the trigger does that."""
        if self._created:
            self._stop(self._created)

    def _go_on(self) -> ShardRef:
        """The next job of the shard, or its end. Never more than spec.job.attempts jobs, over all tries of the task."""
        with airflow_errors():
            order = next_order(self._workspace(), self.plan, self.quote, self.phase, self.index, self._describe)
        if isinstance(order, JobOrder):
            self._start(order)
        if isinstance(order, ShardExhausted) and not order.ref["rendered"]:
            raise AirflowFailException(
                f"{order.reason} — mend the cause, then trigger a new run: it buys what is missing"
            )
        if isinstance(order, ShardExhausted):
            self.log.error(
                "%s. The run goes on with them; collect_results accounts for the rest as failed.", order.reason
            )
        return self._finish(order)

    def _finish(self, end: ShardDone | ShardExhausted) -> ShardRef:
        ref = end.ref
        self.log.info(
            "%s shard %d: %d rendered, %d failed, %d jobs", self.phase, self.index, ref["rendered"], ref["failed"],
            len(ref["jobs"]),
        )  # fmt: skip
        return ref

    def _start(self, order: JobOrder) -> NoReturn:
        """Create the job where it does not exist, then wait for it in the triggerer."""
        if order.attach:
            self.log.info("Job %s is there already (attempt %d): waiting for it.", order.name, order.attempt)
        else:
            self._create(order)
        chosen = self._settings()
        self.defer(
            trigger=ShardTrigger(
                job=order.name,
                deadline=time.time() + order.max_runtime_seconds + START_AND_UPLOAD_SECONDS,
                poll_seconds=chosen.poll_seconds,
                bucket=chosen.bucket_work,
                bucket_owner=chosen.bucket_owner,
                usd_per_hour=order.usd_per_hour,
                aws_conn_id=self.aws_conn_id,
                region_name=self.region_name,
            ),
            method_name="execute_complete",
            kwargs={} if not order.stopping else {"expected_stop": True},
        )
        raise AssertionError("defer() returned")

    def _create(self, order: JobOrder) -> None:
        self._created = order.name
        try:
            self.hook.conn.create_processing_job(**order.request)
        except ClientError as exc:
            if exc.response["Error"]["Code"] not in _NAME_TAKEN:
                raise
            # Somebody who runs this same task came first; the name says that it is our job with our items.
            self.log.info("Job %s was created meanwhile: attaching to it.", order.name)
        else:
            self.log.info("Job %s created: %d items, attempt %d.", order.name, order.items, order.attempt)

    def _describe(self, name: str) -> JobState | None:
        try:
            answer = self.hook.conn.describe_processing_job(ProcessingJobName=name)
        except ClientError as exc:
            if exc.response["Error"]["Code"] in _UNKNOWN:
                return None
            raise
        return _state(name, answer)

    def _out_of_time(self, state: JobState) -> bool:
        answer = self.hook.conn.describe_processing_job(ProcessingJobName=state.name)
        limit = answer.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        return bool(limit) and state.out_of_time(limit)

    def _report(self, state: JobState) -> None:
        """Say how the job ended; where it did not complete, with the container's last lines."""
        if state.status == "Completed":
            self.log.info("%s", state.sentence())
            return
        self.log.error("%s", state.sentence())
        logs = AwsLogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        for line in last_lines(logs, state.name):
            self.log.error("| %s", line)

    def _fail_stopped(self, state: JobState) -> NoReturn:
        with airflow_errors():
            found = next_order(self._workspace(), self.plan, self.quote, self.phase, self.index, self._describe)
        remains = found.items if isinstance(found, JobOrder) else found.ref["failed"]
        raise AirflowFailException(
            f"Job {state.name} was stopped from outside; {remains} items of {self.phase} shard {self.index} remain, "
            "finished images are kept — clear this task to render the rest, or trigger a new run later"
        )

    def _stop(self, name: str) -> None:
        try:
            self.hook.conn.stop_processing_job(ProcessingJobName=name)
        except ClientError as exc:
            self.log.warning("Job %s could not be stopped: %s", name, exc)

    def _settings(self) -> Settings:
        return settings()

    def _workspace(self) -> Workspace:
        return open_workspace(self._settings())


def _state(name: str, answer: dict[str, Any]) -> JobState:
    started, ended = answer.get("ProcessingStartTime"), answer.get("ProcessingEndTime")
    ran = (ended - started).total_seconds() if isinstance(started, datetime) and isinstance(ended, datetime) else None
    return JobState(
        name=name,
        status=answer["ProcessingJobStatus"],
        failure_reason=answer.get("FailureReason", ""),
        exit_message=answer.get("ExitMessage", ""),
        ran_seconds=ran,
    )
