from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core import ids
from pressrun.core.errors import InputError

names = st.from_regex(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", fullmatch=True).filter(lambda name: len(name) <= 48)
axes = st.dictionaries(names, st.text(min_size=1, max_size=12), min_size=1, max_size=5)


@given(names)
def test_plain_names_pass(name: str) -> None:
    assert ids.ident(name, what="campaign") == name


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "a--b", "a_-b", "Spring", "a/b", "a.b", "ü", "a" * 49, "a b", "../x", "a\n"]
)
def test_other_names_are_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(InputError, match="not a plain name") as caught:
        ids.ident(name, what="campaign", where="campaign.yaml")
    assert caught.value.remedy
    assert caught.value.where == "campaign.yaml"


@given(names)
def test_a_dag_names_its_campaign(name: str) -> None:
    assert ids.campaign_of(ids.dag_id_of(name)) == name


def test_a_foreign_dag_has_no_campaign() -> None:
    assert ids.campaign_of("retire_campaigns") is None


@given(axes)
def test_item_ids_do_not_depend_on_the_order_of_axes(values: dict[str, str]) -> None:
    backwards = dict(reversed(values.items()))
    item = ids.item_id(campaign="sale", axes=values)
    assert item == ids.item_id(campaign="sale", axes=backwards)
    assert re.fullmatch(r"[0-9a-f]{16}", item)
    assert re.fullmatch(r"[0-9a-f]{12}", ids.cell_id(campaign="sale", axes=values))


@given(st.lists(axes, min_size=2, max_size=20, unique_by=lambda value: tuple(sorted(value.items()))))
def test_different_axes_are_different_items(values: list[dict[str, str]]) -> None:
    assert len({ids.item_id(campaign="sale", axes=value) for value in values}) == len(values)


def test_the_same_product_of_two_campaigns_is_two_items() -> None:
    one = {"product": "AUR-01"}
    assert ids.item_id(campaign="spring", axes=one) != ids.item_id(campaign="summer", axes=one)


def test_ids_are_what_they_were_when_written_down() -> None:
    # Keys in people's buckets are made of these: a change here orphans every decision ever made.
    chosen = {"product": "AUR-01", "locale": "de-DE"}
    assert ids.item_id(campaign="spring_sale", axes=chosen) == "195c63480cb44857"
    assert ids.cell_id(campaign="spring_sale", axes=chosen) == "4e54fd728465"


@given(st.text(), st.dictionaries(st.text(), st.integers(-(2**63), 2**64 - 1) | st.text(), max_size=4))
def test_editions_of_a_run_share_its_prefix(run_id: str, conf: dict[str, object]) -> None:
    run = {"deployment": "test", "dag_id": "press_sale", "run_id": run_id}
    key = ids.run_key(**run, conf=conf)
    assert key.startswith(ids.run_prefix(**run))
    assert re.fullmatch(r"sale-[0-9a-f]{12}-[0-9a-f]{6}", key)
    assert (ids.run_key(**run, conf={}) == key) == (conf == {})


def test_the_same_run_id_of_another_dag_or_deployment_is_another_run() -> None:
    run = {"deployment": "test", "dag_id": "press_a", "run_id": "scheduled__1"}
    variants = [run, run | {"dag_id": "press_b"}, run | {"deployment": "live"}, run | {"run_id": "scheduled__2"}]
    assert len({ids.run_prefix(**variant).rsplit("-", 2)[1] for variant in variants}) == 4


@given(names, st.sampled_from(["canary", "main"]), st.integers(0, 9999), st.integers(1, 10))
def test_job_names_fit_sagemaker(campaign: str, phase: str, index: int, attempt: int) -> None:
    key = ids.run_key(deployment="d", dag_id=ids.dag_id_of(campaign), run_id="r", conf={})
    name = ids.job_name(run_key=key, phase=phase, index=index, attempt=attempt, shard_digest="0" * 64)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert len(name) <= ids.JOB_NAME_LIMIT


def test_job_names_are_idempotency_keys() -> None:
    base = {"run_key": "sale-0-1", "phase": "main", "index": 0, "attempt": 1, "shard_digest": "aa"}
    changes = [{}, {"run_key": "sale-0-2"}, {"phase": "canary"}, {"index": 1}, {"attempt": 2}, {"shard_digest": "ab"}]
    found = [ids.job_name(**(base | change)) for change in changes]
    assert len(set(found)) == len(changes)
    assert found[0] == ids.job_name(**base)
