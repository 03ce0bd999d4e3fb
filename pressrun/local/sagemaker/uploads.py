"""Output channels: which files go up, and when.

A Continuous file goes up once it looked unchanged for one whole sweep, and again whenever it changes. After the
containers ended, `finish` sends what is left, if the job ended in a way that allows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pressrun.local.sagemaker.errors import JobFailedError

UPLOAD_THREADS = 8
Mode = Literal["Continuous", "EndOfJob"]
Stamp = tuple[int, int]


@dataclass(frozen=True)
class OutputChannel:
    """One output of one host: a local directory and the S3 place it goes to."""

    directory: Path
    bucket: str
    prefix: str
    mode: Mode

    def files(self) -> list[tuple[Path, Stamp, str]]:
        """(path, stamp, key) of every regular file. Symlinks are skipped, as the service skips them."""
        found = []
        for path in sorted(self.directory.rglob("*")):
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                stat = path.stat()
            except OSError:
                continue  # renamed or deleted while we looked
            parts = (self.prefix.strip("/"), path.relative_to(self.directory).as_posix())
            found.append((path, (stat.st_size, stat.st_mtime_ns), "/".join(part for part in parts if part)))
        return found


class Uploader:
    """Sends the outputs of one job. `send(path, bucket, key)` does one file and may raise."""

    def __init__(self, channels: Sequence[OutputChannel], send: Callable[[Path, str, str], None]) -> None:
        self._channels, self._send = channels, send
        self._seen: dict[Path, Stamp] = {}
        self._sent: dict[Path, Stamp] = {}
        self._closed = threading.Event()
        self._sweeping = threading.Lock()

    def sweep(self) -> int:
        """One look at the Continuous channels; returns how many files went up. What failed to go is tried next time."""
        with self._sweeping:
            return self._upload("Continuous", settled_only=True)[0]

    def abandon(self) -> None:
        """Nothing that has not begun to go up may go up from now on. Returns when uploads under way are through."""
        self._closed.set()
        with self._sweeping:
            pass

    def finish(self, *modes: Mode) -> None:
        """Send all that is left of these kinds of channels; JobFailedError if one file could not go."""
        with self._sweeping:
            for mode in modes:
                _, failures = self._upload(mode, settled_only=False)
                if failures:
                    raise JobFailedError(f"ClientError: Data upload failed: {failures[0]}")

    def _upload(self, mode: Mode, *, settled_only: bool) -> tuple[int, list[Exception]]:
        work: list[tuple[Path, Stamp, str, str]] = []
        for channel in self._channels:
            if channel.mode != mode:
                continue
            for path, stamp, key in channel.files():
                if self._sent.get(path) == stamp:
                    continue
                if settled_only and self._seen.get(path) != stamp:
                    self._seen[path] = stamp  # still being written? look again at the next sweep
                    continue
                work.append((path, stamp, channel.bucket, key))
        failures: list[Exception] = []

        def one(item: tuple[Path, Stamp, str, str]) -> bool:
            path, stamp, bucket, key = item
            if self._closed.is_set():
                return False
            try:
                self._send(path, bucket, key)
            except FileNotFoundError:
                return False  # the container removed it; there is nothing to lose
            except Exception as exc:
                failures.append(exc)
                return False
            self._sent[path] = stamp
            return True

        with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
            return sum(pool.map(one, work)), failures
