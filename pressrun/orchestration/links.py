"""Links from a run to where people act: its page, its gallery with findings and review, a task with its log."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from pressrun.settings import Settings, settings

# The tabs that plugins/pressrun_plugin.py registers; a test compares the two.
REVIEW_TAB = "pressrun-review"
PLAN_TAB = "pressrun-plan"


def run_url(chosen: Settings, dag_id: str, run_id: str) -> str:
    """The page of a DAG run in the Airflow UI."""
    return f"{chosen.base_url.rstrip('/')}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def gallery_url(chosen: Settings, dag_id: str, run_id: str) -> str:
    """The gallery tab of a DAG run: review, findings and contact sheet."""
    return f"{run_url(chosen, dag_id, run_id)}/plugin/{REVIEW_TAB}"


def plan_url(chosen: Settings, dag_id: str, run_id: str) -> str:
    """The plan tab of a DAG run: what it makes, what it costs, what was found, and its canary's pictures."""
    return f"{run_url(chosen, dag_id, run_id)}/plugin/{PLAN_TAB}"


def task_url(chosen: Settings, dag_id: str, run_id: str, task_id: str) -> str:
    """The page of a task instance, where its log is."""
    return f"{run_url(chosen, dag_id, run_id)}/tasks/{quote(task_id, safe='')}"


class GalleryLink(BaseOperatorLink):
    """The button "Gallery" on a task."""

    name = "Gallery"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        return gallery_url(settings(), ti_key.dag_id, ti_key.run_id)


class PlanLink(BaseOperatorLink):
    """The button "Plan and cost" on a task."""

    name = "Plan and cost"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        return plan_url(settings(), ti_key.dag_id, ti_key.run_id)
