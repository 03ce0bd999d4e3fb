"""The tasks of a press run: two lines around a step each. Steps are imported when a task runs, not when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from pressrun.core.refs import CloseRef, CollectionRef, FindingsRef, PlanRef, PublishRef, QuoteRef, ReviewRef
from pressrun.orchestration.errors import airflow_errors
from pressrun.settings import settings
from pressrun.steps.workspace import Workspace, open_workspace


def drop_of(dag_run: Any, timezone: str) -> str:
    """The drop of a run: its logical date in the campaign's timezone; when it was to run, where it has none."""
    moment = dag_run.logical_date or dag_run.run_after
    return str(moment.astimezone(ZoneInfo(timezone)).date())


def asker(dag_run: Any) -> str:
    """Who started a run: the Airflow user, or the kind of run where nobody did."""
    return str(dag_run.triggering_user_name or _run_type(dag_run))


@task(retries=1)
def expand_manifest(timezone: str) -> PlanRef:
    """Read campaign, manifest, copy and workflow; make the plan. Refuses unknown keys in dag_run.conf by name."""
    from pressrun.steps.expand import expand_run  # noqa: PLC0415

    run: Any = get_current_context()["dag_run"]
    with airflow_errors():
        return expand_run(
            _workspace(),
            dag_id=run.dag_id,
            run_id=run.run_id,
            run_type=_run_type(run),
            conf=dict(run.conf or {}),
            drop=drop_of(run, timezone),
            triggered_by=asker(run),
        )


@task
def validate_plan(plan: PlanRef) -> FindingsRef:
    """Check the plan: contract, graph, glyphs, policy. All findings in one pass, on the findings page."""
    from pressrun.steps.validate import validate_plan as step  # noqa: PLC0415

    with airflow_errors():
        return step(_workspace(), plan)


@task
def quote_run(plan: PlanRef) -> QuoteRef:
    """Price what is not rendered yet; refused above the campaign's limit."""
    from pressrun.steps.quote import quote_run as step  # noqa: PLC0415
    from pressrun.storage.probe import open_probe  # noqa: PLC0415

    chosen = settings()
    probe = open_probe(region=chosen.region, owner=chosen.bucket_owner) if plan["press"] == "final" else None
    with airflow_errors():
        return step(_workspace(), plan, probe)


@task(trigger_rule="none_failed")
def open_gate(plan: PlanRef, quote: QuoteRef) -> list[int]:
    """The canary's verdict opens or closes the gate; returns the numbers of the shards to render."""
    from pressrun.steps.canary import open_gate as step  # noqa: PLC0415

    with airflow_errors():
        return step(_workspace(), plan, quote)


@task(trigger_rule="all_done")
def collect_results(
    plan: PlanRef, quote: QuoteRef, agreed: dict[str, Any] | None, title: str, notify: Sequence[str]
) -> CollectionRef:
    """Account for every item, judge it, open the review round. Runs also where shards failed: what is there counts."""
    from pressrun.orchestration.reaper import stop_left_over_jobs  # noqa: PLC0415
    from pressrun.steps.collect import collect_run  # noqa: PLC0415

    if not agreed:  # all_done lets this task start after a refusal, too
        raise AirflowSkipException("Nothing was bought, so there is nothing to collect.")
    ws = _workspace()
    with airflow_errors():
        stop_left_over_jobs(ws, plan["run_key"])
        found = collect_run(ws, plan, quote)
    if found["round"] and not found["settled"]:
        from pressrun.orchestration.tidings import tell_ready  # noqa: PLC0415

        tell_ready(ws, get_current_context()["dag_run"], plan, found, title=title, notify=notify)
    return found


def publish_assets(delivered: Asset) -> Any:
    """The publishing task of a campaign; `delivered` is its outlet, so that other DAGs can be scheduled on it."""

    @task(task_id="publish_assets", outlets=[delivered])
    def publish(
        plan: PlanRef, review: ReviewRef, title: str, notify: Sequence[str], *, outlet_events: Any = None
    ) -> PublishRef:
        """Publish approved bytes, once each, and say so."""
        from pressrun.orchestration.tidings import tell_published  # noqa: PLC0415
        from pressrun.steps.publish import publish_run  # noqa: PLC0415

        with airflow_errors():
            found = publish_run(_workspace(), plan, review)
        outlet_events[delivered].extra = {"run_key": plan["run_key"], "press": plan["press"], **found}
        tell_published(get_current_context()["dag_run"], plan, found, title=title, notify=notify)
        return found

    return publish


@task(trigger_rule="none_failed")
def close_run(
    plan: PlanRef,
    quote: QuoteRef,
    collection: CollectionRef,
    review: ReviewRef | None,
    publication: PublishRef | None,
) -> CloseRef:
    """Write the run's summary and lineage: what was planned, rendered, approved, published, and what remains."""
    from pressrun.steps.close import close_run as step  # noqa: PLC0415

    with airflow_errors():
        return step(_workspace(), plan, quote, collection, review, publication)


def _run_type(dag_run: Any) -> str:
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def _workspace() -> Workspace:
    return open_workspace(settings())
