"""Staging: what a job has uploaded so far, and which of it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import InputError
from pressrun.core.progress import ProgressSummary, summarize
from pressrun.core.result import ItemResult, Progress, read_segment
from pressrun.steps.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StagedJob:
    """Results of one job by item id. `rendered` holds only items whose every output is there in its full size.

    `untrusted` counts result lines that could not be used: cut segments, images missing or of another size.
    """

    name: str
    rendered: dict[str, ItemResult]
    failed: dict[str, ItemResult]
    untrusted: int

    @property
    def empty(self) -> bool:
        return not self.rendered and not self.failed


def staged_job(ws: Workspace, name: str) -> StagedJob:
    """Read a job's result segments and check them against its listed images. Works while the job still runs.

    A killed job's last upload may be cut: such lines count as not there, and their items are rendered again.
    """
    prefix = keys.staging(name)
    sizes = {info.key: info.size for info in ws.work.list(f"{prefix}images/")}
    rendered: dict[str, ItemResult] = {}
    failed: dict[str, ItemResult] = {}
    untrusted = 0
    for info in ws.work.list(f"{prefix}results/"):
        results, cut = _segment(ws, info.key)
        untrusted += cut
        for result in results:
            if result.outcome == "failed":
                failed[result.item_id] = result
            elif result.outputs and all(sizes.get(prefix + out.file) == out.size for out in result.outputs):
                rendered[result.item_id] = result
            else:
                untrusted += 1
    still_failed = {item: result for item, result in failed.items() if item not in rendered}
    return StagedJob(name, rendered, still_failed, untrusted)


def _segment(ws: Workspace, key: str) -> tuple[list[ItemResult], int]:
    """The good lines of a segment, and 1 where something in it was cut or malformed."""
    results: list[ItemResult] = []
    data = ws.work.get(key)
    whole, newline, rest = data.rpartition(b"\n")
    try:
        results.extend(read_segment(whole + newline, where=ws.work.uri(key)))
    except InputError:
        return _line_by_line(whole, where=ws.work.uri(key)), 1
    return results, int(bool(rest))


def _line_by_line(data: bytes, *, where: str) -> list[ItemResult]:
    results: list[ItemResult] = []
    for line in data.split(b"\n"):
        try:
            results.extend(read_segment(line + b"\n", where=where))
        except InputError:
            continue
    return results


def job_progress(ws: Workspace, name: str, *, usd_per_hour: float | None = None) -> ProgressSummary | None:
    """How far a job is, from the newest progress document of each host; None before the first one arrived."""
    newest: dict[str, str] = {}
    for info in ws.work.list(f"{keys.staging(name)}progress/"):
        host = info.key.rsplit("/", 1)[1].rsplit("-", 1)[0]
        newest[host] = max(newest.get(host, ""), info.key)
    documents: list[Progress] = []
    for key in newest.values():
        try:
            documents.append(from_bytes(Progress, ws.work.get(key), where=ws.work.uri(key)))
        except InputError:
            continue  # an upload in flight; the next look finds the next number
    return summarize(documents, usd_per_hour=usd_per_hour)
