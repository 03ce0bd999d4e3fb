"""A runner as SageMaker starts it: its own process, its own base directory, nothing but environment variables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import runner_shards as shards

from pressrun.core.result import ItemResult, Progress, read_segment
from pressrun.core.shard import Shard
from pressrun.runner.places import Places


class Job:
    """One base directory; `run` may be called again to resume."""

    def __init__(self, base: Path, document: Shard, assets: dict[str, bytes] | None = None) -> None:
        self.base, self.document = base, document
        self.places = Places(base)
        self.digest = shards.lay_out(base, document, assets)
        self.process: subprocess.Popen[bytes] | None = None
        self._said = base / "said.log"
        self.log = ""

    def start(self, *faults: str, **environ: str) -> None:
        flags = [part for fault in faults for part in ("--fault", fault)]
        if faults:
            flags += ["--fault-ledger", str(self.base / "ledger")]
            (self.base / "ledger").mkdir(exist_ok=True)
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PRESSRUN_", "COMFYUI_"))},
            "SAGEMAKER_BASE_DIR": str(self.base),
            "PRESSRUN_SHARD_SHA256": self.digest,
            "PRESSRUN_ENGINE": self.document.engine,
            "PRESSRUN_ENGINE_ARGS": " ".join(flags),
            **environ,
        }
        # A file, not a pipe: nobody reads while a long job runs, and a full pipe would hold the runner up.
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pressrun.runner"],
                env=env,
                cwd=self.base,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, timeout: float = 300) -> int:
        assert self.process is not None
        try:
            self.process.wait(timeout)
        finally:
            self.end()
            self.log = self._said.read_text(errors="replace")
        return self.process.returncode

    def run(self, *faults: str, **environ: str) -> int:
        self.start(*faults, **environ)
        return self.wait()

    def end(self) -> None:
        """Kill the runner and its engine if they still live."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for pid in self.engines():
            os.kill(pid, signal.SIGKILL)

    def engines(self) -> list[int]:
        """Pids of engines started for this base directory."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue
                ours = "pressrun.proof" in words or any(word.endswith("/main.py") for word in words)
                if str(self.places.staged) in words and ours:
                    found.append(int(entry.name))
        return found

    def until(self, seen: Callable[[], bool], timeout: float = 120) -> None:
        end = time.monotonic() + timeout
        while not seen():
            assert time.monotonic() < end, "the runner did not get there"
            assert self.process is not None
            assert self.process.poll() is None, "the runner ended early"
            time.sleep(0.02)

    def images(self) -> list[str]:
        return sorted(path.stem for path in (self.places.output / "images").glob("*"))

    def results(self) -> list[ItemResult]:
        return [
            result
            for path in sorted((self.places.output / "results").glob("*.jsonl"))
            for result in read_segment(path.read_bytes(), where=str(path))
        ]

    def events(self) -> list[dict[str, Any]]:
        paths = sorted((self.places.output / "events").glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def progress(self) -> list[Progress]:
        paths = sorted((self.places.output / "progress").glob("*.json"))
        return [
            Progress.model_validate({k: v for k, v in json.loads(p.read_bytes()).items() if k != "schema"})
            for p in paths
        ]

    def progress_count(self) -> int:
        """Items that the last progress document counts; 0 before the first."""
        paths = sorted((self.places.output / "progress").glob("*.json"))
        found = json.loads(paths[-1].read_bytes()) if paths else {}
        return int(found.get("rendered", 0)) + int(found.get("failed", 0))

    @property
    def message(self) -> str:
        return self.places.message.read_text()

    def check_nothing_lost(self) -> None:
        """Every item has exactly one end state, and every rendered one its files, of the digest the line says."""
        results = self.results()
        assert sorted(r.item_id for r in results) == sorted(item.item_id for item in self.document.items)
        for result in results:
            for file in result.outputs:
                assert (self.places.output / file.file).stat().st_size == file.size
                assert file.thumb is None or (self.places.output / file.thumb).is_file()
