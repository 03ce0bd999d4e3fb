"""The models channel: every file is the bytes that were locked, and no other format than safetensors is loaded.

SageMaker puts the files at {channel}/{sha256}/{file}. ComfyUI wants folders by kind, so the checked files are linked
into such a tree on the job's own disk; the channel itself may be read-only, and 7 GB are not copied.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pressrun.core.errors import InputError
from pressrun.core.model_file import ModelFile
from pressrun.core.models import check_model_name
from pressrun.core.safetensors import read_model_header

_BLOCK = 1 << 22


def stage_models(models: Sequence[ModelFile], source: Path, target: Path) -> int:
    """Check each model and link it to {target}/{folder}/{name}. Returns the number of bytes.

    InputError names the first model that is missing, changed, or not a safetensors file.
    """
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1), thread_name_prefix="models") as pool:
        # hashlib lets go of the interpreter lock: several files are read at the disk's pace.
        found = list(pool.map(lambda model: _checked(model, source), models))
    for model, path in zip(models, found, strict=True):
        link = target / model.folder / model.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
    return sum(model.size for model in models)


def _checked(model: ModelFile, source: Path) -> Path:
    check_model_name(model.name, model.folder, where=model.name)
    tail = Path(model.sha256) / model.file_name
    # Files land at their key below the manifest's prefix, which may or may not include "models/".
    path = next((path for path in (source / tail, source / "models" / tail) if path.is_file()), None)
    if path is None:
        raise InputError(
            f"model {model.name} is not in the channel",
            where=str(source / tail),
            remedy="is it in the inputs bucket? `pressrun models sync` brings it there",
        )
    read_model_header(path)
    digest = _sha256(path)
    if digest != model.sha256:
        raise InputError(
            f"model {model.name} has SHA-256 {digest[:12]}…, locked was {model.sha256[:12]}…",
            where=str(path),
            remedy="the object was replaced or cut: delete it and run `pressrun models sync`",
        )
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
