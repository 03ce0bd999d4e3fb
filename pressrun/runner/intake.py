"""Intake: the shard is the one that was bought, its assets are the bytes that were planned, under plain names."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.contract_fit import BATCH_PARAMETER
from pressrun.core.errors import InputError
from pressrun.core.item import InputAsset, Item
from pressrun.core.plan import WorkflowBundle
from pressrun.core.shard import Shard

# ComfyUI reads "name [output]" as another folder; a leading dot or a slash would leave this one.
_PLAIN = re.compile(r"[^./\\\[\]\x00-\x1f][^/\\\[\]\x00-\x1f]{0,199}")
_ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def read_shard(path: Path, *, expected_sha256: str) -> Shard:
    """The shard at `path`. InputError where it is absent, of another digest, malformed, or inconsistent in itself."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise InputError("there is no shard", where=str(path), remedy="check the input channel `shard`") from exc
    found = sha256_hex(data)
    if found != expected_sha256:
        raise InputError(
            f"this is shard {found[:12]}, but the job was bought for {expected_sha256[:12]}",
            where=str(path),
            remedy="the object was overwritten, or PRESSRUN_SHARD_SHA256 is of another shard",
        )
    shard = from_bytes(Shard, data, where=str(path))
    assets = {asset.name for asset in shard.inputs}
    seen: set[str] = set()
    batches: dict[str, Item] = {}
    for item in shard.items:
        problem = (
            "is not a plain id"
            if not _ITEM_ID.fullmatch(item.item_id)
            else "is there twice"
            if item.item_id in seen
            else f"uses the unknown workflow {item.workflow!r}"
            if item.workflow not in shard.workflows
            else "uses an input that the shard does not carry"
            if not assets.issuperset(item.inputs.values())
            else _batch_problem(item, batches, shard.workflows[item.workflow])
        )
        if problem:
            raise InputError(f"item {item.item_id!r} {problem}", where=str(path))
        seen.add(item.item_id)
    return shard


def _batch_problem(item: Item, batches: dict[str, Item], bundle: WorkflowBundle) -> str | None:
    """What keeps an item from being one picture of its batch. `batches` holds the first item of each."""
    if item.batch is None:
        return None
    first = batches.setdefault(item.batch.key, item)
    if BATCH_PARAMETER not in bundle.bindings:
        return f"is of a batch, which {item.workflow!r} cannot make"
    if item.batch.index >= item.batch.size:
        return f"is picture {item.batch.index} of a batch of {item.batch.size}"
    return None if _shared(item) == _shared(first) else f"is not like {first.item_id!r}, which is of the same batch"


def _shared(item: Item) -> tuple[object, ...]:
    return item.workflow, item.params, item.seed, item.inputs, item.batch and item.batch.size


def stage_assets(shard: Shard, source: Path, target: Path) -> int:
    """Check each asset's bytes and put it into `target` under its plain name. Returns the number of bytes.

    InputError names the first asset that is missing, changed, or named like another one or like a path.
    """
    staged: dict[str, str] = {}
    total = 0
    for asset in shard.inputs:
        if not _PLAIN.fullmatch(asset.name):
            raise InputError("an asset's name must be a plain file name", where=asset.name)
        if staged.setdefault(asset.name, asset.sha256) != asset.sha256:
            raise InputError("two different assets have this name", where=asset.name)
        total += _stage(asset, _find(asset, source), target / asset.name)
    return total


def _find(asset: InputAsset, source: Path) -> Path:
    # Files land at their key below the manifest's prefix, which may or may not include "assets/".
    tail = Path(asset.sha256) / asset.name
    for candidate in (source / "assets" / tail, source / tail):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"asset {asset.name} is not in the channel",
        where=str(source / "assets" / tail),
        remedy=f"it was planned from {asset.source or asset.uri}; is it listed in inputs.manifest?",
    )


def _stage(asset: InputAsset, found: Path, target: Path) -> int:
    digest = hashlib.sha256()
    partial = target.with_name(f".{target.name}.part")
    with found.open("rb") as reader, partial.open("wb") as writer:
        while block := reader.read(1 << 20):
            digest.update(block)
            writer.write(block)
    if digest.hexdigest() != asset.sha256:
        partial.unlink()
        raise InputError(
            f"asset {asset.name} has SHA-256 {digest.hexdigest()[:12]}…, planned was {asset.sha256[:12]}…",
            where=str(found),
            remedy=f"upload {asset.source or asset.uri} again, or plan again",
        )
    shutil.move(partial, target)
    return target.stat().st_size
