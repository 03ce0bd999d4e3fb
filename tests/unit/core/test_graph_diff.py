"""What changed between two versions, in words."""

from __future__ import annotations

from typing import Any

import pytest
from workflow_cases import GRAPH, SCHEMA

from pressrun.core.graph_diff import describe_changes

BATCH = {"node": "Picture size", "input": "batch_size", "max": 4}
FOUR = "4 pictures, by batch size of 'Picture size'"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (None, BATCH, f"One prompt can now make {FOUR}; it could make one picture."),
        (BATCH, None, f"One prompt can now make one picture; it could make {FOUR}."),
        (BATCH, {**BATCH, "max": 8}, f"One prompt can now make {FOUR.replace('4', '8')}; it could make {FOUR}."),
    ],
)
def test_a_batch_that_came_went_or_grew_is_told(before: Any, after: Any, sentence: str) -> None:
    was, now = ({**SCHEMA, **({"x-batch": spec} if spec else {})} for spec in (before, after))
    assert describe_changes(GRAPH, GRAPH, contract_before=was, contract_after=now) == [sentence]
    assert describe_changes(GRAPH, GRAPH, contract_before=now, contract_after=now) == []
