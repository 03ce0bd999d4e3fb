"""Which of a prompt's files are which item's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner_shards as shards

from pressrun.comfy.wire import OutputRef
from pressrun.core.item import Item
from pressrun.core.result import OutputFile
from pressrun.runner.harvest import OutputError
from pressrun.runner.pictures import refs_of, taken


def refs(*nodes: str, count: int = 4, kind: str = "output") -> list[OutputRef]:
    return [OutputRef(node, "images", f"{node}_{n:05}_.png", "s", kind) for node in nodes for n in range(1, count + 1)]


def test_an_item_alone_has_all_files() -> None:
    assert refs_of([shards.item(1)], refs("4", "9"), ("4", "9")) == [refs("4", "9")]


def test_a_save_node_names_its_files_in_the_order_of_the_batch() -> None:
    made = [*refs("9"), *refs("7", kind="temp"), *refs("4")]
    own = refs_of(shards.batch(1, 4), made, ("4", "9"))
    assert [[ref.filename for ref in files] for files in own] == [
        [f"4_{n:05}_.png", f"9_{n:05}_.png"] for n in (1, 2, 3, 4)
    ]


def test_those_that_are_left_of_a_batch_keep_their_places() -> None:
    items = shards.batch(1, 4)
    own = refs_of([items[1], items[3]], refs("4"), ("4",))
    assert [files[0].filename for files in own] == ["4_00002_.png", "4_00004_.png"]


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_an_output_with_another_number_of_files_is_refused(count: int) -> None:
    made = [*refs("4"), *refs("9", count=count)]
    with pytest.raises(OutputError, match=f"{count} files for a batch of 4 pictures") as caught:
        refs_of(shards.batch(1, 4), made, ("4", "9"))
    assert caught.value.failure.node == "9"


def test_all_threads_end_before_the_first_failure_is_told() -> None:
    ended: list[str] = []
    gate = threading.Event()

    def take(item: Item, own: Sequence[OutputRef]) -> tuple[OutputFile, ...]:
        if own[0].filename == "4_00001_.png":
            gate.set()
            raise OutputError("it is cut", node="4")
        assert gate.wait(60)
        ended.append(item.item_id)
        return ()

    items = shards.batch(1, 4)
    with ThreadPoolExecutor(4) as pool, pytest.raises(OutputError, match="it is cut"):
        asyncio.run(taken(items, refs("4"), take=take, nodes=("4",), pool=pool))
    assert sorted(ended) == [item.item_id for item in items[1:]]
