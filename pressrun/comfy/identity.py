"""Which ComfyUI this is: the engine class, which is part of every render key."""

from __future__ import annotations

import re
from pathlib import Path

from pressrun.comfy.devices import gpu_count
from pressrun.core.codec import sha256_hex
from pressrun.core.errors import SetupError
from pressrun.core.node_lock import LOCK_FILE

_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"^__version__\s*=\s*[\"']([^\"']+)", re.MULTILINE)


def comfyui_class(home: Path) -> str:
    """`comfyui:{commit or version}+nodes:{lock}+{dtype}` of the ComfyUI in `home`. SetupError where there is none.

    The lock is custom_nodes.lock beside main.py: what the runner lets it load.

    The commit comes from a COMMIT file (an image without .git has one), else from git, else the version stands for it.
    ComfyUI computes in fp32 without a GPU and in each model's own type with one: the pixels differ.
    """
    if not (home / "main.py").is_file():
        raise SetupError("there is no ComfyUI", where=str(home), remedy="COMFYUI_HOME is the folder of its main.py")
    origin = _commit_file(home) or git_commit(home) or _version(home)
    nodes_lock = home / LOCK_FILE
    nodes = sha256_hex(nodes_lock.read_bytes())[:12] if nodes_lock.is_file() else "none"
    return f"comfyui:{origin}+nodes:{nodes}+{'auto' if gpu_count() else 'fp32'}"


def _commit_file(home: Path) -> str | None:
    try:
        text = (home / "COMMIT").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _COMMIT.fullmatch(text) else None


def git_commit(home: Path) -> str | None:
    """The commit checked out in `home`, read from its .git folder; None where there is none. Needs no git."""
    folder = home / ".git"
    try:
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else None
        name = head.removeprefix("ref: ")
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8").strip()
        packed = (folder / "packed-refs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)


def _version(home: Path) -> str:
    try:
        found = _VERSION.search((home / "comfyui_version.py").read_text(encoding="utf-8"))
    except OSError:
        found = None
    if found is None:
        raise SetupError(
            "this ComfyUI does not say which one it is",
            where=str(home),
            remedy="write its commit into a file named COMMIT there, or set PRESSRUN_COMFYUI_CLASS",
        )
    return found[1]
