"""What to publish and under which names: pure, from the approved digests and the items' axes.

A file's key is its cell's folder, its stem, and the first digits of its digest:

    spring_sale/AUR-01/de-DE/square/spring_sale_AUR-01_de-DE_square_sunrise-1f3a9c02.png
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from pressrun.core import keys
from pressrun.core.campaign import CampaignSpec
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError
from pressrun.core.plan import RenderPlan, RunRequest
from pressrun.core.publication import CurrentPointer, DeliveredFile, PlannedPublication, PointerRevision
from pressrun.core.review import ApprovedItem

SEGMENT_LIMIT = 48
STEM_LIMIT = 180
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
# Windows cannot hold files of these names; the last three are ours.
_RESERVED = {"con", "prn", "aux", "nul", "index.json", "delivery.csv", "current.json"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}
_FORMULA = tuple("=+-@|%＝＋－＠｜％")
_DELIVERY_AXES = ("locale", "size", "variant")


def is_proof(run: RunRequest) -> bool:
    """True for a proof run, and for a final one whose engine is the proof press: it draws all the same."""
    return run.press == "proof" or run.engine == "proof"


def plan_publications(
    collection: Collection, approved: Iterable[ApprovedItem], plan: RenderPlan
) -> tuple[PlannedPublication, ...]:
    """The files that these approvals deliver, in plan order.

    ConflictError names the item where an approval is of other bytes than the collection's, or of no reviewable item.
    """
    items = {item.item_id: item for item in collection.items}
    proof = is_proof(plan.run)
    chosen = {approval.item_id: (_approved_item(items, approval), approval) for approval in approved}
    return tuple(
        planned
        for item in collection.items
        if item.item_id in chosen
        for planned in _files_of(*chosen[item.item_id], spec=plan.spec, proof=proof)
    )


def _files_of(
    item: CollectedItem, approval: ApprovedItem, *, spec: CampaignSpec, proof: bool
) -> Iterator[PlannedPublication]:
    stem = stem_of(spec, item.axes, proof=proof)
    seen: set[str] = set()
    for part, file in enumerate(item.files):
        # Two outputs that saved the same bytes are one delivery.
        if file.sha256 in seen:
            continue
        seen.add(file.sha256)
        yield PlannedPublication(
            item_id=item.item_id,
            cell_id=item.cell_id,
            axes=item.axes,
            source_sha256=file.sha256,
            image_uri=file.image_uri,
            decision_key=approval.decision_key,
            folder=folder_of(spec, item.axes, proof=proof),
            # Every candidate of a campaign has as many joints: a number more is told from a value.
            stem=f"{stem}_{part + 1}" if part else stem,
            part=part,
            approved_sha256=approval.sha256,
            media_type=file.media_type,
            width=file.width,
            height=file.height,
            playback=file.playback,
        )


def _approved_item(items: Mapping[str, CollectedItem], approval: ApprovedItem) -> CollectedItem:
    item = items.get(approval.item_id)
    if item is None or not item.reviewable or item.image_uri is None:
        state = f"ended as {item.state}" if item else "is not in this run"
        raise ConflictError(
            f"item {approval.item_id} was approved but {state}",
            where=approval.decision_key,
            remedy="open the review round again and decide on what is there now",
        )
    if item.sha256 != approval.sha256:
        raise ConflictError(
            f"item {item.item_id} ({item.label}) has other bytes than were approved: "
            f"approved {approval.sha256[:12]}, now {(item.sha256 or '')[:12]}",
            where=approval.decision_key,
            remedy="an approval binds the bytes that were seen; review this item again",
        )
    return item


def segment(value: str) -> str:
    """An axis value as a name that is safe in keys, URLs and files of every system.

    A plain value stays as it is. Any other becomes its legible rest, `~` and ten digits of its hash, so that different
    values never share a name.
    """
    reserved = {value.lower(), value.lower().split(".")[0]} & _RESERVED
    if _PLAIN.fullmatch(value) and len(value) <= SEGMENT_LIMIT and not reserved:
        return value
    ascii_text = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    legible = "-".join(re.findall(r"[A-Za-z0-9]+", ascii_text))[: SEGMENT_LIMIT - 11].strip("-") or "x"
    return f"{legible}~{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def folder_of(spec: CampaignSpec, axes: Mapping[str, str], *, proof: bool) -> str:
    """The cell's folder: campaign, then the cell's axis values in cell order."""
    return keys.published_root(spec.campaign, proof=proof) + "/".join(segment(axes[axis]) for axis in spec.cell)


def stem_of(spec: CampaignSpec, axes: Mapping[str, str], *, proof: bool) -> str:
    """The file name without digest and extension: campaign, cell axes, candidate axes, joined by `_`.

    Within a folder no two candidates share a stem: `_` inside a candidate's value would blur the joints and is folded.
    """
    cell = [segment(axes[axis]) for axis in spec.cell]
    rest = [axes[axis] for axis in spec.candidate_axes if axis in axes]
    candidate = [segment(value) if "_" not in value else segment(value + " ") for value in rest]
    stem = "_".join([spec.campaign, *cell, *candidate, *(["PROOF"] if proof else [])])
    if len(stem) > STEM_LIMIT:
        return f"{stem[: STEM_LIMIT - 11]}~{hashlib.sha256(stem.encode()).hexdigest()[:10]}"
    return stem


def advance(pointer: CurrentPointer | None, revision: PointerRevision, *, campaign: str) -> CurrentPointer | None:
    """The cell's pointer after this round, or None where nothing changes.

    A round that the pointer has seen before never moves it again: publishing an old run once more does not undo what
    a later run superseded.
    """
    cell_id = revision.files[0].cell_id
    if pointer is None:
        return CurrentPointer(campaign=campaign, cell_id=cell_id, current=revision)
    seen = {(known.run_key, known.round) for known in (pointer.current, *pointer.history)}
    same = {file.uri for file in pointer.current.files} == {file.uri for file in revision.files}
    if same or (revision.run_key, revision.round) in seen:
        return None
    return CurrentPointer(
        campaign=campaign, cell_id=cell_id, current=revision, history=(*pointer.history, pointer.current)
    )


def csv_cell(value: object) -> str:
    """A value as a spreadsheet may see it: no control or invisible characters, and never a formula."""
    text = "".join(char for char in str(value) if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def delivery_csv(files: Iterable[DeliveredFile]) -> bytes:
    """delivery.csv: one line a current file; UTF-8, CRLF, header first."""
    listed = tuple(files)
    extra = sorted({axis for file in listed for axis in file.axes} - {"product", *_DELIVERY_AXES})
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    facts_of = ("file", "uri", "sha256", "bytes", "width", "height", "type", "seconds")
    writer.writerow(["sku", *_DELIVERY_AXES, *extra, *facts_of])
    for file in listed:
        axes = [file.axes.get(axis, "") for axis in ("product", *_DELIVERY_AXES, *extra)]
        facts = [file.file, file.uri, file.sha256, file.size, file.width, file.height, file.media_type, file.seconds]
        writer.writerow([csv_cell("" if value is None else value) for value in (*axes, *facts)])
    return out.getvalue().encode()
