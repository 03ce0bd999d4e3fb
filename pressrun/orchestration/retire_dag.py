"""retire_campaigns: expired drafts are deleted once a day, held ones are not, and every deletion leaves a receipt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from pressrun.orchestration.errors import airflow_errors
from pressrun.orchestration.notifications import FailureNotifier
from pressrun.settings import settings

MANUAL = """# Retire campaigns

Deletes drafts whose retention class has expired (`include/policy/retention.yaml`). Published files, approved pictures
and everything of a campaign under legal hold stay. Each retired run leaves a receipt in the work bucket, below
`retirements/`.
"""


def build_retire_dag() -> DAG:
    """The daily DAG. `today` is the run's own day: clearing an old run never deletes more than it would have then."""
    with DAG(
        dag_id="retire_campaigns",
        dag_display_name="Retire campaigns",
        description="Delete expired drafts by retention class",
        doc_md=MANUAL,
        schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags={"pressrun", "maintenance"},
        default_args={
            "owner": "pressrun",
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            "on_failure_callback": FailureNotifier(title="Retire campaigns", notify=()),
        },
    ) as dag:
        retire_drafts()
    return dag


@task
def retire_drafts() -> list[str]:
    """Delete what has expired; returns the run keys that were retired, at most a hundred of them."""
    from pressrun.steps.retire import retire_campaigns  # noqa: PLC0415
    from pressrun.steps.workspace import open_workspace  # noqa: PLC0415

    run: Any = get_current_context()["dag_run"]
    with airflow_errors():
        receipts = retire_campaigns(open_workspace(settings()), (run.logical_date or run.run_after).date())
    return [receipt.run_key for receipt in receipts[:100]]
