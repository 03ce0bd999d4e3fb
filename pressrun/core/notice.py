"""Notices: what people and systems are told about a run, as one document and as text. Nothing is sent from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, ClassVar, Literal

from pydantic import Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.refs import CollectionRef, PlanRef, PublishRef, QuoteRef

NoticeKind = Literal["spend_needs_approval", "canary_waits", "ready_for_review", "failed", "published"]
TEXT_LIMIT = 2000


class Notice(VersionedDocument):
    """One message. `links` are for people (label -> URL); `payload` is for systems, its members depend on `kind`."""

    SCHEMA: ClassVar[str] = "notice/1"

    kind: NoticeKind
    campaign: str
    run_id: str
    subject: str
    text: str
    links: dict[str, str] = Field(default_factory=dict)
    payload: dict[str, Any] = Field(default_factory=dict)

    def plain(self) -> str:
        """Subject, text and links, for a log or a text mail."""
        return "\n".join([self.subject, "", self.text, "", *(f"{name}: {url}" for name, url in self.links.items())])

    def html(self) -> str:
        """The same for a mail. Everything is escaped: titles and error messages are other people's words."""
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in self.text.split("\n\n"))
        links = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in self.links.items())
        return f"<h1>{escape(self.subject)}</h1>{paragraphs}" + (f"<ul>{links}</ul>" if links else "")


def spend_needs_approval(
    *, title: str, run_id: str, plan: PlanRef, quote: QuoteRef, links: Mapping[str, str], besides: Sequence[str] = ()
) -> Notice:
    """`besides` are the quote's further sentences (Quote.besides)."""
    return Notice(
        kind="spend_needs_approval",
        campaign=plan["campaign"],
        run_id=run_id,
        subject=f"{title}: ${quote['ceiling_usd']:.2f} needs your approval",
        text=spend_text(quote, besides),
        links=dict(links),
        payload={"plan": plan, "quote": quote},
    )


def canary_waits(*, title: str, run_id: str, plan: PlanRef, quote: QuoteRef, links: Mapping[str, str]) -> Notice:
    return Notice(
        kind="canary_waits",
        campaign=plan["campaign"],
        run_id=run_id,
        subject=f"{title}: look at the canary before the rest is bought",
        text=canary_text(quote),
        links=dict(links),
        payload={"plan": plan, "quote": quote},
    )


def ready_for_review(
    *, title: str, run_id: str, plan: PlanRef, collection: CollectionRef, sheet_uri: str, links: Mapping[str, str]
) -> Notice:
    counts = collection["counts"]
    fresh = counts.get("rendered", 0)
    return Notice(
        kind="ready_for_review",
        campaign=plan["campaign"],
        run_id=run_id,
        subject=f"{title}: {fresh + counts.get('reused', 0)} pictures are ready for review",
        text=(
            f"{fresh} new, {counts.get('reused', 0)} from earlier runs, {counts.get('qc_rejected', 0)} refused by "
            f"quality control, {counts.get('failed', 0)} failed. Press: {plan['press']}."
        ),
        links=dict(links),
        payload={"collection": collection, "contact_sheet_uri": sheet_uri, "press": plan["press"]},
    )


def failed(*, campaign: str, title: str, run_id: str, task: str, reason: str, links: Mapping[str, str]) -> Notice:
    """`reason` is the task's error, a sentence where it is one of ours."""
    reason = reason[:TEXT_LIMIT] or "The task ended without telling why; its log may."
    return Notice(
        kind="failed",
        campaign=campaign,
        run_id=run_id,
        subject=f"{title}: {task} failed",
        text=reason,
        links=dict(links),
        payload={"task": task, "reason": reason},
    )


def published(*, title: str, run_id: str, plan: PlanRef, publication: PublishRef, links: Mapping[str, str]) -> Notice:
    """The payload is what an asset system needs to fetch the delivery."""
    return Notice(
        kind="published",
        campaign=plan["campaign"],
        run_id=run_id,
        subject=f"{title}: {publication['published']} files published",
        text=(
            f"{publication['approved']} approved, {publication['published']} newly published, "
            f"{publication['already_published']} were there already. Index: {publication['index_uri']}"
        ),
        links=dict(links),
        payload={"run_key": plan["run_key"], "press": plan["press"], **publication},
    )


def spend_text(quote: QuoteRef, besides: Sequence[str] = ()) -> str:
    """The quote in two sentences, and a paragraph for each of `besides`."""
    unpriced = f" {quote['unpriced']} items have no known price." if quote["unpriced"] else ""
    told = (
        f"{quote['to_render']} pictures to render in {quote['canary'] + quote['shards']} jobs, "
        f"{quote['reused']} reused. Expected ${quote['usd']:.2f}, at most ${quote['ceiling_usd']:.2f}.{unpriced}"
    )
    return "\n\n".join([told, *(f"{one[:1].upper()}{one[1:]}." for one in besides)])


def canary_text(quote: QuoteRef) -> str:
    """What waits for somebody to look at the canary."""
    return (
        f"The canary's pictures passed quality control. {quote['shards']} more jobs wait for a person to look at them; "
        f"all {quote['to_render']} pictures together are expected to cost ${quote['usd']:.2f}."
    )
