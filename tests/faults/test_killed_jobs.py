"""A job is killed at a random item, with nothing uploaded after the kill: nothing is lost, nothing is bought twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from pressrun.steps.collect import collect_run
from pressrun.steps.jobs import ShardDone, ShardExhausted
from pressrun.steps.staging import staged_job

if TYPE_CHECKING:
    from conftest import Press

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

ITEMS = 8


@pytest.mark.parametrize("seed", range(20))
def test_sigkill_at_a_random_item_loses_nothing_and_buys_only_what_is_missing(press: Press, seed: int) -> None:
    chance = random.Random(seed)
    plan, quote = press.plan(f"kill-{seed}", limit=ITEMS)
    uploaded: list[set[str]] = []

    def kill_the_first(name: str, attempt: int) -> None:
        if attempt == 1:
            press.kill_after(name, chance.randrange(ITEMS), jitter=chance)
            assert press.wait(name).status == "Failed"
        press.wait(name)
        uploaded.append(set(staged_job(press.ws, name).rendered))

    done = press.render(plan, quote, 0, kill_the_first)
    assert isinstance(done, ShardDone)

    first, *later = press.records(plan)
    everything = press.quoted_items(plan, quote)
    assert set(first.item_ids) == everything
    assert [set(record.item_ids) for record in later] == [everything - uploaded[0]]
    assert len(press.created) == len(set(press.created)) == len(later) + 1

    collection = collect_run(press.ws, plan, quote)
    assert collection["counts"] == {
        "planned": ITEMS, "rendered": ITEMS, "reused": 0, "qc_rejected": 0, "failed": 0, "lost": 0
    }  # fmt: skip


def test_a_job_that_is_always_killed_ends_the_shard_with_what_was_saved(press: Press) -> None:
    chance = random.Random(0)
    plan, quote = press.plan("always", limit=ITEMS)
    end = press.render(plan, quote, 0, lambda name, attempt: press.kill_after(name, 0, jitter=chance))
    assert isinstance(end, ShardExhausted | ShardDone)
    assert len(press.created) <= 4
    if isinstance(end, ShardExhausted):
        assert "still missing after 4 jobs" in end.reason


def test_two_schedulers_order_one_job_for_one_attempt(press: Press) -> None:
    """The scheduler died between the order and CreateProcessingJob's answer: the next one attaches, none is bought twice."""
    from pressrun.steps.jobs import JobOrder, next_order

    plan, quote = press.plan("twice", limit=ITEMS)
    orders = [next_order(press.ws, plan, quote, "main", 0, press.describe) for _ in range(2)]
    assert isinstance(orders[0], JobOrder)
    assert isinstance(orders[1], JobOrder)
    assert orders[0].request == orders[1].request
    press.sagemaker.create_processing_job(**orders[0].request)
    with pytest.raises(press.sagemaker.exceptions.ResourceInUse):
        press.sagemaker.create_processing_job(**orders[1].request)
    again = next_order(press.ws, plan, quote, "main", 0, press.describe)
    assert isinstance(again, JobOrder)
    assert again.attach
    assert press.wait(again.name).status == "Completed"
    assert isinstance(next_order(press.ws, plan, quote, "main", 0, press.describe), ShardDone)
