"""How deep an engine's queue is kept."""

from __future__ import annotations

import pytest

from pressrun.runner.pace import MOST, Pace


@pytest.mark.parametrize(("seconds", "depth"), [(4.0, 3), (0.2, 3), (0.1, 5), (0.04, MOST), (0.0, MOST), (None, 3)])
def test_short_prompts_are_queued_deeper(seconds: float | None, depth: int) -> None:
    pace = Pace(3)
    assert pace.depth == 3
    for _ in range(40):
        pace.note(seconds)
    assert pace.depth == depth


def test_what_is_configured_is_the_least() -> None:
    pace = Pace(16)
    pace.note(0.1)
    assert pace.depth == 16


def test_one_odd_prompt_does_not_turn_it() -> None:
    pace = Pace(3)
    for _ in range(20):
        pace.note(0.1)
    pace.note(0.0)  # every node was cached
    assert pace.depth == 7
