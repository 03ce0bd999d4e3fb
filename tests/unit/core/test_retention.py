"""Retention's law: what anybody still counts on is never deleted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.errors import InputError
from pressrun.core.retention import Draft, RetentionPolicy, draft_class, expired, may_go, read_policy

TODAY = date(2026, 11, 20)
POLICY = RetentionPolicy.model_validate({})


def draft(image: str = "s3://w/one", *, age: int | None = 400, kind: str = "campaign", **changes: object) -> Draft:
    facts = {
        "image_uri": image,
        "thumb_uri": None,
        "render_key": image,
        "sha256": "a" * 64,
        "item_id": "i",
        "campaign": "spring_sale",
        "run_key": "r",
        "retention": kind,
        "closed": None if age is None else TODAY - timedelta(days=age),
        "kept": False,
    }
    return Draft(**facts | changes)  # type: ignore[arg-type]


DRAFTS = st.builds(
    draft,
    st.sampled_from(["s3://w/one", "s3://w/two", "s3://w/three"]),
    age=st.none() | st.integers(-3, 400),
    kind=st.sampled_from(["scratch", "rejected", "campaign"]),
    campaign=st.sampled_from(["spring_sale", "summer_sale"]),
    kept=st.booleans(),
)


@given(
    drafts=st.lists(DRAFTS, max_size=12),
    held=st.sets(st.sampled_from(["spring_sale", "summer_sale"])),
    in_use=st.sets(st.sampled_from(["s3://w/one", "s3://w/two"])),
)
def test_nothing_goes_that_one_claim_keeps(drafts: list[Draft], held: set[str], in_use: set[str]) -> None:
    gone = {found.image_uri for found in expired(drafts, POLICY, TODAY, held=held, in_use=in_use)}
    for claim in drafts:
        young = claim.closed is None or (TODAY - claim.closed).days <= POLICY.days(claim.retention)
        if young or claim.kept or claim.campaign in held or claim.render_key in in_use:
            assert claim.image_uri not in gone
    freed = {claim.image_uri for claim in drafts} - {
        claim.image_uri
        for claim in drafts
        if claim.campaign in held or claim.render_key in in_use or not may_go(claim, POLICY, TODAY)
    }
    assert gone == freed


@given(drafts=st.lists(DRAFTS, max_size=12), more=st.lists(DRAFTS, max_size=4))
def test_another_claim_never_frees_an_image(drafts: list[Draft], more: list[Draft]) -> None:
    before = {found.image_uri for found in expired(drafts, POLICY, TODAY)}
    known = {claim.image_uri for claim in drafts}
    after = {found.image_uri for found in expired([*drafts, *more], POLICY, TODAY)}
    assert after & known <= before


@pytest.mark.parametrize(("kind", "days"), [("scratch", 7), ("rejected", 30), ("campaign", 365)])
def test_a_class_ends_after_its_whole_days(kind: str, days: int) -> None:
    assert expired([draft(age=days, kind=kind)], POLICY, TODAY) == ()
    assert len(expired([draft(age=days + 1, kind=kind)], POLICY, TODAY)) == 1


def test_the_youngest_claim_answers_for_the_image() -> None:
    (found,) = expired([draft(age=500, run_key="old"), draft(age=400, run_key="young")], POLICY, TODAY)
    assert found.run_key == "young"


def test_scratch_wins_over_rejected_and_rejected_over_campaign() -> None:
    assert draft_class("campaign", proof=True, turned_down=True) == "scratch"
    assert draft_class("scratch", proof=False, turned_down=True) == "scratch"
    assert draft_class("campaign", proof=False, turned_down=True) == "rejected"
    assert draft_class("campaign", proof=False, turned_down=False) == "campaign"


def test_a_policy_is_read_strictly() -> None:
    assert read_policy(b"", file="p.yaml") == POLICY
    assert read_policy(b"rejected: 14\n", file="p.yaml").days("rejected") == 14
    for data, told in ((b"rejected: 0", "rejected"), (b"rejectd: 3", "rejectd"), (b"- a", "p.yaml"), (b"\xff", "YAML")):
        with pytest.raises(InputError, match=told):
            read_policy(data, file="p.yaml")
