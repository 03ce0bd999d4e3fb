"""Which of a prompt's files are which item's: all of them where it made one item, one of each output in a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from pressrun.comfy.wire import OutputRef
from pressrun.core.item import Item
from pressrun.core.result import OutputFile
from pressrun.runner.harvest import OutputError, wanted


def refs_of(items: Sequence[Item], refs: Sequence[OutputRef], nodes: Sequence[str]) -> list[list[OutputRef]]:
    """The files of each item, in the order of `items`, which are one item or (some of) a batch.

    A save node names its files in the order of the batch. OutputError where an output has not one for each picture:
    a node on the way may have made one of several, and then nothing tells which item it is.
    """
    if items[0].batch is None:
        return [list(refs)]
    made = wanted(refs, nodes)
    files = {node: [ref for ref in made if ref.node == node] for node in nodes}
    for node, found in files.items():
        if len(found) != items[0].batch.size:
            raise OutputError(f"{len(found)} files for a batch of {items[0].batch.size} pictures", node=node)
    return [[files[node][item.batch.index] for node in nodes] for item in items if item.batch]


async def taken(
    items: Sequence[Item],
    refs: Sequence[OutputRef],
    *,
    take: Callable[[Item, Sequence[OutputRef]], tuple[OutputFile, ...]],
    nodes: Sequence[str],
    pool: Executor,
) -> list[tuple[OutputFile, ...]]:
    """Have each item's files taken, beside each other, by `take` in a thread. OutputError of the first that fails.

    Then no item of the batch counts, and all are made again: a batch has one fate.
    """
    loop = asyncio.get_running_loop()
    own = refs_of(items, refs, nodes)
    waiting = [loop.run_in_executor(pool, take, item, found) for item, found in zip(items, own, strict=True)]
    # All of them end before anything is decided: a second try must not meet a thread that still writes.
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in ended if not isinstance(outcome, BaseException)]
