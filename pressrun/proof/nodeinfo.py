"""What the recorded server knows about its node classes: inputs, types, ranges, outputs; and which names are models."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from pressrun.core.errors import InputError

# Which model folder fills which input. The recorded lists are empty: they came from a server without models.
MODEL_INPUTS: dict[tuple[str, str], str] = {
    ("CheckpointLoaderSimple", "ckpt_name"): "checkpoints",
    ("VAELoader", "vae_name"): "vae",
    ("LoraLoader", "lora_name"): "loras",
    ("LoraLoaderModelOnly", "lora_name"): "loras",
    ("UNETLoader", "unet_name"): "diffusion_models",
    ("CLIPLoader", "clip_name"): "text_encoders",
    ("DualCLIPLoader", "clip_name1"): "text_encoders",
    ("DualCLIPLoader", "clip_name2"): "text_encoders",
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("ControlNetLoader", "control_net_name"): "controlnet",
    ("DiffControlNetLoader", "control_net_name"): "controlnet",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
}
FILE_INPUTS = {("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadImageOutput", "image")}


@functools.lru_cache(maxsize=1)
def _recorded() -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads((resources.files("pressrun.proof") / "object_info.json").read_bytes())
    return data


def comfyui_version() -> str:
    """The version of the recorded server."""
    return str(_recorded()["comfyui_version"])


def classes() -> dict[str, Any]:
    """Class name -> its recorded /object_info entry."""
    found: dict[str, Any] = _recorded()["classes"]
    return found


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input: `kind` is "INT", "IMAGE", … or "COMBO"; `config` is the recorded pair."""

    name: str
    kind: str
    options: tuple[Any, ...]
    settings: dict[str, Any]
    config: list[Any]
    required: bool


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Which model names exist. Without a lock every plain name does: a proof reads no model."""

    locked: dict[str, tuple[str, ...]] | None = None

    def known(self, folder: str, name: Any) -> bool:
        if self.locked is not None:
            return name in self.locked.get(folder, ())
        return isinstance(name, str) and is_plain_name(name)

    def listed(self, folder: str) -> list[str]:
        return list((self.locked or {}).get(folder, ()))

    @staticmethod
    def from_lock(path: Path) -> ModelNames:
        """Read a JSON object {folder: [name, …]}. InputError if it is anything else."""
        try:
            raw = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as exc:
            raise InputError(f"cannot read the models lock: {exc}", where=str(path)) from exc
        if not isinstance(raw, dict) or not all(isinstance(names, list) for names in raw.values()):
            raise InputError("a models lock is an object {folder: [name, …]}", where=str(path))
        return ModelNames({folder: tuple(map(str, names)) for folder, names in raw.items()})


def is_plain_name(name: str) -> bool:
    """A file name, with sub-folders perhaps, that cannot leave its folder."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and name.isprintable() and all(part not in {"", ".", ".."} for part in parts) and ":" not in name


@functools.lru_cache(maxsize=512)
def inputs_of(class_type: str) -> tuple[InputSpec, ...]:
    """The declared inputs, required ones first, in the recorded order."""
    groups = classes()[class_type]["input"]
    return tuple(
        _spec(name, config, group == "required")
        for group in ("required", "optional")
        for name, config in groups.get(group, {}).items()
    )


def _spec(name: str, config: list[Any], required: bool) -> InputSpec:
    kind, settings = config[0], (config[1] if len(config) > 1 else {})
    if isinstance(kind, list):
        return InputSpec(name, "COMBO", tuple(kind), settings, config, required)
    options = settings.get("options") or ()
    return InputSpec(name, str(kind), tuple(options), settings, config, required)


def outputs_of(class_type: str) -> list[str]:
    """The types of the output slots."""
    return [str(kind) for kind in classes()[class_type]["output"]]


def is_output(class_type: str) -> bool:
    return bool(classes()[class_type].get("output_node"))


@dataclass(slots=True)
class Catalogue:
    """/object_info as this server answers it: the recorded entries with the locked model names filled in."""

    models: ModelNames = field(default_factory=ModelNames)

    def entry(self, class_type: str) -> dict[str, Any]:
        recorded: dict[str, Any] = classes()[class_type]
        if self.models.locked is None:
            return recorded
        copy: dict[str, Any] = orjson.loads(orjson.dumps(recorded))
        for (owner, name), folder in MODEL_INPUTS.items():
            if owner == class_type:
                config = copy["input"]["required"][name]
                if isinstance(config[0], list):
                    config[0] = self.models.listed(folder)
                else:
                    config[1]["options"] = self.models.listed(folder)
        return copy

    def all(self) -> dict[str, Any]:
        return {name: self.entry(name) for name in classes()}
