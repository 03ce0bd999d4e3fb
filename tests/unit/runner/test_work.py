"""What a failure means for an item, and who comes next."""

from __future__ import annotations

import pytest
import runner_shards as shards

from pressrun.comfy.errors import Failure, FailureKind
from pressrun.core.shard import ShardLimits
from pressrun.runner.order import order_key
from pressrun.runner.press import ordered
from pressrun.runner.work import Ticket, WorkQueue

LIMITS = ShardLimits(max_runtime=60, item_tries=2)


def verdicts(kind: FailureKind, times: int, limits: ShardLimits = LIMITS) -> list[str]:
    ticket = Ticket((shards.item(1),))
    return [ticket.after_failure(Failure(kind, "x"), limits) for _ in range(times)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("engine", ["retry", "fail"]),
        ("timeout", ["retry", "fail"]),
        ("output", ["retry", "fail"]),
        ("out-of-memory", ["retry", "fail"]),
        ("validation", ["fail"]),
        ("input", ["fail"]),
    ],
)
def test_failures_that_may_pass_are_tried_again(kind: FailureKind, expected: list[str]) -> None:
    assert verdicts(kind, len(expected)) == expected


def test_memory_is_tried_once_more_whatever_the_limit_says() -> None:
    assert verdicts("out-of-memory", 2, ShardLimits(max_runtime=60, item_tries=1)) == ["retry", "fail"]
    assert verdicts("out-of-memory", 2, ShardLimits(max_runtime=60, item_tries=9)) == ["retry", "fail"]


def test_poison_is_quarantined_after_two_crashes() -> None:
    ticket = Ticket((shards.item(1),))
    assert [ticket.after_crash(), ticket.after_crash()] == ["retry", "fail"]
    assert ticket.tries == 0


def test_the_queue_keeps_order_and_gives_back_to_where_it_came_from() -> None:
    queue = WorkQueue.of([shards.item(n) for n in range(3)])
    first = queue.take()
    second = queue.take()
    assert first is not None
    assert second is not None
    queue.give_back(second)
    queue.again(first)
    assert [ticket.item.row for ticket in queue.waiting] == [3, 4, 2]


def test_a_stopped_queue_begins_nothing_and_keeps_its_first_reason() -> None:
    queue = WorkQueue.of([shards.item(1)])
    woken: list[int] = []
    queue.listen(lambda: woken.append(1))
    queue.stop("time")
    queue.stop("signal")
    assert queue.take() is None
    assert queue.stop_reason == "time"
    assert woken
    assert not queue.settled


def test_settled_when_every_item_is_decided() -> None:
    queue = WorkQueue.of([shards.item(1)])
    ticket = queue.take()
    assert ticket is not None
    assert not queue.settled
    queue.decided(ticket.items)
    assert queue.settled


def test_a_batch_is_one_ticket_and_what_is_done_of_it_already_is_not_waited_for() -> None:
    queue = WorkQueue.of([shards.item(9), *shards.batch(1, 4)[1:], *shards.batch(2, 2)])
    assert [(ticket.pictures, len(ticket.items)) for ticket in queue.waiting] == [(1, 1), (4, 3), (2, 2)]
    first, second, third = queue.waiting
    assert first.names == {"item_id": first.item.item_id}
    assert second.names["item_ids"] == [item.item_id for item in second.items]
    queue.decided(first.items)
    queue.decided(second.items[:2])
    queue.decided(third.items)
    assert queue.undecided == {second.items[2].item_id}


def test_a_picture_that_two_items_want_is_made_twice() -> None:
    one = shards.batch(1, 2)
    other = [item.model_copy(update={"item_id": f"b{n:015x}"}) for n, item in enumerate(shards.batch(1, 2))]
    queue = WorkQueue.of([*one, *other])
    assert [ticket.items for ticket in queue.waiting] == [tuple(one), tuple(other)]


def graph(checkpoint: str, lora: str, text: str) -> dict:
    return {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "5": {"class_type": "LoraLoader", "inputs": {"lora_name": lora, "model": ["4", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["5", 1]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "zzz", "images": ["6", 0]}},
    }


def test_order_is_workflow_checkpoint_lora_text_and_not_the_file_name() -> None:
    assert order_key("w", graph("a", "l", "t")) == ("w", ("a",), ("l",), ("t",))
    assert order_key("w", graph("a", "z", "z")) < order_key("w", graph("b", "a", "a"))
    assert order_key("w", graph("a", "a", "z")) < order_key("w", graph("a", "b", "a"))
    assert order_key("v", graph("z", "z", "z")) < order_key("w", graph("a", "a", "a"))


def test_alternating_models_are_grouped_and_equal_items_keep_their_order() -> None:
    model = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "p"}},
    }
    bindings = {"model": (shards.Binding(node="1", input="ckpt_name"),)}
    items = [shards.item(n, workflow="m", model="ba"[n % 2]) for n in range(6)]
    document = ordered(shards.shard(items, workflows=[shards.bundle("m", model, **bindings)]))
    assert [item.params["model"] for item in document.items] == list("aaabbb")
    assert [item.row for item in document.items] == [3, 5, 7, 2, 4, 6]
