"""Models: include/models.lock, and which of its models a set of items needs.

The lock is YAML, `name: {folder, sha256, size, licence, source}`, where `name` is what graphs call the model (the path
below its folder of ComfyUI's `models/`). A model that is not in the lock reaches no final job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.binding import compile_graph
from pressrun.core.errors import InputError
from pressrun.core.graph import Graph, ancestors
from pressrun.core.item import Item
from pressrun.core.model_file import MODEL_FOLDERS, ModelFile
from pressrun.core.plan import WorkflowBundle
from pressrun.core.render_key import MODEL_INPUTS

LOCK_FILE = "models.lock"
# What ComfyUI offers beside files: code of its own that needs no weights.
BUILT_IN = frozenset({"pixel_space", "None", "none"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,120}(?:/[A-Za-z0-9][A-Za-z0-9._ -]{0,120}){0,3}\.safetensors")
_HEAD = "# Models that final jobs may load, by content. Written by `pressrun models add`.\n"


class _Entry(BaseModel):
    model_config = {"extra": "forbid"}

    folder: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)
    licence: str = Field(min_length=1)
    source: str = Field(min_length=1)


def read_models_lock(data: bytes, *, file: str) -> dict[str, ModelFile]:
    """The lock's models by name. InputError names the entry that is wrong."""
    try:
        raw = yaml.safe_load(data) or {}
    except yaml.YAMLError as exc:
        raise InputError(f"not YAML: {exc}", where=file) from exc
    if not isinstance(raw, dict):
        raise InputError("a models lock maps model names to their entries", where=file)
    found: dict[str, ModelFile] = {}
    for name, value in raw.items():
        try:
            entry = _Entry.model_validate(value)
        except ValidationError as exc:
            wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
            raise InputError(wrong, where=f"{file}, {name}", remedy="add the model with `pressrun models add`") from exc
        check_model_name(str(name), entry.folder, where=f"{file}, {name}")
        found[str(name)] = ModelFile(name=str(name), **entry.model_dump())
    return found


def write_models_lock(models: Mapping[str, ModelFile]) -> bytes:
    """The lock as text, sorted by name, so that a change is one hunk in review."""
    if not models:
        return _HEAD.encode()
    entries = {name: models[name].model_dump(exclude={"name"}) for name in sorted(models)}
    return (_HEAD + yaml.safe_dump(entries, sort_keys=False, width=120, allow_unicode=True)).encode()


def check_model_name(name: str, folder: str, *, where: str) -> None:
    """InputError where a name is not a plain relative path of a .safetensors file, or the folder is not ComfyUI's."""
    if not _NAME.fullmatch(name):
        raise InputError(
            "a model's name is a plain path ending in .safetensors", where=where,
            remedy="letters, digits, dots, dashes; at most three sub-folders",
        )  # fmt: skip
    if folder not in MODEL_FOLDERS:
        raise InputError(
            f"there is no model folder {folder!r}", where=where, remedy=f"one of {', '.join(MODEL_FOLDERS)}"
        )


def models_in(graph: Graph, outputs: tuple[str, ...]) -> frozenset[str]:
    """Names of the models that the outputs of a graph depend on."""
    return frozenset(
        value
        for node in ancestors(graph, outputs)
        for name, value in graph[node]["inputs"].items()
        if isinstance(value, str) and value not in BUILT_IN and is_model_input(name, value)
    )


def is_model_input(name: str, value: Any) -> bool:
    """True where a node's input names a model file."""
    return name in MODEL_INPUTS or (isinstance(value, str) and value.endswith(".safetensors"))


def models_needed(bundles: Mapping[str, WorkflowBundle], items: Iterable[Item]) -> frozenset[str]:
    """Names of the models that these items load, parameters that choose a model included."""
    needed: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    choosing = {name: _choosing(bundle) for name, bundle in bundles.items()}
    for item in items:
        values = {name: item.params[name] for name in choosing[item.workflow] if name in item.params}
        key = (item.workflow, *(str(values.get(name)) for name in choosing[item.workflow]))
        if key in seen:
            continue
        seen.add(key)
        bundle = bundles[item.workflow]
        graph = compile_graph(bundle, params=values, seed=item.seed, inputs={}, filename_prefix="")
        needed |= models_in(graph, bundle.outputs)
    return frozenset(needed)


def _choosing(bundle: WorkflowBundle) -> tuple[str, ...]:
    """Parameters that may decide which model is loaded."""
    return tuple(
        parameter
        for parameter, targets in bundle.bindings.items()
        if any(is_model_input(target.input, _template_value(bundle, target.node, target.input)) for target in targets)
    )


def _template_value(bundle: WorkflowBundle, node: str, name: str) -> Any:
    return bundle.graph.get(node, {}).get("inputs", {}).get(name)
