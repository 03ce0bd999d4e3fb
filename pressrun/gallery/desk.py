"""The review desk: documents of rounds, read from the work bucket with as few requests as it takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from typing import TypeVar

from pressrun.core import keys
from pressrun.core.codec import VersionedDocument
from pressrun.core.collection import Collection
from pressrun.core.errors import InputError, NotFoundError
from pressrun.core.node_info import NodeCatalogue
from pressrun.core.plan import RenderPlan, RunRequest
from pressrun.core.review import Decision, ReviewRound, RoundClosed
from pressrun.gallery.views import DecisionView, Origin
from pressrun.steps.decisions import Heads, read_heads
from pressrun.steps.library import Library
from pressrun.steps.workspace import Document, Workspace

READERS = 16
Part = TypeVar("Part")
Result = TypeVar("Result")


class ReviewDesk:
    """Reads rounds. Documents that never change are kept in memory; heads are listed afresh for every answer."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="pressrun-gallery")
        self._large = lru_cache(maxsize=64)(self._read)
        self._small = lru_cache(maxsize=20_000)(self._read)

    def close(self) -> None:
        """End the desk's threads."""
        self._pool.shutdown()

    @property
    def ws(self) -> Workspace:
        return self._workspace()

    def collection(self, review_round: ReviewRound) -> Collection:
        return self._as(Collection, self._large(Collection, review_round.collection_key))

    def plan(self, collection: Collection) -> RenderPlan | None:
        """The plan behind a collection; None where retention has deleted it."""
        try:
            key = keys.plan(collection.run_key, collection.plan_digest)
            return self._as(RenderPlan, self._large(RenderPlan, key))
        except NotFoundError:
            return None

    def newest_plan(self, run_key: str) -> RenderPlan | None:
        """The plan that a run made last; None where it made none, retention deleted it, or another release wrote it."""
        infos = list(self.ws.work.list(keys.runs(run_key) + "/plans/"))
        if not infos:
            return None
        try:
            newest = max(infos, key=lambda info: info.modified)
            return self._as(RenderPlan, self._large(RenderPlan, newest.key))
        except (NotFoundError, InputError):
            return None

    @cached_property
    def catalogue(self) -> NodeCatalogue:
        """What is known of node classes: the project's record, else the packaged one."""
        return Library(self.ws.settings.include).catalogue

    def heads(self, campaign: str) -> Heads:
        return read_heads(self.ws, campaign)

    def closed(self, review_round: ReviewRound) -> RoundClosed:
        key = keys.round_closed(review_round.campaign, review_round.run_key, review_round.number)
        return self._as(RoundClosed, self._small(RoundClosed, key))

    def opened(self, campaign: str, run_key: str, number: int) -> ReviewRound:
        return self._as(ReviewRound, self._small(ReviewRound, keys.round_open(campaign, run_key, number)))

    def run_id(self, run_key: str) -> str | None:
        try:
            return self._as(RunRequest, self._small(RunRequest, keys.run(run_key))).run_id
        except (NotFoundError, InputError):
            return None

    def decision_view(self, review_round: ReviewRound, record: Decision) -> DecisionView:
        """A decision as this round shows it: one made elsewhere says where."""
        here = (record.run_key, record.round) == (review_round.run_key, review_round.number)
        origin = Origin(run_key=record.run_key, run_id=self.run_id(record.run_key), round=record.round)
        own = record.model_dump(include=set(DecisionView.model_fields))
        return DecisionView(**own, origin=None if here else origin)

    def side_by_side(self, action: Callable[[Part], Result], parts: list[Part]) -> list[Result]:
        """Run `action` on every part in the desk's threads; results in order."""
        return list(self._pool.map(action, parts))

    def decisions(self, review_round: ReviewRound, collection: Collection, heads: Heads) -> dict[str, DecisionView]:
        """The record behind every head of this collection: one GET each, sixteen at a time, and never again."""
        campaign = review_round.campaign
        wanted = [
            head
            for item in collection.items
            if item.reviewable and (head := heads.get((item.item_id, item.sha256 or "")))
        ]

        def read(key: str) -> Decision:
            return self._as(Decision, self._small(Decision, key))

        records = self._pool.map(
            read, [keys.decision(campaign, head.item_id, head.sha256, head.sequence) for head in wanted]
        )
        return {record.item_id: self.decision_view(review_round, record) for record in records}

    def _read(self, kind: type[VersionedDocument], key: str) -> VersionedDocument:
        return self.ws.read(kind, key)

    @staticmethod
    def _as(kind: type[Document], document: VersionedDocument) -> Document:
        assert isinstance(document, kind)
        return document
