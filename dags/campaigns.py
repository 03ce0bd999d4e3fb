"""One DAG per include/campaigns/*/campaign.yaml. To add a campaign, add a folder; nothing changes here.

Airflow looks for the words "airflow" and "dag" before it reads a file.
"""

from __future__ import annotations

from pressrun.orchestration.campaign_files import campaign_dags
from pressrun.settings import settings

for campaign_dag in campaign_dags(settings().include):
    globals()[campaign_dag.dag_id] = campaign_dag
