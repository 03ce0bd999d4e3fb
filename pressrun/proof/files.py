"""The server's three folders: finding an input, naming an output, writing it in one step."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

_ANNOTATION = re.compile(r" \[(input|output|temp)\]$")


@dataclass(frozen=True, slots=True)
class Folders:
    """Absolute paths of the input, output and temp folders."""

    input: Path
    output: Path
    temp: Path

    def of(self, kind: str) -> Path | None:
        return {"input": self.input, "output": self.output, "temp": self.temp}.get(kind)


def inside(folder: Path, relative: str) -> Path | None:
    """The real path of `relative` below `folder`, or None if it leads outside."""
    root = Path(os.path.realpath(folder))
    target = Path(os.path.realpath(root / relative))
    return target if target == root or root in target.parents else None


def find_input(folders: Folders, name: object) -> Path | None:
    """The file a LoadImage names: "a.png", "sub/a.png" or "a.png [output]"; None if there is none or it is outside."""
    if not isinstance(name, str) or not name or "\x00" in name:
        return None
    kind = _ANNOTATION.search(name)
    folder = (folders.of(kind.group(1)) if kind else None) or folders.input
    path = inside(folder, _ANNOTATION.sub("", name))
    return path if path is not None and path.is_file() else None


def digest_of_file(path: Path) -> str:
    """SHA-256 of the file's bytes; what the real server's IS_CHANGED looks at too."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class SavePlace:
    """Where the next images of a prefix go."""

    folder: Path
    subfolder: str
    stem: str
    counter: int


class OutsideOutputError(Exception):
    """The prefix leads outside the output folder. The message is the one the recorded server sends."""


def save_place(root: Path, prefix: str, width: int, height: int) -> SavePlace:
    """Folder, stem and next free counter for a filename prefix. OutsideOutputError if it leads outside `root`."""
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    subfolder, stem = os.path.split(os.path.normpath(prefix))
    folder = inside(root, subfolder)
    if folder is None:
        outside = os.path.realpath(root / subfolder)
        raise OutsideOutputError(
            "**** ERROR: Saving image outside the output folder is not allowed."
            f"\n full_output_folder: {outside}\n         output_dir: {root}\n"
        )
    folder.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(re.escape(stem) + r"_(\d+)[_.]", re.IGNORECASE)
    taken = [int(found.group(1)) for entry in os.scandir(folder) if (found := pattern.match(entry.name))]
    return SavePlace(folder, subfolder, stem, max(taken, default=0) + 1)


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
