"""Notices reach people and systems, as they are, and never fail a run."""

from __future__ import annotations

import http.server
import json
import logging
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from pressrun.core import notice
from pressrun.core.codec import from_bytes
from pressrun.core.notice import Notice
from pressrun.core.refs import CollectionRef, PlanRef, PublishRef, QuoteRef
from pressrun.orchestration import notifications
from pressrun.orchestration.notifications import FailureNotifier, WebhookNotifier, deliver
from pressrun.orchestration.tidings import tell_published, tell_ready
from pressrun.settings import settings
from pressrun.steps.workspace import memory_workspace

PLAN = PlanRef(
    run_key="spring-1", campaign="spring", press="final", plan_digest="d", plan_uri="s3://w/p.json", planned=4
)
QUOTE = QuoteRef(
    digest="q", uri="s3://w/q.json", to_render=400, reused=8, canary=1, shards=4, usd=31.5, ceiling_usd=99.9,
    unpriced=2, needs_approval=True,
)  # fmt: skip
PUBLISHED = PublishRef(
    receipt_uri="s3://w/receipt.json", index_uri="s3://p/index.json", delivery_uri="s3://p/delivery.csv",
    approved=3, published=2, already_published=1,
)  # fmt: skip
COLLECTION = CollectionRef(
    digest="c", uri="s3://w/c.json", round=1, settled=False, jobs=2,
    counts={"planned": 4, "rendered": 2, "reused": 1, "qc_rejected": 0, "failed": 1, "lost": 0},
)  # fmt: skip
RUN = SimpleNamespace(dag_id="press_spring", run_id="manual__2026-03-01T06:00:00+00:00")


class Webhook(http.server.BaseHTTPRequestHandler):
    """Answers with `answers` in turn, then 200; keeps what it got."""

    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Webhook]]:
    Webhook.answers, Webhook.got = [], []
    monkeypatch.setattr(notifications, "WEBHOOK_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(notifications.time, "sleep", lambda seconds: None)
    with http.server.HTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("PRESSRUN_WEBHOOK_URL", f"http://127.0.0.1:{server.server_address[1]}/hook")
        yield Webhook
        server.shutdown()
        thread.join()


class Mailbox(socketserver.StreamRequestHandler):
    """The few words of SMTP that a client without TLS says."""

    mails: ClassVar[list[tuple[list[str], bytes]]] = []

    def handle(self) -> None:
        to: list[str] = []
        self._say("220 stub")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "RCPT":
                to.append(line.split("<")[1].split(">")[0])
            if word == "DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.mails.append((to, b"".join(lines)))
            self._say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mailbox]]:
    Mailbox.mails = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": server.server_address[1],
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "press@example.com"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_PRESS_MAIL", json.dumps(connection))
        monkeypatch.setenv("PRESSRUN_SMTP_CONN_ID", "press_mail")
        yield Mailbox
        server.shutdown()
        thread.join()


def _sent(webhook: type[Webhook]) -> Notice:
    return from_bytes(Notice, webhook.got[-1][1])


@pytest.mark.network
def test_published_tells_the_asset_system_where_to_fetch(webhook: type[Webhook]) -> None:
    tell_published(RUN, PLAN, PUBLISHED, title="Spring", notify=())
    sent = _sent(webhook)
    assert (sent.kind, sent.campaign, sent.run_id) == ("published", "spring", RUN.run_id)
    assert sent.payload == {"run_key": "spring-1", "press": "final", **PUBLISHED}
    assert sent.links["Run"].endswith("/dags/press_spring/runs/manual__2026-03-01T06%3A00%3A00%2B00%3A00")


@pytest.mark.network
def test_a_webhook_that_is_away_for_a_moment_gets_it_once_it_is_back(webhook: type[Webhook]) -> None:
    webhook.answers[:] = [503, 429]
    tell_published(RUN, PLAN, PUBLISHED, title="Spring", notify=())
    assert len(webhook.got) == 3
    assert len({headers["idempotency-key"] for headers, _ in webhook.got}) == 1


@pytest.mark.network
@pytest.mark.parametrize("answers", [[500, 500, 500], [404]], ids=["down", "wrong address"])
def test_a_webhook_that_refuses_never_fails_the_run(
    webhook: type[Webhook], caplog: pytest.LogCaptureFixture, answers: list[int]
) -> None:
    webhook.answers[:] = list(answers)
    with caplog.at_level(logging.WARNING):
        assert deliver(notice.failed(campaign="c", title="C", run_id="r", task="t", reason="x", links={}), to=()) == []
    assert len(webhook.got) == len(answers), "what cannot get better is not tried again"
    assert f"could not be sent by webhook: {'Server' if answers[0] == 500 else 'Client'} error" in caplog.text


@pytest.mark.network
def test_nobody_listening_never_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_WEBHOOK_URL", "http://127.0.0.1:9/")
    monkeypatch.setattr(notifications.time, "sleep", lambda seconds: None)
    assert deliver(notice.failed(campaign="c", title="C", run_id="r", task="t", reason="", links={}), to=()) == []


@pytest.mark.network
def test_ready_for_review_is_mailed_with_link_and_contact_sheet(mailbox: type[Mailbox]) -> None:
    ws = memory_workspace(settings())
    ws.work.put("reviews/spring/spring-1/01/contact_sheet.jpg", b"\xff\xd8 a sheet")
    tell_ready(
        ws, RUN, PLAN, COLLECTION, title="Spring {{ 7 * 7 }} <b>", notify=["rosa@example.com", "kenji@example.com"]
    )
    [(to, data)] = mailbox.mails
    mail = message_from_bytes(data, policy=default)
    assert to == ["rosa@example.com", "kenji@example.com"]
    assert mail["Subject"] == "Spring {{ 7 * 7 }} <b>: 3 pictures are ready for review"
    parts = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    page = parts["text/html"].get_content()
    assert "/runs/manual__2026-03-01T06%3A00%3A00%2B00%3A00/plugin/pressrun-review" in page
    assert "<b>" not in page
    assert "{{ 7 * 7 }}" in page, "other people's words are not templates"
    sheet = next(part for part in mail.walk() if part.get_filename() == "contact_sheet.jpg")
    assert sheet.get_payload(decode=True) == b"\xff\xd8 a sheet"


@pytest.mark.network
def test_a_failed_task_is_told_with_its_sentence_and_findings_page(
    mailbox: type[Mailbox], webhook: type[Webhook]
) -> None:
    ti = SimpleNamespace(dag_id="press_spring", run_id="r", task_id="render_shards", map_index=3)
    context: Any = {"ti": ti, "exception": ValueError("row 7, column 'price': is empty")}
    FailureNotifier(title="Spring", notify=["maya@example.com"]).notify(context)
    sent = _sent(webhook)
    assert sent.payload == {"task": "render_shards[3]", "reason": "row 7, column 'price': is empty"}
    assert sent.links["Findings and pictures"].endswith("/dags/press_spring/runs/r/plugin/pressrun-review")
    assert mailbox.mails[0][0] == ["maya@example.com"]


def test_a_callback_that_breaks_breaks_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    FailureNotifier(title="Spring", notify=()).notify({})
    assert "could not be told" in caplog.text


def test_spend_needs_approval_says_how_much_and_what_has_no_price() -> None:
    told = notice.spend_needs_approval(title="Spring", run_id="r", plan=PLAN, quote=QUOTE, links={"Decide": "http://x"})
    assert told.subject == "Spring: $99.90 needs your approval"
    assert told.text == (
        "400 pictures to render in 5 jobs, 8 reused. Expected $31.50, at most $99.90. 2 items have no known price."
    )
    assert told.plain().endswith("Decide: http://x")


def test_without_settings_a_notice_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    told = notice.published(title="Spring", run_id="r", plan=PLAN, publication=PUBLISHED, links={})
    with caplog.at_level(logging.INFO):
        assert deliver(told, to=["a@example.com"]) == []
    assert "2 files published" in caplog.text


def test_mail_is_not_sent_where_the_campaign_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_SMTP_CONN_ID", "press_mail")
    monkeypatch.setattr(smtplib, "SMTP", None)
    told = notice.published(title="Spring", run_id="r", plan=PLAN, publication=PUBLISHED, links={})
    assert deliver(told, to=()) == []


def test_a_webhook_notifier_is_an_airflow_notifier(tmp_path: Path) -> None:
    from airflow.sdk import BaseNotifier

    told = notice.published(title="Spring", run_id="r", plan=PLAN, publication=PUBLISHED, links={})
    assert isinstance(WebhookNotifier(url="http://127.0.0.1:9", notice=told), BaseNotifier)
