"""Classes of pictures: each has its own seconds where it was rendered, and a line says those of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.cost import bytes_of, fit, item_work
from pressrun.core.item import Batch, Item
from pressrun.core.job import JobRecord
from pressrun.core.observation import ClassSeen, CostObservation, learn, observe
from pressrun.core.result import ItemResult, OutputFile

MakeItem = Callable[..., Item]
ENGINE = "comfyui:abc"


def seen(*classes: ClassSeen, job: int = 0) -> CostObservation:
    return CostObservation(
        job=f"job-{job}", workflow="poster", engine_class=ENGINE, instance_type="ml.g5.xlarge",
        items=sum(part.items for part in classes), work=sum(part.work * part.items for part in classes),
        seconds=sum(part.seconds for part in classes), cold_seconds=100.0, wall_seconds=1000.0,
        observed_at="2026-03-01T12:00:00+00:00", classes=classes,
    )  # fmt: skip


def sized(make_item: MakeItem, side: int, *, number: int = 0, **fields: object) -> Item:
    params = {"width": side, "height": side, "steps": 10}
    return make_item({"product": f"{side}-{number}", "locale": "de-DE"}, params=params, **fields)


def test_a_class_that_was_rendered_takes_what_it_took(make_item: MakeItem) -> None:
    """Small pictures are slower than their pixels: a rate alone would miss them by half."""
    small, large, other = (sized(make_item, side) for side in (512, 1024, 2048))
    basis = learn(
        [
            seen(ClassSeen(work=item_work(small), items=10, seconds=40.0),
                 ClassSeen(work=item_work(large), items=10, seconds=100.0), job=job)
            for job in range(5)
        ],
        press="final", engine_class=ENGINE,
    )  # fmt: skip
    assert (basis.p50(small), basis.p50(large)) == (4.0, 10.0)
    assert basis.knows(small)
    assert not basis.knows(other)
    # On the line through both: 2 s for a picture, and 8 s for each 1024 × 1024 of ten steps.
    assert basis.p50(other) == pytest.approx(2 + 4 * 8, rel=1e-3)
    assert basis.p90(other) >= basis.p50(other)


def test_a_batch_is_a_class_of_its_own(make_item: MakeItem) -> None:
    alone = sized(make_item, 1024)
    four = sized(make_item, 1024, batch=Batch(key="k", size=4, index=0))
    basis = learn(
        [seen(ClassSeen(work=item_work(alone), items=4, seconds=40.0),
              ClassSeen(work=item_work(alone), batch=4, items=4, seconds=24.0))],
        press="final", engine_class=ENGINE,
    )  # fmt: skip
    assert (basis.p50(alone), basis.p50(four)) == (10.0, 6.0)


def test_a_job_tells_its_classes_apart_with_their_bytes(make_item: MakeItem) -> None:
    items = [sized(make_item, side, number=number) for number, side in enumerate((512, 512, 1024))]
    results = [
        ItemResult(
            item_id=item.item_id, render_key=item.render_key, outcome="rendered", tries=1, seed=1, params_sha256="p",
            prompt_id=f"p{at}", started_at=f"2026-03-01T12:00:{at * 10:02d}Z", seconds=took, engine_version="1", host="h",
            outputs=(OutputFile(node="9", file="x.png", sha256="s", size=size, media_type="image/png"),),
        )
        for at, (item, took, size) in enumerate(zip(items, (2.0, 4.0, 10.0), (100, 300, 1000), strict=True))
    ]  # fmt: skip
    record = JobRecord(
        run_key="r", name="job", phase="main", index=0, attempt=1, quoted="q", shard_sha256="s",
        item_ids=tuple(item.item_id for item in items), instance_type="ml.g5.xlarge", ordered_at="2026-03-01T11:59:00Z",
    )  # fmt: skip
    (found,) = observe(record, results, {item.item_id: item for item in items}, engine_class=ENGINE)
    assert [(part.items, part.bytes) for part in found.classes] == [(2, 400), (1, 1000)]
    # The 14 s between items are the runner's, shared out by what the items took.
    assert sum(part.seconds for part in found.classes) == pytest.approx(found.seconds) == 30.0
    assert found.classes[0].seconds == pytest.approx(6.0 * 30 / 16, abs=1e-3)
    basis = learn([found], press="final", engine_class=ENGINE)
    assert bytes_of(items[0], basis) == (200.0, True)
    assert bytes_of(sized(make_item, 2048), basis)[1]


@given(
    each=st.floats(0, 50), rate=st.floats(0, 5),
    works=st.lists(st.floats(1, 100), min_size=2, max_size=6, unique_by=round),
)  # fmt: skip
def test_a_line_is_found_again(each: float, rate: float, works: list[float]) -> None:
    found = fit((work, each + rate * work, 3.0) for work in works)
    for work in works:
        assert found[0] + found[1] * work == pytest.approx(each + rate * work, rel=1e-3, abs=1e-3)


@given(points=st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 500), st.floats(0.1, 9)), min_size=1, max_size=8))
def test_no_part_of_a_line_is_below_zero(points: list[tuple[float, float, float]]) -> None:
    each, rate = fit(points)
    assert each >= 0
    assert rate >= 0
