"""One campaign file, one DAG."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow.sdk import DAG, Asset, CronTriggerTimetable

from pressrun.core.campaign import CampaignSpec, parse_campaign
from pressrun.core.errors import PressrunError
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.ids import dag_id_of
from pressrun.core.knobs import Knob, open_knobs
from pressrun.orchestration import tasks
from pressrun.orchestration.canary import ApproveCanary
from pressrun.orchestration.form import trigger_form
from pressrun.orchestration.notifications import FailureNotifier
from pressrun.orchestration.processing import RenderShardOperator
from pressrun.orchestration.review import HumanReviewSensor
from pressrun.orchestration.spend import ApproveSpend
from pressrun.settings import settings


def build_campaign_dag(file: Path) -> DAG:
    """The DAG of a campaign.yaml. FindingsError where the file, its schedule or its timezone is wrong."""
    spec = parse_campaign(file.read_bytes(), file=_shown(file))
    with _dag(spec, file) as dag:
        _wire(spec)
    return dag


def _dag(spec: CampaignSpec, file: Path) -> DAG:
    schedule, start = _when(spec, file)
    return DAG(
        dag_id=dag_id_of(spec.campaign),
        dag_display_name=spec.title,
        description=f"Press runs of {spec.title}",
        doc_md=_manual(spec),
        schedule=schedule,
        start_date=start,
        catchup=spec.catchup and schedule is not None,
        # Drops wait for review side by side, and a run that waits costs nothing.
        max_active_runs=16,
        params=trigger_form(spec, _knobs(spec)),
        tags={"pressrun", "campaign", f"team:{spec.team}"},
        render_template_as_native_obj=False,
        default_args={
            "owner": spec.owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=15),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "on_failure_callback": FailureNotifier(title=spec.title, notify=spec.notify),
        },
    )


def _knobs(spec: CampaignSpec) -> tuple[Knob, ...]:
    """What the campaign leaves to who triggers it. A contract that cannot be read is told when the plan is made."""
    if not spec.knobs:
        return ()
    from pressrun.steps.library import Library  # noqa: PLC0415 - schemas and validators, for campaigns with knobs only

    try:
        contract = Library(settings().include).find(spec.workflow).contract
        return open_knobs(spec, json.loads(contract.read_bytes())["properties"])
    except (PressrunError, OSError, ValueError, LookupError, TypeError):
        return ()


def _wire(spec: CampaignSpec) -> None:
    """expand → validate → quote → (approve) → canary → gate → (look) → shards → collect → review → publish → close."""
    chosen = settings()
    aws: dict[str, Any] = {"aws_conn_id": chosen.aws_conn_id, "region_name": chosen.region}
    told: dict[str, Any] = {"title": spec.title, "notify": list(spec.notify)}
    plan: Any = tasks.expand_manifest(timezone=spec.timezone)
    quote: Any = tasks.quote_run(plan)
    tasks.validate_plan(plan) >> quote
    spend: Any = ApproveSpend(task_id="approve_spend", plan=plan, quote=quote, **told)
    canary = RenderShardOperator(task_id="render_canary", plan=plan, quote=quote, phase="canary", index=0, **aws)
    shard_indexes: Any = tasks.open_gate(plan, quote)
    looked: Any = None
    if spec.job.canary_review == "ask":
        looked = ApproveCanary(task_id="approve_canary", plan=plan, quote=quote, **told)
    shards = RenderShardOperator.partial(
        task_id="render_shards",
        plan=plan,
        quote=quote,
        phase="main",
        max_active_tis_per_dagrun=spec.job.parallel,
        map_index_template="shard {{ task.index }}",
        **aws,
    ).expand(index=shard_indexes)
    collection: Any = tasks.collect_results(plan, quote, spend.output, **told)
    review: Any = HumanReviewSensor(
        task_id="await_review",
        plan=plan,
        collection=collection,
        timeout_hours=spec.review.timeout_hours,
    )
    delivered = Asset(name=f"published_{spec.campaign}", uri=f"s3://{chosen.bucket_published}/{spec.campaign}")
    publication: Any = tasks.publish_assets(delivered)(plan, review.output, **told)
    closed: Any = tasks.close_run(plan, quote, collection, review.output, publication)
    quote >> spend >> canary >> shard_indexes
    if looked is not None:
        shard_indexes >> looked >> shards
    [spend, canary, shards] >> collection
    spend >> closed


def _when(spec: CampaignSpec, file: Path) -> tuple[CronTriggerTimetable | None, datetime | None]:
    """The timetable and the first drop, in the campaign's timezone; nothing where it has no schedule."""
    try:
        zone = ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise _wrong(file, "timezone", f"unknown timezone {spec.timezone!r}", "use a name like Europe/Berlin") from exc
    if spec.schedule is None:
        return None, None
    try:
        timetable = CronTriggerTimetable(spec.schedule, timezone=spec.timezone)
        _check_cron(spec.schedule)
    except Exception as exc:
        remedy = "use five cron fields, for example `0 6 * * 1` for Mondays at 06:00"
        raise _wrong(file, "schedule", f"{spec.schedule!r} is no cron schedule: {exc}", remedy) from exc
    if spec.start is None:
        if spec.catchup:
            raise _wrong(file, "start", "catchup needs a first drop", "add `start: 2026-03-01`, or remove catchup")
        # With a start in the past Airflow prints the latest missed drop at once; without one it waits for the next.
        return timetable, None
    try:
        start = datetime.fromisoformat(spec.start)
    except ValueError as exc:
        raise _wrong(file, "start", f"{spec.start!r} is no date", "use an ISO date like 2026-03-01") from exc
    return timetable, start if start.tzinfo else start.replace(tzinfo=zone)


def _check_cron(schedule: str) -> None:
    from croniter import (  # type: ignore[import-untyped]  # noqa: PLC0415 - Airflow's own cron reader
        CroniterBadCronError,
        croniter,
    )

    if not croniter.is_valid(schedule):
        raise CroniterBadCronError("wrong fields")


def _wrong(file: Path, field: str, message: str, remedy: str) -> FindingsError:
    place = Place(file=_shown(file), pointer=f"/{field}")
    return FindingsError.of(
        [Finding(code=f"campaign-{field}", message=message, place=place, remedy=remedy)], subject=_shown(file)
    )


def _shown(file: Path) -> str:
    """The file as people know it: its folder and name."""
    return f"{file.parent.name}/{file.name}"


def _manual(spec: CampaignSpec) -> str:
    """What the DAG's page says."""
    when = f"Printed by schedule `{spec.schedule}` ({spec.timezone})." if spec.schedule else "Printed when triggered."
    return f"""# {spec.title}

{when} Markets: {", ".join(spec.locales)}. Owner: {spec.owner}.

**Trigger** makes a *proof*: the whole campaign, drawn in minutes, for nothing. Choose the *final* press when the proof
is right. Markets, a limit and a dry run are in the form.

When **await_review** waits, open the run's **Gallery** tab: decide every cell, then finish the round. Publishing
follows by itself. A red task says in one sentence what to mend; rows and columns are on the Gallery tab under Findings.

Running again never buys the same picture twice. To render what failed, trigger again.
"""
