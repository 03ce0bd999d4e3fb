"""The canary's choice: every workflow × locale × size is seen once before any is seen twice."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.item import Item
from pressrun.core.sampling import handful

MakeItem = Callable[..., Item]
LOCALES = ("de-DE", "ja-JP", "ar-AE", "hi-IN")
SIZES = {"square": (768, 768), "story": (576, 1024), "wide": (1024, 576)}


def stratum(item: Item) -> tuple[str, str, object, object]:
    return item.workflow, item.locale, item.params["width"], item.params["height"]


def grid(make_item: MakeItem, products: int, locales: int, sizes: int, workflows: int, variants: int) -> list[Item]:
    return [
        make_item(
            {"product": f"p{product}", "locale": locale, "size": size, "variant": f"v{variant}"},
            workflow=f"w{product % workflows}",
            params={"width": SIZES[size][0], "height": SIZES[size][1]},
            cell_id=f"{product}/{locale}/{size}",
            seed=10 * product + variant,
        )
        for product in range(products)
        for locale in LOCALES[:locales]
        for size in list(SIZES)[:sizes]
        for variant in range(variants)
    ]


@given(
    products=st.integers(1, 8),
    locales=st.integers(1, 4),
    sizes=st.integers(1, 3),
    workflows=st.integers(1, 2),
    variants=st.integers(1, 2),
    size=st.integers(0, 30),
    shuffle=st.randoms(use_true_random=False),
)
def test_every_stratum_is_seen_before_any_is_seen_twice(
    make_item: MakeItem, products: int, locales: int, sizes: int, workflows: int, variants: int, size: int, shuffle
) -> None:
    items = grid(make_item, products, locales, sizes, workflows, variants)
    shuffle.shuffle(items)
    units = [(item,) for item in items]
    chosen, rest = handful(units, size=size)
    picked = [item for unit in chosen for item in unit]
    assert len(picked) == min(size, len(items))
    assert sorted(item.item_id for unit in (*chosen, *rest) for item in unit) == sorted(one.item_id for one in items)
    assert [unit for unit in units if unit in rest] == rest, "the rest stays in plan order"
    every = {stratum(item) for item in items}
    seen = [stratum(item) for item in picked]
    assert len(set(seen)) == min(size, len(every))
    assert len(set(seen[: len(every)])) == min(size, len(every)), "no stratum twice before each came once"
    if variants > 1 and size > len(every):
        cells = [(item.cell_id, item.seed) for item in picked]
        assert any(
            one[0] == other[0] and one[1] != other[1] for at, one in enumerate(cells) for other in cells[at + 1 :]
        ), "a pair of candidates shows whether the seed changes anything"


def test_of_one_stratum_products_differ(make_item: MakeItem) -> None:
    chosen, _ = handful([(item,) for item in grid(make_item, 8, 1, 1, 1, 1)], size=4)
    assert len({unit[0].axes["product"] for unit in chosen}) == 4
