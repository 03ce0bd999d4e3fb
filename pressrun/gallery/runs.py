"""A run's page: where it stands and what it found, read from the documents that it left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pressrun.core import ids, keys
from pressrun.core.account import RunSummary
from pressrun.core.collection import Collection
from pressrun.core.errors import InputError, NotFoundError
from pressrun.core.findings import FindingsReport
from pressrun.core.gate import Gate
from pressrun.core.plan import RunRequest
from pressrun.core.quote import Quote
from pressrun.core.review import ReviewRound
from pressrun.gallery.access import Seat
from pressrun.gallery.errors import not_found
from pressrun.steps.review import RoundListing, list_rounds
from pressrun.steps.workspace import Document, Workspace
from pressrun.storage.store import ObjectInfo

_RUN_ID = re.compile(r"[^/\x00-\x1f]{1,250}")
StageState = Literal["done", "current", "failed", "waiting", "skipped"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the strip on top of the page."""

    name: str
    state: StageState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything the run's page shows. A document is None until the run has left it."""

    campaign: str
    title: str
    dag_id: str
    run_id: str
    run_key: str | None
    editions: tuple[str, ...]
    request: RunRequest | None
    findings: FindingsReport | None
    quote: Quote | None
    gate: Gate | None
    collection: Collection | None
    summary: RunSummary | None
    jobs: int
    finished: int
    """Pictures that jobs have uploaded so far; 0 once they are collected."""
    rounds: tuple[RoundListing, ...]
    started: datetime | None
    stages: tuple[Stage, ...]

    @property
    def headline(self) -> str:
        """The run's state in a few words."""
        failed = next((stage for stage in self.stages if stage.state == "failed"), None)
        if failed:
            return f"{failed.name} stopped: {failed.detail}"
        current = next((stage for stage in self.stages if stage.state == "current"), None)
        return f"{current.name}{': ' + current.detail if current and current.detail else ''}" if current else "Finished"


def run_page(here: Seat, dag_id: str, run_id: str, edition: str | None) -> RunPage:
    """The page of a run that the user may look at; 404 otherwise, whatever the reason."""
    campaign = ids.campaign_of(dag_id)
    if campaign is None or not _RUN_ID.fullmatch(run_id):
        raise not_found()
    here.look(campaign)
    return read_run(here, dag_id, run_id, edition=edition)


def read_run(here: Seat, dag_id: str, run_id: str, *, edition: str | None = None) -> RunPage:
    """The run's documents, of its newest edition unless another is asked for. None where it left nothing yet."""
    ws = here.desk.ws
    campaign = ids.campaign_of(dag_id) or dag_id
    prefix = ids.run_prefix(deployment=ws.settings.deployment, dag_id=dag_id, run_id=run_id)
    by_edition: dict[str, list[ObjectInfo]] = {}
    for info in ws.work.list(keys.runs(prefix)):
        by_edition.setdefault(info.key.split("/")[1], []).append(info)
    newest_first = sorted(by_edition, key=lambda key: max(info.modified for info in by_edition[key]), reverse=True)
    run_key = edition if edition in by_edition else next(iter(newest_first), None)
    documents = by_edition.get(run_key, []) if run_key else []
    rounds = tuple(one for one in list_rounds(ws, campaign, prefix) if one.run_key == run_key)
    found = _Documents(ws, run_key or "", documents)
    findings = found.newest(FindingsReport, "findings")
    quote, collection = found.newest(Quote, "quotes"), found.newest(Collection, "collections")
    summary = found.newest(RunSummary, "close.json")
    gate = found.newest(Gate, "gates")
    jobs = found.names("jobs")
    finished = 0 if collection else _finished(ws, jobs)
    return RunPage(
        campaign=campaign,
        title=here.desk.opened(campaign, rounds[0].run_key, rounds[0].number).title if rounds else campaign,
        dag_id=dag_id,
        run_id=run_id,
        run_key=run_key,
        editions=tuple(newest_first),
        request=found.newest(RunRequest, "run.json"),
        findings=findings,
        quote=quote,
        gate=gate,
        collection=collection,
        summary=summary,
        jobs=len(jobs),
        finished=finished,
        rounds=rounds,
        started=min((info.modified for info in documents), default=None),
        stages=_stages(findings, len(found.names("plans")), quote, gate, finished, collection, rounds, summary),
    )


def rounds_of(here: Seat, page: RunPage) -> list[ReviewRound]:
    """The run's review rounds, newest first."""
    return [here.desk.opened(one.campaign, one.run_key, one.number) for one in page.rounds]


class _Documents:
    """The documents of one edition, as listed; opened only when asked for."""

    def __init__(self, ws: Workspace, run_key: str, infos: Iterable[ObjectInfo]) -> None:
        self._ws = ws
        self._names = {info.key.removeprefix(keys.runs(run_key) + "/"): info for info in infos}

    def names(self, folder: str) -> list[str]:
        """Names of the documents in a folder, without their ending."""
        inside = [name.split("/", 1)[1] for name in self._names if name.startswith(f"{folder}/")]
        return sorted(name.removesuffix(".json") for name in inside)

    def newest(self, kind: type[Document], name: str) -> Document | None:
        """The newest document of a folder, or the one of that name. None too where another release wrote it."""
        infos = [info for path, info in self._names.items() if path == name or path.startswith(f"{name}/")]
        if not infos:
            return None
        try:
            return self._ws.read(kind, max(infos, key=lambda info: info.modified).key)
        except (InputError, NotFoundError):
            return None


def _finished(ws: Workspace, jobs: list[str]) -> int:
    """Items of which the jobs have uploaded a picture; a file of theirs begins with the item's 16 digits."""
    prefixes = [f"{keys.staging(job)}images/" for job in jobs]
    return len({info.key.removeprefix(prefix)[:16] for prefix in prefixes for info in ws.work.list(prefix)})


def _stages(
    findings: FindingsReport | None,
    plans: int,
    quote: Quote | None,
    gate: Gate | None,
    finished: int,
    collection: Collection | None,
    rounds: tuple[RoundListing, ...],
    summary: RunSummary | None,
) -> tuple[Stage, ...]:
    """Judge every stage by what it has left, then mark the first that is not done as the current one."""
    errors = len(findings.errors) if findings else 0
    reviewed = bool(rounds) and rounds[0].closed is not None
    over = quote is not None and quote.ceiling_usd is not None and quote.ceiling_usd > quote.limit
    checked = _errors(errors) if plans else ""
    judged: list[Stage] = [
        Stage("Plan", "done" if plans else "failed" if errors else "waiting", "" if plans else _errors(errors)),
        Stage("Check", "failed" if errors and plans else "done" if quote else "waiting", checked),
        Stage("Quote", "failed" if over else "done" if quote else "waiting", _price(quote)),
        Stage("Render", *_rendered(quote, gate, finished, collection)),
        Stage("Review", "done" if reviewed else "waiting", "" if reviewed else "waits for people"),
        Stage("Publish", "done" if summary else "waiting", _published(summary)),
    ]
    return tuple(_in_order(judged))


def _in_order(judged: list[Stage]) -> Iterator[Stage]:
    """Of the stages that left nothing, those before the last that did were passed by; the next one is current."""
    last = max((number for number, stage in enumerate(judged) if stage.state != "waiting"), default=-1)
    stopped = any(stage.state == "failed" for stage in judged)
    for number, stage in enumerate(judged):
        if stage.state != "waiting":
            yield stage
        elif number < last:
            yield Stage(stage.name, "skipped")
        else:
            yield Stage(stage.name, "waiting") if stopped or number > last + 1 else replace(stage, state="current")


def _errors(count: int) -> str:
    return f"{count} thing{'s' * (count != 1)} to mend" if count else ""


def _price(quote: Quote | None) -> str:
    if quote is None:
        return ""
    if not quote.to_render:
        return "nothing new to render"
    return "no price known" if quote.ceiling_usd is None else f"at most ${quote.ceiling_usd:,.2f}"


def _rendered(
    quote: Quote | None, gate: Gate | None, finished: int, collection: Collection | None
) -> tuple[StageState, str]:
    if gate is not None and gate.state == "shut":
        return "failed", "stopped after the canary"
    return "done" if collection else "waiting", _rendering(quote, finished, collection)


def _rendering(quote: Quote | None, finished: int, collection: Collection | None) -> str:
    if collection is not None:
        return f"{collection.counts.rendered} new, {collection.counts.reused} reused"
    return f"{finished} of {quote.to_render} pictures" if quote and quote.to_render else ""


def _published(summary: RunSummary | None) -> str:
    return f"{summary.account.published} new files" if summary else ""
