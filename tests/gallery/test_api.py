"""The API: deciding, conflicting, finishing, and what carries over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from pressrun.core import keys
from pressrun.core.item import Batch, Item
from pressrun.core.review import Decision, RoundClosed
from pressrun.gallery.desk import ReviewDesk

LATER = "manual__2026-04-01T09:00:00+00:00"


def cells(sample, token: str = "maya-token", review_round=None) -> dict[str, dict]:
    shown = sample.client(token).get(sample.api(review_round)).json()
    return {cell["label"]: cell for cell in shown["cells"]}


def test_a_round_shows_cells_with_their_candidates_side_by_side(sample) -> None:
    shown = sample.client("maya-token").get(sample.api()).json()
    assert (shown["title"], shown["press"], shown["want"], shown["closed"]) == ("Spring sale", "proof", 1, None)
    assert len(shown["cells"]) == 6
    assert shown["filters"] == {"product": ["mug", "lamp"], "locale": ["de-DE", "ja-JP", "ar-EG"]}
    arabic = next(cell for cell in shown["cells"] if cell["label"] == "mug · ar-EG")
    assert (arabic["direction"], arabic["locale_name"]) == ("rtl", "Arabic (Egypt)")
    assert [one["label"] for one in arabic["candidates"]] == ["a", "b"]
    assert {one["state"] for one in arabic["candidates"]} == {"undecided"}


def test_what_cannot_be_reviewed_is_shown_with_its_reason(sample) -> None:
    left_out = sample.client("maya-token").get(sample.api()).json()["left_out"]
    assert [(one["state"], one["reason"], one["thumb"] is None) for one in left_out] == [
        ("qc_rejected", "blank picture: contrast 0.0", False),
        ("failed", "timeout after 300 s", True),
    ]


def test_an_approval_settles_the_cell(sample) -> None:
    answer = sample.decide("rosa-token", sample.decision("mug", "de-DE", "a", note="good"))
    assert answer.status_code == 200
    assert (answer.json()["cells_settled"], answer.json()["settled"]) == (1, False)
    cell = cells(sample)["mug · de-DE"]
    assert [one["state"] for one in cell["candidates"]] == ["approved", "not_selected"]
    decision = cell["candidates"][0]["decision"]
    assert (decision["by"], decision["by_name"], decision["note"], decision["origin"]) == ("rosa", "Rosa", "good", None)


def test_who_decided_is_who_is_signed_in_and_cannot_be_claimed(sample) -> None:
    forged = {**sample.decision("mug", "de-DE", "a"), "by": "maya"}
    assert sample.decide("rosa-token", forged).status_code == 422


def test_a_stale_decision_is_409_with_the_winner(sample) -> None:
    sample.decide("rosa-token", sample.decision("mug", "de-DE", "a", state="rejected"))
    answer = sample.decide("maya-token", sample.decision("mug", "de-DE", "a"))
    assert answer.status_code == 409
    result = answer.json()["results"][0]
    assert result["error"] == "Rosa decided first: rejected"
    assert (result["winner"]["by_name"], result["winner"]["state"]) == ("Rosa", "rejected")
    again = sample.decide("maya-token", sample.decision("mug", "de-DE", "a", expected_sequence=1))
    assert again.status_code == 200


def test_other_bytes_are_409(sample) -> None:
    answer = sample.decide("rosa-token", sample.decision("mug", "de-DE", "a", sha256="0" * 64))
    assert answer.status_code == 409
    assert "other bytes" in answer.json()["results"][0]["error"]


def test_a_second_approval_in_a_full_cell_names_the_holder(sample) -> None:
    sample.decide("rosa-token", sample.decision("mug", "de-DE", "a"))
    result = sample.decide("maya-token", sample.decision("mug", "de-DE", "b")).json()["results"][0]
    assert result["status"] == 409
    assert "mug · de-DE · a holds the place, approved by Rosa" in result["error"]


def test_many_decisions_each_have_their_own_result(sample) -> None:
    wanted = [
        sample.decision("mug", "de-DE", "a"),
        sample.decision("mug", "de-DE", "b"),
        sample.decision("mug", "ja-JP", "a"),
        sample.decision("lamp", "ar-EG", "b", state="rejected"),
        sample.decision("lamp", "ar-EG", "a", state="rejected", reason=""),
        {**sample.decision("lamp", "de-DE", "a"), "item_id": "unknown"},
    ]
    answer = sample.decide("rosa-token", *wanted)
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 409, 403, 200, 422, 404]
    assert [result["item_id"] for result in results] == [one["item_id"] for one in wanted]


def test_people_deciding_at_once_have_one_winner(sample) -> None:
    def vote(number: int) -> int:
        token = ("rosa-token", "maya-token")[number % 2]
        return sample.decide(token, sample.decision("mug", "de-DE", "a")).status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(vote, range(12))) == [200] + [409] * 11


def settle(sample) -> None:
    for product in ("mug", "lamp"):
        sample.decide("rosa-token", *(sample.decision(product, locale, "a") for locale in ("de-DE", "ar-EG")))
        sample.decide("kenji-token", sample.decision(product, "ja-JP", "b"))


def test_finishing_says_what_is_missing(sample) -> None:
    sample.decide("rosa-token", *(sample.decision("mug", locale, "a") for locale in ("de-DE", "ar-EG")))
    answer = sample.client("rosa-token").post(f"{sample.api()}/finish", json={})
    assert answer.status_code == 409
    assert [cell["label"] for cell in answer.json()["open_cells"]] == [
        "mug · ja-JP",
        "lamp · de-DE",
        "lamp · ja-JP",
        "lamp · ar-EG",
    ]


def test_finishing_writes_the_closed_object_once(sample) -> None:
    settle(sample)
    answer = sample.client("kenji-token").post(f"{sample.api()}/finish", json={})
    assert (answer.status_code, answer.json()["approved"]) == (200, 6)
    closed = sample.ws.read(RoundClosed, keys.round_closed("spring_sale", sample.spring.run_key, 1))
    assert (closed.by, closed.counts["approved"], closed.counts["not_selected"]) == ("kenji", 6, 6)
    approved = {one.item_id: sample.ws.read(Decision, one.decision_key).by for one in closed.approved}
    assert set(approved.values()) == {"rosa", "kenji"}
    second = sample.client("rosa-token").post(f"{sample.api()}/finish", json={})
    assert second.status_code == 409
    assert "kenji finished this round" in second.json()["error"]
    late = sample.decide("rosa-token", sample.decision("mug", "de-DE", "b", state="rejected"))
    assert late.status_code == 409
    shown = sample.client("rosa-token").get(sample.api()).json()
    assert shown["closed"]["by"] == "kenji"
    assert (shown["may_decide"], shown["may_finish"]) == (False, False)


def test_unchanged_bytes_need_no_second_review_and_show_their_origin(sample, campaign) -> None:
    settle(sample)
    sample.client("rosa-token").post(f"{sample.api()}/finish", json={})
    items = [item for item in sample.items.values() if item.reviewable]
    changed = items[0].model_copy(update={"sha256": "f" * 64})
    later = campaign.open(sample.ws, [changed, *items[1:]], run_id=LATER)
    shown = cells(sample, review_round=later)
    assert shown["mug · de-DE"]["open"]
    carried = shown["mug · ar-EG"]["candidates"][0]
    assert carried["state"] == "approved"
    assert carried["decision"]["by_name"] == "Rosa"
    assert carried["decision"]["origin"] == {
        "run_key": sample.spring.run_key,
        "run_id": sample.spring.run_id,
        "round": 1,
    }
    assert [label for label, cell in shown.items() if cell["open"]] == ["mug · de-DE"]


def test_the_queue_counts_what_is_to_go_and_what_is_yours(sample) -> None:
    sample.decide("rosa-token", sample.decision("mug", "de-DE", "a"))
    mine = sample.client("kenji-token").get("/api/rounds").json()["open"][0]
    assert (mine["cells"], mine["to_go"], mine["yours"]) == (6, 5, 2)
    settle(sample)
    sample.client("rosa-token").post(f"{sample.api()}/finish", json={})
    queue = sample.client("rosa-token").get("/api/rounds").json()
    assert (queue["open"], [one["closed_by"] for one in queue["closed"]]) == ([], ["rosa"])


def test_an_items_history_tells_every_decision(sample) -> None:
    sample.decide("rosa-token", sample.decision("mug", "de-DE", "a"))
    sample.decide(
        "maya-token",
        sample.decision("mug", "de-DE", "a", state="changes_requested", expected_sequence=1, note="warmer"),
    )
    item_id = sample.items["mug", "de-DE", "a"].item_id
    history = sample.client("vic-token").get(f"{sample.api()}/items/{item_id}").json()["history"]
    assert [(one["by"], one["state"], one["note"]) for one in history] == [
        ("rosa", "approved", ""),
        ("maya", "changes_requested", "warmer"),
    ]


def test_a_candidate_tells_its_seed_and_its_place_in_a_batch(sample, monkeypatch) -> None:
    collected = sample.items["mug", "de-DE", "a"]
    item = Item(
        item_id=collected.item_id, cell_id=collected.cell_id, axes=collected.axes, workflow="card", params={"w": 64},
        seed=7, render_key="k", batch=Batch(key="b", size=4, index=1),
    )  # fmt: skip
    url, vic = f"{sample.api()}/items/{item.item_id}", sample.client("vic-token")
    for batch, told in ((item.batch, "2 of 4"), (None, None)):
        planned = SimpleNamespace(items=(item.model_copy(update={"batch": batch}),))
        monkeypatch.setattr(ReviewDesk, "plan", lambda desk, collection, planned=planned: planned)
        shown = vic.get(url).json()
        assert (shown["seed"], shown["batch"], shown["params"]) == (7, told, {"w": 64})
