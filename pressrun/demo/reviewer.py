"""The reviewers' part, played through the gallery's own API: most approved, some rejected, some sent back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from pressrun.core.errors import PressrunError
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import Login

GALLERY = "/pressrun"


def review_all(url: str, waiting: tuple[str, str, int], logins: list[Login]) -> dict[str, int]:
    """Decide every open cell of a round, each market by somebody who is listed for it, then finish it.

    Of every ten cells one is sent back whole and one has its first candidate rejected before the second is approved.
    """
    campaign, run_key, number = waiting
    path = f"{GALLERY}/api/rounds/{campaign}/{run_key}/{number}"
    said: Counter[str] = Counter()
    finisher: AirflowClient | None = None
    with ExitStack() as sessions:
        for login in logins:
            client = sessions.enter_context(AirflowClient(url, login))
            view = client.call("GET", path)
            wanted = list(_decisions(view))
            if wanted:
                answer = _post(client, f"{path}/decisions", {"decisions": wanted})
                bad = [result for result in answer["results"] if result["status"] != 200]
                if bad:
                    raise PressrunError(f"the gallery refused {len(bad)} decisions: {bad[0]}", where=path)
                said.update(decision["state"] for decision in wanted)
            finisher = client if view["may_finish"] else finisher
        if finisher is None:
            raise PressrunError("none of the reviewers may finish the round", where=path)
        _post(finisher, f"{path}/finish", {})
    return dict(said)


def _decisions(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What this reviewer says of each open cell that is theirs to decide."""
    for position, cell in enumerate(view["cells"]):
        if not cell["open"] or not cell["may_decide"]:
            continue
        first, *others = [candidate for candidate in cell["candidates"] if candidate["state"] == "undecided"]
        if position % 10 == 3:
            yield _decision(first, "changes_requested", "composition", "give the product more room")
            yield from (_decision(other, "rejected", "composition") for other in others)
        elif position % 10 == 7 and others:
            yield _decision(first, "rejected", "colour")
            yield _decision(others[0], "approved")
        else:
            yield _decision(first, "approved")


def _decision(candidate: dict[str, Any], state: str, reason: str = "", note: str = "") -> dict[str, Any]:
    return {
        "item_id": candidate["item_id"],
        "sha256": candidate["sha256"],
        "state": state,
        "reason": reason,
        "note": note,
        "expected_sequence": candidate["sequence"],
    }


def _post(client: AirflowClient, path: str, body: dict[str, Any]) -> Any:
    # The gallery takes JSON from its own origin only; a script says so as a browser would.
    return client.call("POST", path, json=body, headers={"Origin": str(httpx.URL(client.base_url))})
