"""The desk: where end states are written down. Files first, then the line that speaks of them."""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pressrun.comfy.errors import Failure
from pressrun.comfy.protocol import Prompt
from pressrun.core.codec import digest_of
from pressrun.core.item import Item
from pressrun.core.result import ItemError, ItemResult, OutputFile, Progress, Sink, write_segment
from pressrun.core.shard import Shard
from pressrun.runner.atomic import write_atomic
from pressrun.runner.events import EventLog, now_iso
from pressrun.runner.journal import Journal, earlier_results, next_number
from pressrun.runner.places import Places
from pressrun.runner.work import Ticket, WorkQueue

PROGRESS_SECONDS = 3.0
_LOG_SECONDS = 1.0


@dataclass(frozen=True)
class Run:
    """What one prompt was: for its items' result lines, whichever way it ended. Seconds are of all of them together."""

    prompt_id: str
    seconds: float
    node_seconds: dict[str, float]
    engine_version: str
    sink: Sink = "stock"

    @classmethod
    def of(cls, prompt: Prompt, engine_version: str, sink: Sink) -> Run:
        nodes = {node: round(seconds, 4) for node, seconds in prompt.node_seconds.items()}
        return cls(prompt.id, round(prompt.seconds or 0.0, 4), nodes, engine_version, sink)


def log(text: str) -> None:
    """One line on stdout, with the time; the container's log is what a person reads first."""
    print(f"{now_iso()} {text}", flush=True)


class Desk:
    """Counts and records. Only the event loop calls it."""

    def __init__(self, shard: Shard, work: WorkQueue, places: Places, *, job: str, host: str, event_text: bool) -> None:
        self._shard, self._work, self._places, self._job, self._host = shard, work, places, job, host
        self._results = Journal(places.output / "results", host, scratch=places.scratch)
        self._event_lines = Journal(places.output / "events", host, scratch=places.scratch, lines=500, seconds=5.0)
        self.events = EventLog(self._event_lines, job=job, host=host, text=event_text)
        self._progress_number = next_number(places.output / "progress", host)
        self._progress_at = 0.0
        self._logged_at = 0.0
        self._began = time.monotonic()
        self.busy_seconds = self.warm_up_seconds = 0.0
        self.rendered = self.failed = self.resumed = 0
        self.failure_kinds: dict[str, int] = {}
        self.first_failure = ""

    @property
    def planned(self) -> int:
        return len(self._shard.items)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def resume(self) -> None:
        """Count what an earlier run on this disk finished, and take it out of the work."""
        done = earlier_results(self._places.output / "results", self._places.output)
        for ticket in list(self._work.waiting):
            ended = [
                result
                for item in ticket.items
                if (result := done.get(item.item_id)) and result.render_key == item.render_key
            ]
            gone = {result.item_id for result in ended}
            self._work.decided(item for item in ticket.items if item.item_id in gone)
            self.resumed += len(ended)
            self.rendered += sum(result.outcome == "rendered" for result in ended)
            self.failed += sum(result.outcome == "failed" for result in ended)
            left = tuple(item for item in ticket.items if item.item_id not in gone)
            if left:
                ticket.items = left
            else:
                self._work.waiting.remove(ticket)
        if self.resumed:
            log(f"resumed: {self.resumed}/{self.planned} items were already done here")

    def warmed_up(self, workflow: str, models: tuple[str, ...], outcome: str, seconds: float) -> None:
        """Note a warm-up; its seconds are no item's."""
        self.warm_up_seconds += seconds
        named = f" with {', '.join(models)}" if models else ""
        log(f"warm-up of {workflow}{named}: {outcome} in {seconds:.2f} s")
        self.events.write("warmed_up", workflow=workflow, models=models, outcome=outcome, seconds=round(seconds, 3))

    def render(self, ticket: Ticket, run: Run, outputs: Sequence[tuple[OutputFile, ...]]) -> None:
        """Write down a prompt's rendered items; their files, item by item, are in place."""
        ticket.tries += 1
        for item, files in zip(ticket.items, outputs, strict=True):
            self.rendered += 1
            self._write(item, ticket, run, outputs=files)
        self._close(ticket, run)
        if time.monotonic() - self._logged_at >= _LOG_SECONDS:
            self._logged_at = time.monotonic()
            log(f"rendered {self.rendered}/{self.planned}: {ticket.label} in {run.seconds:.2f} s")

    def fail(self, ticket: Ticket, run: Run, failure: Failure) -> None:
        """Write down a prompt's items as failed; stops the work where too many have."""
        count = len(ticket.items)
        self.failed += count
        self.failure_kinds[failure.kind] = self.failure_kinds.get(failure.kind, 0) + count
        self.first_failure = self.first_failure or failure.message
        log(f"failed {ticket.label} [{failure.kind}]: {failure.message}")
        larger = failure.kind == "out-of-memory"
        needs = " — it needs a larger job.instance_type" + (" or a smaller batch" if ticket.pictures > 1 else "")
        message = failure.message + (needs if larger else "")
        error = ItemError(kind=failure.kind, message=message, node=failure.node, larger_instance=larger)
        for item in ticket.items:
            self._write(item, ticket, run, error=error)
        self._close(ticket, run)
        if self.failed > self._shard.limits.failed_share * self.planned and not self._work.settled:
            self._work.stop("budget")

    def _close(self, ticket: Ticket, run: Run) -> None:
        self.busy_seconds += run.seconds
        self._work.decided(ticket.items)

    def _write(
        self, item: Item, ticket: Ticket, run: Run, *, outputs: tuple[OutputFile, ...] = (),
        error: ItemError | None = None,
    ) -> None:  # fmt: skip
        share = len(ticket.items)
        started = datetime.datetime.fromtimestamp(ticket.first_started or time.time(), datetime.UTC)
        result = ItemResult(
            item_id=item.item_id,
            render_key=item.render_key,
            outcome="failed" if error else "rendered",
            outputs=outputs,
            error=error,
            tries=max(1, ticket.tries),
            seed=item.seed,
            params_sha256=digest_of(item.params),
            prompt_id=run.prompt_id,
            started_at=started.isoformat(timespec="milliseconds"),
            seconds=round(run.seconds / share, 4),
            node_seconds={node: round(seconds / share, 4) for node, seconds in run.node_seconds.items()},
            engine_version=run.engine_version,
            sink=run.sink,
            batch=item.batch,
            host=self._host,
        )
        self._results.add(write_segment([result]))

    async def tick(self, state: str) -> None:
        """Write files that are due, and a progress document every few seconds; the disk waits in a thread."""
        for journal in (self._results, self._event_lines):
            if journal.due and (write := journal.cut()):
                await asyncio.to_thread(write)
        if time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self.progress(state)

    def progress(self, state: str) -> None:
        """Write the next progress document now."""
        self._progress_at = time.monotonic()
        document = Progress.model_validate(
            {
                "job": self._job,
                "host": self._host,
                "number": self._progress_number,
                "planned": self.planned,
                "rendered": self.rendered,
                "failed": self.failed,
                "elapsed_seconds": round(self.elapsed, 2),
                "busy_seconds": round(self.busy_seconds, 2),
                "warm_up_seconds": round(self.warm_up_seconds, 2),
                "state": state,
            }
        )
        path = self._places.output / "progress" / f"{self._host}-{self._progress_number:06d}.json"
        self._progress_number += 1
        write_atomic(path, document.to_bytes(), scratch=self._places.scratch)

    def flush(self) -> None:
        """Write everything that waits."""
        self._results.flush()
        self._event_lines.flush()
        sys.stdout.flush()
