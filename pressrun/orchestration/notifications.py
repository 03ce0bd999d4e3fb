"""Telling people: notices go out through Airflow notifiers. A message that cannot be sent never fails a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseNotifier, Context

from pressrun.core import notice as notices
from pressrun.core.ids import campaign_of
from pressrun.core.notice import Notice
from pressrun.orchestration.links import gallery_url, task_url
from pressrun.settings import Settings, settings

log = logging.getLogger(__name__)
WEBHOOK_TRIES = 3
WEBHOOK_PAUSE_SECONDS = 1.0


class WebhookNotifier(BaseNotifier):
    """POST a notice as JSON. Tries again where the other side is away or answers 429 or 5xx.

    `Idempotency-Key` is the notice's digest, so that a receiver can drop what a retry sends twice.
    """

    def __init__(self, *, url: str, notice: Notice, pause_seconds: float = WEBHOOK_PAUSE_SECONDS) -> None:
        super().__init__()
        self.url, self.notice, self.pause_seconds = url, notice, pause_seconds

    def notify(self, context: Context) -> None:  # noqa: ARG002
        import httpx  # noqa: PLC0415 - not needed where a DAG is only parsed

        body, digest = self.notice.to_bytes(), self.notice.digest()
        headers = {"content-type": "application/json", "idempotency-key": digest}
        for attempt in range(1, WEBHOOK_TRIES + 1):
            try:
                answer = httpx.post(self.url, content=body, headers=headers, timeout=10)
                if answer.status_code not in (429, 500, 502, 503, 504) or attempt == WEBHOOK_TRIES:
                    answer.raise_for_status()
                    return
            except httpx.TransportError:
                if attempt == WEBHOOK_TRIES:
                    raise
            time.sleep(self.pause_seconds * attempt)


class FailureNotifier(BaseNotifier):
    """`on_failure_callback` of every task: says which task failed and why, once its retries are used up."""

    def __init__(self, *, title: str, notify: Sequence[str]) -> None:
        super().__init__()
        self.title, self.to = title, tuple(notify)

    def notify(self, context: Context) -> None:
        try:
            deliver(failure_notice(context, title=self.title), to=self.to)
        except Exception:
            log.exception("The failure could not be told; the run's state is not touched by that.")


def failure_notice(context: Context, *, title: str) -> Notice:
    """The notice about the failed task of this context."""
    ti: Any = context["ti"]
    task = ti.task_id if ti.map_index in (None, -1) else f"{ti.task_id}[{ti.map_index}]"
    chosen = settings()
    return notices.failed(
        campaign=campaign_of(ti.dag_id) or ti.dag_id,
        title=title,
        run_id=ti.run_id,
        task=task,
        reason=str(context.get("exception") or ""),
        links={
            "Findings and pictures": gallery_url(chosen, ti.dag_id, ti.run_id),
            "Log": task_url(chosen, ti.dag_id, ti.run_id, ti.task_id),
        },
    )


def deliver(notice: Notice, *, to: Sequence[str], files: Sequence[str] = ()) -> list[str]:
    """Send a notice by every way that the settings name. Returns the ways that worked; others are logged."""
    log.info("%s", notice.plain())
    sent: list[str] = []
    for way, notifier in _notifiers(settings(), notice, to, files).items():
        try:
            # notify() and not a call: a call would render the texts as Jinja, and they are other people's words.
            notifier.notify({})
        except Exception as exc:
            log.warning("The notice %r could not be sent by %s: %s", notice.kind, way, exc)
        else:
            sent.append(way)
    return sent


def _notifiers(chosen: Settings, notice: Notice, to: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    ways: dict[str, Any] = {}
    if chosen.webhook_url:
        ways["webhook"] = WebhookNotifier(url=chosen.webhook_url, notice=notice)
    if chosen.smtp_conn_id and to:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415 - only where mail is sent

        ways["mail"] = SmtpNotifier(
            smtp_conn_id=chosen.smtp_conn_id,
            to=list(to),
            subject=" ".join(notice.subject.split()),
            html_content=notice.html(),
            files=list(files),
        )
    return ways
