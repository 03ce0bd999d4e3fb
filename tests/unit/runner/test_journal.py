"""Segments are immutable, numbered, and tell a later run what is done."""

from __future__ import annotations

from pathlib import Path

from pressrun.core.result import ItemResult, OutputFile, read_segment, write_segment
from pressrun.runner.journal import Journal, earlier_results, next_number


def result(number: int, *, outcome: str = "rendered", size: int = 3) -> ItemResult:
    file = OutputFile(node="4", file=f"images/{number}.png", sha256="a" * 64, size=size, media_type="image/png")
    return ItemResult(
        item_id=str(number),
        render_key="k" * 64,
        outcome=outcome,  # type: ignore[arg-type]
        outputs=(file,) if outcome == "rendered" else (),
        tries=1,
        seed=1,
        params_sha256="b" * 64,
        prompt_id="p",
        started_at="2026-11-20T00:00:00.000+00:00",
        seconds=1.0,
        engine_version="0",
        host="algo-1",
    )


def journal(folder: Path, **kwargs: float) -> Journal:
    for name in ("results", "images", "scratch"):
        (folder / name).mkdir(exist_ok=True)
    return Journal(folder / "results", "algo-1", scratch=folder / "scratch", **kwargs)  # type: ignore[arg-type]


def test_lines_become_numbered_files_that_are_never_touched_again(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    for number in range(3):
        writer.add(write_segment([result(number)]))
        writer.flush()
    writer.flush()
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert names == ["algo-1-000001.jsonl", "algo-1-000002.jsonl", "algo-1-000003.jsonl"]
    assert [r.item_id for r in read_segment((tmp_path / "results" / names[1]).read_bytes(), where="x")] == ["1"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_later_run_goes_on_counting_for_its_own_host_only(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    writer.add(b"{}\n")
    writer.flush()
    (tmp_path / "results/algo-2-000009.jsonl").write_bytes(b"")
    assert next_number(tmp_path / "results", "algo-1") == 2
    assert next_number(tmp_path / "results", "algo-2") == 10


def test_due_by_lines_and_by_age(tmp_path: Path) -> None:
    by_lines = journal(tmp_path, lines=2, seconds=1000)
    assert not by_lines.due
    by_lines.add(b"1\n")
    assert not by_lines.due
    by_lines.add(b"2\n")
    assert by_lines.due
    by_age = journal(tmp_path, lines=1000, seconds=0)
    assert not by_age.due
    by_age.add(b"1\n")
    assert by_age.due


def test_a_line_added_while_the_cut_is_written_is_in_the_next_file(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    writer.add(b"1\n")
    write = writer.cut()
    writer.add(b"2\n")
    assert write is not None
    write()
    writer.flush()
    assert [path.read_bytes() for path in sorted((tmp_path / "results").iterdir())] == [b"1\n", b"2\n"]


def test_earlier_results_count_only_with_their_files(tmp_path: Path) -> None:
    writer = journal(tmp_path)
    for entry in (result(1), result(2), result(3, outcome="failed"), result(4, size=99)):
        writer.add(write_segment([entry]))
    writer.flush()
    for number in (1, 4):
        (tmp_path / f"images/{number}.png").write_bytes(b"abc")
    assert sorted(earlier_results(tmp_path / "results", tmp_path)) == ["1", "3"]


def test_a_cut_segment_is_skipped_not_believed(tmp_path: Path) -> None:
    journal(tmp_path)
    (tmp_path / "images/1.png").write_bytes(b"abc")
    (tmp_path / "results/algo-1-000001.jsonl").write_bytes(write_segment([result(1)])[:-5])
    assert earlier_results(tmp_path / "results", tmp_path) == {}
