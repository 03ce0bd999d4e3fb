"""The campaign's index.json and delivery.csv, built from the pointers of its cells.

Two runs may finish at once. Each writes its pointers first, then lists them, then replaces the index over the ETag
read before the listing; whoever is late starts again and sees the other's pointers. delivery.csv follows the index in
the same way.
"""

from __future__ import annotations

from collections.abc import Callable

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import ConflictError, NotFoundError
from pressrun.core.publication import CampaignIndex, CurrentPointer, DeliveredFile
from pressrun.core.publish import delivery_csv
from pressrun.steps.workspace import Workspace
from pressrun.storage.store import ObjectStore

TRIES = 20


def update_index(ws: Workspace, campaign: str, *, proofs: bool) -> tuple[str, str]:
    """Bring both up to date; returns their URIs. ConflictError where other writers never let go."""
    store = ws.published
    root = keys.published_root(campaign, proof=proofs)
    index_key, delivery_key = keys.campaign_index(root), keys.campaign_delivery(root)
    _converge(store, index_key, "application/json", lambda: _index(store, campaign, root, proofs).to_bytes())
    _converge(store, delivery_key, "text/csv; charset=utf-8", lambda: delivery_csv(_read(store, index_key).files))
    return store.uri(index_key), store.uri(delivery_key)


def _converge(store: ObjectStore, key: str, content_type: str, build: Callable[[], bytes]) -> None:
    """Replace `key` by what `build` returns now, unless somebody else changed it since; then look again."""
    for _ in range(TRIES):
        info = store.head(key)
        data = build()
        if info is None:
            written = store.create(key, data, content_type=content_type)
        else:
            written = store.get(key) == data or store.replace(key, data, etag=info.etag, content_type=content_type)
        if written:
            return
    raise ConflictError(
        "other runs kept changing this object", where=store.uri(key), remedy="clear publish_assets and run it again"
    )


def _index(store: ObjectStore, campaign: str, root: str, proofs: bool) -> CampaignIndex:
    """Read only the pointers whose ETag is not the one the present index was built from."""
    try:
        known = _read(store, keys.campaign_index(root))
    except NotFoundError:
        known = CampaignIndex(campaign=campaign, proofs=proofs)
    by_folder: dict[str, list[DeliveredFile]] = {}
    for file in known.files:
        by_folder.setdefault(_folder(store, file), []).append(file)
    files: list[DeliveredFile] = []
    pointers: dict[str, str] = {}
    for info in store.list(root):
        if not info.key.endswith("/current.json"):
            continue
        pointers[info.key] = info.etag
        if known.pointers.get(info.key) == info.etag:
            files += by_folder.get(info.key.rpartition("/")[0], ())
        else:
            pointer = from_bytes(CurrentPointer, store.get(info.key), where=store.uri(info.key))
            files += pointer.current.files
    files.sort(key=lambda file: file.uri)
    return CampaignIndex(campaign=campaign, proofs=proofs, files=tuple(files), pointers=pointers)


def _folder(store: ObjectStore, file: DeliveredFile) -> str:
    return file.uri.removeprefix(store.uri("")).rpartition("/")[0]


def _read(store: ObjectStore, key: str) -> CampaignIndex:
    return from_bytes(CampaignIndex, store.get(key), where=store.uri(key))
