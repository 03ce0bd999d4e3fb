from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.codec import from_bytes
from pressrun.core.item import InputAsset, Item
from pressrun.core.plan import RenderPlan, WorkflowBundle
from pressrun.core.shard import Shard, make_shard, split


@given(st.integers(0, 400), st.integers(1, 60))
def test_split_keeps_every_item_in_order_and_nearly_equal(count: int, size: int) -> None:
    items = list(range(count))
    parts = split(items, size=size)  # type: ignore[arg-type]
    assert [item for part in parts for item in part] == items
    sizes = [len(part) for part in parts]
    assert max(sizes, default=0) <= size
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert len(parts) == -(-count // size)


def test_a_shard_carries_only_what_its_items_use(
    make_item: Callable[..., Item], make_plan: Callable[..., RenderPlan]
) -> None:
    def bundle(name: str) -> WorkflowBundle:
        return WorkflowBundle(
            name=name, graph={}, graph_sha256="0" * 64, contract_sha256="1" * 64, bindings={}, outputs=("9",)
        )

    def photo(name: str) -> InputAsset:
        return InputAsset(name=name, uri=f"s3://inputs/assets/x/{name}", sha256="2" * 64, size=3)

    first = make_item({"product": "a", "locale": "de-DE"}, inputs={"photo": "a.png"})
    second = make_item({"product": "b", "locale": "de-DE"}, inputs={"photo": "b.png"}, workflow="banner")
    plan = make_plan([first, second], max_runtime_minutes=30).model_copy(
        update={
            "workflows": {"poster": bundle("poster"), "banner": bundle("banner")},
            "inputs": (photo("a.png"), photo("b.png"), photo("c.png")),
        }
    )
    shard = make_shard(plan, [second], plan_digest=plan.digest(), phase="main", index=3, attempt=2)
    assert set(shard.workflows) == {"banner"}
    assert [asset.name for asset in shard.inputs] == ["b.png"]
    assert (shard.index, shard.attempt, shard.plan_digest) == (3, 2, plan.digest())
    assert shard.limits.max_runtime == 1800
    assert from_bytes(Shard, shard.to_bytes()) == shard
