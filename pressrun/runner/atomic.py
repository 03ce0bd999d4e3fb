"""Files appear whole or not at all: written and synced elsewhere on the same disk, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path


def write_atomic(path: Path, data: bytes, *, scratch: Path) -> None:
    """Write a whole file; a reader, or an uploader, never sees part of it."""
    temporary = scratch / f"{path.name}.{uuid.uuid4().hex[:8]}"
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _rename(temporary, path)


def move_atomic(source: Path, path: Path) -> None:
    """Move a finished file into place without ever showing part of it."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    _rename(source, path)


def _rename(source: Path, path: Path) -> None:
    try:
        source.replace(path)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        # Another mount (each ProcessingOutput may be one): copy beside the target under a hidden name, then rename.
        beside = path.with_name(f".{path.name}.part")
        shutil.copyfile(source, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        source.unlink()
