"""Packs dags.zip and plugins.zip beside the wheel. The same files give the same bytes."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(dist: Path) -> int:
    """MWAA puts only dags/ on the path, so include/ goes below it; the wheel travels with the plugins."""
    wheel = next(dist.glob("pressrun-*.whl"))
    pack(dist / "dags.zip", [*below("dags", at=""), *below("include", at="include/")])
    pack(dist / "plugins.zip", [*below("plugins", at=""), (wheel.name, wheel)])
    locked = (ROOT / "requirements.txt").read_text()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    line = f"pressrun @ file:///usr/local/airflow/plugins/{wheel.name} --hash=sha256:{digest}\n"
    (dist / "requirements.txt").write_text(locked + line)
    for file in sorted(dist.iterdir()):
        print(f"{file.stat().st_size:>10,}  {file.relative_to(ROOT) if file.is_relative_to(ROOT) else file}")
    return 0


def below(folder: str, *, at: str) -> Iterable[tuple[str, Path]]:
    """(name in the archive, file) of all files of a folder, caches left out."""
    base = ROOT / folder
    for file in sorted(base.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield at + file.relative_to(base).as_posix(), file


def pack(archive: Path, files: Iterable[tuple[str, Path]]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, file in files:
            entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            out.writestr(entry, file.read_bytes())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
