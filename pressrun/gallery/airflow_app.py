"""The gallery as Airflow mounts it: built on the first request: scheduler and workers need no web app."""

from __future__ import annotations

import functools
import threading
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/pressrun"
REVIEW_ROUTE = "pressrun-review"
FINDINGS_ROUTE = "pressrun-findings"
WORKFLOW_ROUTE = "pressrun-workflow"
PLAN_ROUTE = "pressrun-plan"
QUEUE_ROUTE = "pressrun"


class AirflowGallery:
    """An ASGI app. Where the gallery cannot be built, every request fails; nothing is ever served without its gate."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._built()(scope, receive, send)

    def _built(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = _build()
            return self._app


def review_path(dag_id: str, run_id: str) -> str:
    """Path of a run's review tab inside the Airflow UI, for links in messages (both ids URL-quoted by the caller)."""
    return f"/dags/{dag_id}/runs/{run_id}/plugin/{REVIEW_ROUTE}"


def _build() -> ASGIApp:
    # Imported here, not above: FastAPI, the auth manager and boto3 belong to the API server only.
    from pressrun.gallery.airflow_auth import current_user, require_access  # noqa: PLC0415
    from pressrun.gallery.app import create_app  # noqa: PLC0415
    from pressrun.settings import settings  # noqa: PLC0415
    from pressrun.steps.workspace import open_workspace  # noqa: PLC0415

    public = urlsplit(settings().base_url)
    return create_app(
        workspace=functools.cache(lambda: open_workspace(settings())),
        current_user=current_user,
        require_access=require_access,
        origins=(f"{public.scheme}://{public.netloc}",),
    )
