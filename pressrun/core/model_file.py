"""A model file as documents carry it."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import BaseModel

# Folders of ComfyUI's models/ that a job may bring files for.
MODEL_FOLDERS = (
    "checkpoints",
    "clip_vision",
    "controlnet",
    "diffusion_models",
    "embeddings",
    "loras",
    "style_models",
    "text_encoders",
    "upscale_models",
    "vae",
)


class ModelFile(BaseModel):
    """One model by content. `name` is what graphs call it: the path below `folder` of ComfyUI's models/."""

    model_config = {"extra": "forbid", "frozen": True}

    name: str
    folder: str
    sha256: str
    size: int
    licence: str
    source: str

    @property
    def file_name(self) -> str:
        """The last part of the name, under which the object store keeps it."""
        return PurePosixPath(self.name).name
