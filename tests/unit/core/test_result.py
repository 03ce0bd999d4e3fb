from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.errors import InputError
from pressrun.core.result import ItemResult, read_segment, write_segment


def result(**fields: Any) -> ItemResult:
    values: dict[str, Any] = {
        "item_id": "0123456789abcdef",
        "render_key": "k" * 64,
        "outcome": "rendered",
        "tries": 1,
        "seed": 7,
        "params_sha256": "0" * 64,
        "prompt_id": "p",
        "started_at": "2026-03-01T00:00:00Z",
        "seconds": 1.5,
        "engine_version": "proof/1",
        "host": "algo-1",
    }
    return ItemResult.model_validate(values | fields)


results = st.builds(
    result,
    item_id=st.text("0123456789abcdef", min_size=16, max_size=16),
    outcome=st.sampled_from(["rendered", "failed"]),
    tries=st.integers(1, 5),
    seed=st.integers(0, 2**63 - 1),
    # A message from an engine may hold anything, line ends of every alphabet included.
    error=st.none() | st.builds(lambda text: {"kind": "engine", "message": text}, st.text()),
)


@given(st.lists(results, max_size=5))
def test_a_segment_comes_back(written: list[ItemResult]) -> None:
    assert list(read_segment(write_segment(written), where="s")) == written


@given(st.lists(results, min_size=1, max_size=3), st.data())
def test_a_cut_segment_never_yields_an_item_that_is_not_whole(written: list[ItemResult], data: st.DataObject) -> None:
    whole = write_segment(written)
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    if cut.endswith(b"\n"):
        assert list(read_segment(cut, where="s")) == written[: cut.count(b"\n")]
    else:
        with pytest.raises(InputError, match="cut") as caught:
            list(read_segment(cut, where="s3://work/results/a.jsonl"))
        assert caught.value.where == "s3://work/results/a.jsonl"


@pytest.mark.parametrize("line", [b"{}", b"[]", b"{", b'{"item_id": 3}'])
def test_a_line_that_is_no_result_is_named(line: bytes) -> None:
    with pytest.raises(InputError, match="line 2 is not a result"):
        list(read_segment(write_segment([result()]) + line + b"\n", where="s"))


def test_an_empty_segment_holds_nothing() -> None:
    assert list(read_segment(b"", where="s")) == []
