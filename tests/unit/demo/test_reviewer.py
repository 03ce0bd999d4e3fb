"""What the demo's reviewers say of a round: every open cell that is theirs is settled, in all three ways."""

from __future__ import annotations

from typing import Any

from pressrun.demo.reviewer import _decisions


def cell(number: int, *, open_: bool = True, may: bool = True) -> dict[str, Any]:
    candidates = [
        {"item_id": f"{number}-{name}", "sha256": "s", "state": "undecided", "sequence": 0} for name in ("a", "b")
    ]
    return {"open": open_, "may_decide": may, "candidates": candidates}


def test_most_are_approved_some_rejected_some_sent_back() -> None:
    said = list(_decisions({"cells": [cell(number) for number in range(40)]}))
    states = [decision["state"] for decision in said]
    assert states.count("approved") == 36
    assert states.count("changes_requested") == 4
    assert states.count("rejected") == 8
    assert all(decision["reason"] for decision in said if decision["state"] == "rejected")


def test_settled_cells_and_other_peoples_markets_are_left_alone() -> None:
    assert list(_decisions({"cells": [cell(0, open_=False), cell(1, may=False)]})) == []
