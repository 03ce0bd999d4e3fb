"""Registers the review gallery with Airflow: its app, a navigation entry, and four tabs on every DAG run."""

from __future__ import annotations

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from pressrun.gallery.airflow_app import (
    FINDINGS_ROUTE,
    PLAN_ROUTE,
    PREFIX,
    QUEUE_ROUTE,
    REVIEW_ROUTE,
    WORKFLOW_ROUTE,
    AirflowGallery,
)
from pressrun.local.one_writer import OneWriter

_RUN = PREFIX + "/dags/{DAG_ID}/runs/{RUN_ID}"


class PressrunPlugin(AirflowPlugin):
    """Everything that Pressrun adds to the Airflow UI."""

    name = "pressrun"
    fastapi_apps = [  # noqa: RUF012 - Airflow declares these as instance variables
        {"app": AirflowGallery(), "url_prefix": PREFIX, "name": "Pressrun review"}
    ]
    fastapi_root_middlewares = (
        [{"middleware": OneWriter, "kwargs": {"apart": PREFIX}, "name": "one writer at a time"}]
        if conf.get("database", "sql_alchemy_conn").startswith("sqlite")
        else []
    )
    external_views = [  # noqa: RUF012
        {
            "name": "Review",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": QUEUE_ROUTE,
        },
        {"name": "Review", "href": f"{_RUN}/", "destination": "dag_run", "url_route": REVIEW_ROUTE},
        {"name": "Findings", "href": f"{_RUN}/findings", "destination": "dag_run", "url_route": FINDINGS_ROUTE},
        {"name": "Plan and cost", "href": f"{_RUN}/plan", "destination": "dag_run", "url_route": PLAN_ROUTE},
        {"name": "Workflow", "href": f"{_RUN}/workflow", "destination": "dag_run", "url_route": WORKFLOW_ROUTE},
    ]
