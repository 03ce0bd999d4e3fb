"""Journals: lines gathered into numbered files that are written once and never touched again.

A file that is still appended to may never be uploaded, so every few lines or seconds make a file of their own.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pressrun.core.errors import InputError
from pressrun.core.result import ItemResult, read_segment
from pressrun.runner.atomic import write_atomic

_NUMBERED = re.compile(r"(?P<host>.+)-(?P<number>\d{6})\.jsonl?")


class Journal:
    """Writes {host}-{number:06d}.jsonl files; goes on counting where an earlier run on this disk stopped."""

    def __init__(self, folder: Path, host: str, *, scratch: Path, lines: int = 25, seconds: float = 2.0) -> None:
        self._folder, self._host, self._scratch = folder, host, scratch
        self._lines, self._seconds = lines, seconds
        self._pending: list[bytes] = []
        self._since = 0.0
        self._number = next_number(folder, host)

    def add(self, line: bytes) -> None:
        """Add one line, with its newline."""
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(line)

    @property
    def due(self) -> bool:
        """True where enough lines wait, or the oldest has waited long enough."""
        return bool(self._pending) and (
            len(self._pending) >= self._lines or time.monotonic() - self._since >= self._seconds
        )

    def cut(self) -> Callable[[], None] | None:
        """End the current file here. Returns what writes it, which may be called in a thread; None if nothing waits."""
        lines, self._pending = self._pending, []
        if not lines:
            return None
        path = self._folder / f"{self._host}-{self._number:06d}.jsonl"
        self._number += 1
        return functools.partial(write_atomic, path, b"".join(lines), scratch=self._scratch)

    def flush(self) -> None:
        """Write what waits as the next file, now."""
        if write := self.cut():
            write()


def next_number(folder: Path, host: str) -> int:
    """One more than the highest number of this host's files."""
    numbers = [int(found["number"]) for found in _numbered(folder) if found["host"] == host]
    return max(numbers, default=0) + 1


def _numbered(folder: Path) -> Iterator[re.Match[str]]:
    for path in folder.iterdir():
        if found := _NUMBERED.fullmatch(path.name):
            yield found


def earlier_results(folder: Path, output: Path) -> dict[str, ItemResult]:
    """End states that an earlier run on this disk left, by item. A rendered one counts only while its files are there.

    A malformed segment is skipped whole: its items are rendered again rather than lost.
    """
    found: dict[str, ItemResult] = {}
    for path in sorted(folder.glob("*.jsonl")):
        try:
            results = list(read_segment(path.read_bytes(), where=str(path)))
        except InputError:
            continue
        found |= {result.item_id: result for result in results if result.outcome == "failed" or _whole(result, output)}
    return found


def _whole(result: ItemResult, output: Path) -> bool:
    return bool(result.outputs) and all(_has_size(output / part.file, part.size) for part in result.outputs)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
