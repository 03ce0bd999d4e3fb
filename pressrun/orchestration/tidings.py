"""What a running task tells people: the review is ready, the delivery is out."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pressrun.core import keys, notice
from pressrun.core.errors import PressrunError
from pressrun.core.refs import CollectionRef, PlanRef, PublishRef
from pressrun.orchestration.links import gallery_url, run_url
from pressrun.orchestration.notifications import deliver
from pressrun.steps.workspace import Workspace

log = logging.getLogger(__name__)


def tell_ready(
    ws: Workspace, dag_run: Any, plan: PlanRef, collection: CollectionRef, *, title: str, notify: Sequence[str]
) -> None:
    """Tell reviewers that a round is open, with a link to the gallery and the contact sheet attached to the mail."""
    key = keys.contact_sheet(plan["campaign"], plan["run_key"], collection["round"])
    message = notice.ready_for_review(
        title=title,
        run_id=dag_run.run_id,
        plan=plan,
        collection=collection,
        sheet_uri=ws.work.uri(key),
        links={"Review": gallery_url(ws.settings, dag_run.dag_id, dag_run.run_id)},
    )
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "contact_sheet.jpg"
        try:
            sheet.write_bytes(ws.work.get(key))
        except PressrunError as exc:
            log.warning("The contact sheet is not attached: %s", exc)
        deliver(message, to=notify, files=[str(sheet)] if sheet.exists() else [])


def tell_published(dag_run: Any, plan: PlanRef, publication: PublishRef, *, title: str, notify: Sequence[str]) -> None:
    """Tell people and the asset system what was delivered and where its index is."""
    from pressrun.settings import settings  # noqa: PLC0415 - read where the task runs

    links = {"Run": run_url(settings(), dag_run.dag_id, dag_run.run_id)}
    message = notice.published(title=title, run_id=dag_run.run_id, plan=plan, publication=publication, links=links)
    deliver(message, to=notify)
