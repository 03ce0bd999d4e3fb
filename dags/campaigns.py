"""One DAG per include/campaigns/*/campaign.yaml. To add a campaign, add a folder; nothing changes here.

Airflow looks for the words "airflow" and "dag" before it reads a file.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from pressrun.orchestration.campaign_files import campaign_dags
from pressrun.settings import settings

for campaign_dag in campaign_dags(settings().include, only=get_parsing_context().dag_id):
    globals()[campaign_dag.dag_id] = campaign_dag
