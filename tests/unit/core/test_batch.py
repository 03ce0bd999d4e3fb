"""Batches: which items are one prompt, what a campaign must be like for that, and that no key or seed is by accident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.axes import parse_combination
from pressrun.core.batch import check_batch, pictures_of, prompts_of, seed_axes
from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract
from pressrun.core.findings import Finding
from pressrun.core.item import Batch, Item
from pressrun.core.render_key import image_key
from pressrun.core.seeds import derive_seed

MakeItem = Callable[..., Item]
SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "card", "locales": ["de-DE"],
    "axes": {"mood": [{"id": "calm"}, {"id": "loud"}], "take": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
    "combine": "product * locale * mood * take", "batch": "take", "review": {"reviewers": {"*": ["rosa"]}},
    "params": {"prompt": "{{ product.name }}, {{ mood.id }}"},
}  # fmt: skip


def spec(**changes: Any) -> CampaignSpec:
    return CampaignSpec.model_validate(SPEC | changes)


class Declared(Contract):
    """A contract of which only the largest batch matters."""

    def __init__(self, most: int) -> None:
        object.__setattr__(self, "schema", {"x-batch": {"max": most}})
        object.__setattr__(self, "bindings", {"x-batch": ()} if most > 1 else {})


def wrong(most: int = 4, **changes: Any) -> list[Finding]:
    made = spec(**changes)
    return check_batch(made, Declared(most), parse_combination(made.combine))


def test_a_good_campaign_and_one_without_batches_have_nothing_to_hear() -> None:
    assert wrong() == []
    assert wrong(most=1, batch=None) == []
    assert wrong(most=1, axes={"take": [{"id": "a"}]}, combine="product * locale * take", params={}) == []


@pytest.mark.parametrize(
    ("most", "changes", "code", "pointer"),
    [
        (1, {}, "batch-undeclared", "/batch"),
        (2, {}, "batch-size", "/axes/take"),
        (4, {"job": {"shard_items": 2}}, "batch-shard", "/job/shard_items"),
        (4, {"combine": "product * locale * (mood, take)"}, "batch-zipped", "/combine"),
        (4, {"combine": "(product * take, locale) * mood"}, "batch-zipped", "/combine"),
        (4, {"params": {"prompt": "{{ 'x' if take.id == 'a' else 'y' }}"}}, "batch-template", "/params/prompt"),
        (4, {"params": {"marks": ["{{ mood.id }}", {"by": "{{ take.id }}"}]}}, "batch-template", "/params/marks"),
        (4, {"inputs": {"photo": "assets/{{ take.id }}.png"}}, "batch-template", "/inputs/photo"),
    ],
)
def test_what_keeps_an_axis_from_being_a_batch_is_told_where_it_is_written(
    most: int, changes: dict[str, Any], code: str, pointer: str
) -> None:
    (found,) = wrong(most, **changes)
    assert (found.code, found.place.pointer, found.severity) == (code, pointer, "error")
    assert found.remedy


def test_a_batch_names_an_axis_of_the_campaign() -> None:
    with pytest.raises(ValueError, match="batch names 'locale', which is not among the axes"):
        spec(batch="locale")


def axes(take: str = "a", **more: str) -> dict[str, str]:
    return {"product": "P1", "locale": "de-DE", "mood": "calm", "take": take, **more}


def seed(campaign: CampaignSpec, at: dict[str, str], round_number: int = 0) -> int:
    chosen = seed_axes(campaign, batched=round_number == 0)
    return derive_seed(campaign="mini", base=0, seed_axes=chosen, axes=at, drop="d", round_number=round_number)


@pytest.mark.parametrize("named", [["product", "mood"], ["product", "mood", "take"]])
def test_a_batch_shares_its_seed_even_where_its_axis_is_a_seed_axis(named: list[str]) -> None:
    campaign = spec(seed_axes=named)
    assert len({seed(campaign, axes(take)) for take in "abc"}) == 1
    assert seed(campaign, axes(mood="loud")) != seed(campaign, axes())


def test_what_was_sent_back_has_a_seed_of_its_own() -> None:
    campaign = spec(seed_axes=["product"])
    assert len({seed(campaign, axes(take), round_number=1) for take in "abc"} | {seed(campaign, axes())}) == 4


def test_without_a_batch_seeds_are_what_they_were() -> None:
    campaign = spec(batch=None, seed_axes=["product", "take"])
    assert seed_axes(campaign, batched=False) == ("product", "take")
    one = spec(axes={"take": [{"id": "a"}]}, combine="product * locale * take", params={}, seed_axes=["take"])
    assert seed_axes(one, batched=True) == ("take",)


def test_the_picture_s_key_is_of_its_batch_and_its_place() -> None:
    keys = {image_key(batch, index) for batch in ("k1", "k2") for index in range(4)}
    assert len(keys) == 8
    assert all(len(key) == 40 for key in keys)
    assert "k1" not in keys


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(0, 3)), max_size=40), st.randoms())
def test_every_item_is_in_exactly_one_prompt_and_no_prompt_has_a_place_twice(
    make_item: MakeItem, drawn: list[tuple[int, int, int]], rng: Any
) -> None:
    items = []
    for number, (batch, size, index) in enumerate(drawn):
        place = Batch(key=f"{batch}/{size}", size=size, index=index) if size > 1 and index < size else None
        key = image_key(place.key, place.index) if place else f"alone-{number}"
        items.append(make_item({"product": f"P{number}", "locale": "de-DE"}, batch=place, render_key=key))
    rng.shuffle(items)
    prompts = prompts_of(items)
    assert sorted(item.item_id for prompt in prompts for item in prompt) == sorted(item.item_id for item in items)
    for prompt in prompts:
        places = [item.batch.index for item in prompt if item.batch]
        assert places == sorted(set(places))
        assert len(places) == len(prompt) or len(prompt) == 1
        assert len({(item.batch.key, item.batch.size) for item in prompt if item.batch}) <= 1
        assert pictures_of(prompt) >= len(prompt)
    # As few prompts as there can be: a batch is begun again only for a picture that it has already.
    wanted: dict[str, dict[int, int]] = {}
    for item in items:
        if item.batch:
            count = wanted.setdefault(item.batch.key, {})
            count[item.batch.index] = count.get(item.batch.index, 0) + 1
    alone = sum(item.batch is None for item in items)
    assert len(prompts) == alone + sum(max(count.values()) for count in wanted.values())
