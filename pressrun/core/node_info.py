"""What a ComfyUI server says of its node classes: declared inputs, types, ranges, choices, outputs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressrun.core.codec import sha256_hex
from pressrun.core.errors import InputError

SCALARS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "COMFY_DYNAMICCOMBO_V3"})
# The picture pickers of the user interface export these beside the file's name; the server ignores them.
UI_INPUTS = frozenset({"upload", "choose file to upload"})
_FILE_INPUTS = frozenset(
    {("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadAudio", "audio"), ("LoadVideo", "file")}
)


@dataclass(frozen=True, slots=True)
class DeclaredInput:
    """One input as its class declares it. `options` are the choices of a COMBO, empty where files on disk fill them."""

    name: str
    kind: str
    required: bool
    options: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    inner: Mapping[str, tuple[DeclaredInput, ...]] | None = None

    @property
    def takes_value(self) -> bool:
        """Whether a value may be written here; other kinds (MODEL, IMAGE, …) take a link only."""
        return self.kind in SCALARS or "*" in self.kind


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class. `outputs` are the types of its slots; `saves` is ComfyUI's OUTPUT_NODE."""

    name: str
    display_name: str
    inputs: Mapping[str, DeclaredInput]
    outputs: tuple[str, ...]
    saves: bool
    api: bool
    module: str

    def declared(self, values: Mapping[str, Any]) -> dict[str, DeclaredInput]:
        """The inputs of a node with these values: a dynamic choice adds its own ("format.bit_depth")."""
        found = dict(self.inputs)
        for spec in self.inputs.values():
            chosen = values.get(spec.name)
            if spec.inner is not None and isinstance(chosen, str):
                found |= {inner.name: inner for inner in spec.inner.get(chosen, ())}
        return found

    def is_file(self, input_name: str) -> bool:
        """Whether the input names a file that a job must be given."""
        return (self.name, input_name) in _FILE_INPUTS


@dataclass(frozen=True, slots=True)
class NodeCatalogue:
    """Every class of one server, by name."""

    classes: Mapping[str, NodeClass]
    version: str
    sha256: str

    def get(self, name: str) -> NodeClass | None:
        return self.classes.get(name)

    def output_type(self, name: str, slot: int) -> str:
        """What a slot of a class gives ("MODEL"); an empty string for a class or a slot that is not known."""
        found = self.classes.get(name)
        return found.outputs[slot] if found is not None and slot < len(found.outputs) else ""

    def nearest(self, name: str) -> str | None:
        """The known class whose name is most like this one."""
        found = difflib.get_close_matches(name, list(self.classes), n=1)
        return found[0] if found else None

    def with_input(self, name: str) -> Iterator[str]:
        """Names of the classes that declare an input of this name."""
        return (found.name for found in self.classes.values() if name in found.inputs)


def read_object_info(data: bytes, *, file: str) -> NodeCatalogue:
    """Parse GET /object_info, bare or as recorded ({"comfyui_version": …, "classes": {…}}).

    InputError where it is neither, and names the class where one entry cannot be read.
    """
    try:
        raw = json.loads(data)
    except ValueError as exc:
        raise InputError(f"not JSON: {exc}", where=file, remedy="run pressrun workflow refresh again") from exc
    wrapped = isinstance(raw, dict) and isinstance(raw.get("classes"), dict)
    entries = raw["classes"] if wrapped else raw
    if not isinstance(entries, dict) or not entries:
        raise InputError("not the answer of /object_info", where=file, remedy="run pressrun workflow refresh again")
    classes = {}
    for name, entry in entries.items():
        try:
            classes[name] = _class(name, entry)
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise InputError(f"the entry of {name!r} cannot be read: {exc!r}", where=file) from exc
    version = str(raw.get("comfyui_version", "unknown")) if wrapped else "unknown"
    return NodeCatalogue(classes=classes, version=version, sha256=sha256_hex(data))


def _class(name: str, entry: Mapping[str, Any]) -> NodeClass:
    groups = entry["input"]
    inputs = [
        _input(key, config, required=group == "required")
        for group in ("required", "optional")
        for key, config in (groups.get(group) or {}).items()
    ]
    return NodeClass(
        name=name,
        display_name=str(entry.get("display_name") or name),
        inputs={spec.name: spec for spec in inputs},
        outputs=tuple(kind if isinstance(kind, str) else "COMBO" for kind in entry["output"]),
        saves=bool(entry.get("output_node")),
        api=bool(entry.get("api_node")),
        module=str(entry.get("python_module", "")),
    )


def _input(name: str, config: list[Any], *, required: bool) -> DeclaredInput:
    kind = config[0]
    settings: Mapping[str, Any] = config[1] if len(config) > 1 and isinstance(config[1], dict) else {}
    if isinstance(kind, list):
        return DeclaredInput(name, "COMBO", required, options=tuple(kind), default=settings.get("default"))
    options = tuple(settings.get("options") or ())
    if kind == "COMFY_DYNAMICCOMBO_V3":
        inner = {str(option["key"]): tuple(_inner(name, option)) for option in options}
        return DeclaredInput(name, kind, required, options=tuple(inner), inner=inner)
    return DeclaredInput(
        name,
        str(kind),
        required,
        options=options,
        minimum=settings.get("min"),
        maximum=settings.get("max"),
        default=settings.get("default"),
    )


def _inner(name: str, option: Mapping[str, Any]) -> Iterator[DeclaredInput]:
    for group in ("required", "optional"):
        for key, config in ((option.get("inputs") or {}).get(group) or {}).items():
            yield _input(f"{name}.{key}", config, required=group == "required")
