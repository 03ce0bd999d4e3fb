"""A model file as documents carry it."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import BaseModel

# Folders of ComfyUI's models/ in the order in which its GET /models names them, and whether a job may bring files for
# one: model weights that graphs name, as safetensors.
_FOLDERS = {
    "checkpoints": True,
    "configs": False,
    "loras": True,
    "vae": True,
    "text_encoders": True,
    "diffusion_models": True,
    "clip_vision": True,
    "style_models": True,
    "embeddings": True,
    "diffusers": False,
    "vae_approx": False,
    "controlnet": True,
    "gligen": False,
    "upscale_models": True,
    "latent_upscale_models": False,
    "custom_nodes": False,
    "datasets": False,
    "hypernetworks": False,
    "photomaker": False,
    "classifiers": False,
    "model_patches": False,
    "audio_encoders": False,
    "background_removal": False,
    "frame_interpolation": False,
    "geometry_estimation": False,
    "optical_flow": False,
    "detection": False,
}
COMFYUI_FOLDERS = tuple(_FOLDERS)
MODEL_FOLDERS = tuple(sorted(name for name, brought in _FOLDERS.items() if brought))


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
