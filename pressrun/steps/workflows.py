"""What people do with workflows: add one, promote a version, refresh what is known of ComfyUI's nodes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from pressrun.core.codec import digest_of
from pressrun.core.errors import ConflictError, EngineError, InputError
from pressrun.core.findings import FindingsError
from pressrun.core.graph import read_graph
from pressrun.core.node_info import NodeCatalogue, read_object_info
from pressrun.core.releases import Registry, Release, parse_reference
from pressrun.core.render_key import MODEL_INPUTS
from pressrun.core.skeleton import make_skeleton
from pressrun.steps.library import OBJECT_INFO, REGISTRY, Library, WorkflowVersion
from pressrun.steps.workflow_proof import proof_workflow


@dataclass(frozen=True)
class Added:
    """The files of a new workflow, and what its team has to decide."""

    version: WorkflowVersion
    decide: tuple[str, ...]


def add_workflow(library: Library, file: Path, *, name: str = "") -> Added:
    """Copy an exported graph into include/workflows and write its first contract.

    A name that is there already gets its next version. FindingsError where the file is not a graph in API format.
    """
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise InputError(f"cannot be read: {exc.strerror}", where=str(file)) from exc
    graph = read_graph(data, file=file.name)
    plain, asked = parse_reference(name or file.name.split(".")[0].lower().replace("-", "_").replace(" ", "_"))
    there = [version.version for version in library.versions() if version.name == plain]
    number = asked or max(there, default=0) + 1
    if number in there:
        raise ConflictError(
            f"version {number} of {plain} is there already", where=f"include/workflows/{plain}",
            remedy="leave out the version to get the next one",
        )  # fmt: skip
    stem = plain if number == 1 and asked is None else f"{plain}@{number}"
    paths = library.include / "workflows" / f"{stem}.api.json", library.include / "params" / f"{stem}.schema.json"
    previous = library.find(plain).contract if there else None
    if previous is not None and previous.is_file():
        contract, decide = previous.read_text("utf-8"), [f"the contract is that of {previous.name}: does it still fit?"]
    else:
        skeleton = make_skeleton(graph, library.catalogue, name=plain)
        contract, decide = json.dumps(skeleton.schema, indent=2, ensure_ascii=False) + "\n", skeleton.decide
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    # The working copy may lie in include/workflows already, saved there from ComfyUI.
    if file.resolve() != paths[0].resolve():
        shutil.copyfile(file, paths[0])
    paths[1].write_text(contract, "utf-8")
    return Added(WorkflowVersion(plain, number, stem, *paths), tuple(decide))


def promote_workflow(library: Library, reference: str, *, by: str) -> Release:
    """Check, draw one proof, and write the release into the registry.

    FindingsError where the check finds an error; ConflictError where that version is released already.
    """
    found = library.load(reference)
    if found.errors or found.bundle is None or found.contract is None:
        raise FindingsError.of(found.errors, subject=found.version.stem)
    version = found.version
    if library.registry is not None and found.release.state == "released":
        raise ConflictError(f"version {version.version} of {version.name} is released already")
    proof = proof_workflow(found.bundle, found.contract)
    warnings = _count(len(found.findings), "warning")
    release = Release(
        state="released",
        graph_sha256=digest_of(found.bundle.graph),
        contract_sha256=found.contract.sha256,
        promoted_by=by,
        promoted_at=datetime.now(UTC).isoformat(timespec="seconds"),
        checks={
            "check": f"no errors, {warnings}, against ComfyUI {library.catalogue.version}",
            "proof": f"{_count(len(proof.files), 'file')} in {proof.seconds:.1f} s",
        },
    )
    registry = (library.registry or Registry()).with_release(version.name, version.version, release)
    (library.include / REGISTRY).write_text(registry.to_yaml(), "utf-8")
    return release


def refresh_nodes(library: Library, url: str) -> tuple[NodeCatalogue, list[str]]:
    """Record /object_info of a running ComfyUI as include/object_info.json; also what changed, class by class.

    EngineError where it does not answer; nothing is written then.
    """
    try:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
            info = http.get("/object_info").raise_for_status().json()
            stats = http.get("/system_stats").raise_for_status().json()
    except (httpx.HTTPError, ValueError) as exc:
        raise EngineError(
            f"no answer of a ComfyUI there: {exc}", where=url, remedy="start it, and give its address with --url"
        ) from exc
    version = str(stats.get("system", {}).get("comfyui_version", "unknown"))
    data = json.dumps({"comfyui_version": version, "classes": _without_files(info)}, indent=1, ensure_ascii=False)
    catalogue = read_object_info(data.encode(), file=url)
    before = library.catalogue
    # What may break a workflow first; a newer ComfyUI brings hundreds of new classes.
    changed = [f"{name} is gone" for name in before.classes if name not in catalogue.classes]
    changed += [
        f"{name} declares other inputs or outputs"
        for name, node in catalogue.classes.items()
        if name in before.classes and before.classes[name] != node
    ]
    changed += [f"{name} is new" for name in catalogue.classes if name not in before.classes]
    (library.include / OBJECT_INFO).write_text(data + "\n", "utf-8")
    return catalogue, changed


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _without_files(info: dict[str, object]) -> dict[str, object]:
    """The answer without what the server read from its disks: model and picture names are one machine's own."""
    for entry in info.values():
        groups = entry.get("input", {}) if isinstance(entry, dict) else {}
        for group in groups.values():
            for name, config in (group or {}).items():
                if not config or not (name in MODEL_INPUTS or name == "image"):
                    continue
                if isinstance(config[0], list):
                    config[0] = _built_in(config[0])
                elif name in MODEL_INPUTS and len(config) > 1 and isinstance(config[1], dict):
                    kept = _built_in(config[1].pop("options", None) or [])
                    config[1] |= {"options": kept} if kept else {}
    return info


def _built_in(options: list[object]) -> list[object]:
    """The choices that ComfyUI brings itself ("pixel_space"); a file on disk has a suffix."""
    return [option for option in options if "." not in str(option)]
