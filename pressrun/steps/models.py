"""Models on their way to a job: into the lock, then to the inputs bucket, by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pressrun.core import keys
from pressrun.core.errors import ConflictError, InputError, NotFoundError
from pressrun.core.model_file import ModelFile
from pressrun.core.models import LOCK_FILE, check_model_name, read_models_lock, write_models_lock
from pressrun.core.safetensors import ModelHeader, read_model_header
from pressrun.steps.workspace import Workspace

_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one model: `sent`, `there` already, or `absent` on this machine and in the bucket."""

    model: ModelFile
    state: str


def locked_models(include: Path) -> dict[str, ModelFile]:
    """The models of include/models.lock by name."""
    path = include / LOCK_FILE
    return read_models_lock(path.read_bytes(), file=LOCK_FILE) if path.is_file() else {}


def add_model(
    include: Path, file: Path, *, folder: str, licence: str, source: str, name: str = ""
) -> tuple[ModelFile, ModelHeader]:
    """Check a file and write it into the lock. InputError where it is no sound safetensors file.

    ConflictError where the lock has other bytes under that name: a name that changes its bytes would change pictures
    that were planned before. Adding the same file again changes licence and source only.
    """
    chosen = name or file.name
    check_model_name(chosen, folder, where=str(file))
    if not licence.strip() or not source.strip():
        raise InputError("a model needs its licence and its source", where=str(file))
    header = read_model_header(file)
    model = ModelFile(
        name=chosen, folder=folder, sha256=sha256_of(file), size=file.stat().st_size, licence=licence.strip(),
        source=source.strip(),
    )  # fmt: skip
    known = locked_models(include)
    old = known.get(chosen)
    if old is not None and old.sha256 != model.sha256:
        raise ConflictError(
            f"{chosen} is locked with other bytes ({old.sha256[:12]}…)", where=LOCK_FILE,
            remedy="give the new file another name, for example with its version",
        )  # fmt: skip
    (include / LOCK_FILE).write_bytes(write_models_lock({**known, chosen: model}))
    return model, header


def sync_models(ws: Workspace, folders: Iterable[Path], say: Callable[[str], None] = lambda _: None) -> list[Synced]:
    """Bring every locked model to the inputs bucket that is not there. Files are looked for in `folders` by content.

    A file counts by its digest, wherever it lies and whatever it is called. Nothing that is there is sent again.
    """
    done: list[Synced] = []
    places = [folder for folder in folders if folder.is_dir()]
    for _, model in sorted(locked_models(ws.settings.include).items()):
        key = keys.model(model.sha256, model.file_name)
        found = ws.inputs.head(key)
        if found is not None and found.size != model.size:
            raise ConflictError(
                f"the bucket has {found.size:,} bytes under {model.name}'s digest, not {model.size:,}",
                where=ws.inputs.uri(key), remedy="somebody else wrote it: delete that object, then sync again",
            )  # fmt: skip
        if found is not None:
            done.append(Synced(model, "there"))
            continue
        path = _find(model, places)
        if path is None:
            done.append(Synced(model, "absent"))
            continue
        say(f"{model.name}: sending {model.size / 1e9:,.2f} GB")
        ws.inputs.create_from(key, path)
        done.append(Synced(model, "sent"))
    return done


def find_model(include: Path, name: str, folders: Iterable[Path]) -> Path:
    """The file of a locked model on this machine. NotFoundError where no folder has its bytes."""
    model = locked_models(include).get(name)
    path = _find(model, [folder for folder in folders if folder.is_dir()]) if model else None
    if path is None:
        raise NotFoundError("no file on this machine has the locked bytes", where=name)
    return path


def _find(model: ModelFile, folders: Iterable[Path]) -> Path | None:
    for folder in folders:
        # Size first: only a file that can be the one is read.
        for path in sorted(folder.rglob("*.safetensors")):
            if path.is_file() and path.stat().st_size == model.size and sha256_of(path) == model.sha256:
                return path
    return None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
