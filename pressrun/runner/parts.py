"""What all engines of a job share, and a prompt under way."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from pressrun.core.binding import graph_of
from pressrun.core.graph import Graph
from pressrun.core.item import Item
from pressrun.core.result import Sink
from pressrun.core.shard import Shard
from pressrun.runner.config import RunnerConfig
from pressrun.runner.desk import Desk
from pressrun.runner.places import Places
from pressrun.runner.work import Ticket, WorkQueue


@dataclass(slots=True)
class Flight:
    """A prompt under way: its ticket, the artist's graph with the item in it, and the graph that was posted.

    `deadline` is set when it starts; `dropped` means its outcome no longer matters.
    """

    ticket: Ticket
    graph: Graph
    posted: Graph
    sink: Sink = "stock"
    deadline: float | None = None
    timed_out: bool = False
    dropped: bool = False


@dataclass(frozen=True)
class JobParts:
    """What all engines of a job share."""

    shard: Shard
    shard_sha256: str
    config: RunnerConfig
    places: Places
    host: str
    work: WorkQueue
    desk: Desk
    pool: Executor


def bind(shard: Shard, item: Item, filename_prefix: str) -> Graph:
    """The graph to post for an item, or for the batch that it is of."""
    return graph_of(shard.workflows[item.workflow], item, filename_prefix=filename_prefix)
