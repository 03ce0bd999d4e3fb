"""A ComfyUI custom node that hands pixels over raw, so that the thread that drives the GPU never encodes a PNG.

Loaded by ComfyUI with `--whitelist-custom-nodes pressrun_sink`, never by Pressrun: it may import what ComfyUI has
(torch, numpy, folder_paths) and nothing of Pressrun. The runner puts it in the place of SaveImage after render keys
are made, takes each .npy file (uint8 or uint16, height x width x channels) and encodes it on another core.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import numpy as np


def to_bytes_like_save_image(image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """One image tensor (height, width, channels; 0-1) as uint8, to the bit as SaveImage converts it."""
    if image.device.type != "cpu":
        # On the GPU first: a quarter of the bytes crosses the bus, and the CPU converts nothing.
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = image.mul(255.0).clamp_(0, 255).byte().cpu().numpy()
        return pixels
    scaled: np.ndarray[Any, np.dtype[np.float32]] = 255.0 * image.numpy()
    return scaled.clip(0, 255, out=scaled).astype(np.uint8)


def to_words_like_save_image_advanced(image: Any) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """One image tensor (height, width, channels; 0-1) as uint16, to the bit as SaveImageAdvanced converts it."""
    on_cpu: np.ndarray[Any, np.dtype[np.float32]] = 65535.0 * image.cpu().numpy()
    return on_cpu.clip(0, 65535, out=on_cpu).astype(np.uint16)


class PressrunSink:
    """SaveImage's inputs and outputs, and how deep each channel is (8 or 16 bits); the files hold pixels only."""

    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("images",)
    FUNCTION = "hand_over"
    OUTPUT_NODE = True
    CATEGORY = "pressrun"
    DESCRIPTION = "Hands raw pixels to the Pressrun runner, which encodes them. Put there by the runner only."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple[Any, ...]]]:  # noqa: N802 - ComfyUI calls it so
        return {
            "required": {"images": ("IMAGE",), "filename_prefix": ("STRING", {"default": "pressrun/item"})},
            "optional": {"bit_depth": ("INT", {"default": 8, "min": 8, "max": 16, "step": 8})},
        }

    def hand_over(self, images: Any, filename_prefix: str, bit_depth: int = 8) -> dict[str, Any]:
        """Write each image of the batch as {prefix}_{place:05}_.npy below the output folder."""
        import folder_paths  # type: ignore[import-not-found]  # noqa: PLC0415 - ComfyUI's own, there only inside it

        root = Path(folder_paths.get_output_directory()).resolve()
        stem = (root / filename_prefix).resolve()
        if not stem.is_relative_to(root):
            raise ValueError("Saving image outside the output folder is not allowed")
        # A plain file, not shared memory: it lives in the page cache for the blink until the runner has read it, costs
        # the same copy, and neither a container's /dev/shm limit nor a killed engine leaves anything to clean up.
        stem.parent.mkdir(parents=True, exist_ok=True)
        convert = to_words_like_save_image_advanced if bit_depth == 16 else to_bytes_like_save_image
        shown = []
        for place, image in enumerate(images, 1):
            path = stem.with_name(f"{stem.name}_{place:05}_.npy")
            with path.open("wb", buffering=0) as file:
                np.lib.format.write_array(file, convert(image), allow_pickle=False)
            shown.append({"filename": path.name, "subfolder": str(stem.parent.relative_to(root)), "type": "output"})
        return {"ui": {"images": shown}, "result": (images,)}


def spare_the_collector() -> None:
    """Tell Python's garbage collector that what is there now stays.

    ComfyUI collects between prompts, every ten seconds, and each time looks at the millions of objects that its
    modules made when they were loaded: a third of a second in which nothing is drawn.
    """
    gc.collect()
    gc.freeze()


if "folder_paths" in sys.modules:  # inside ComfyUI, where nodes are loaded last
    spare_the_collector()

NODE_CLASS_MAPPINGS = {"PressrunSink": PressrunSink}
NODE_DISPLAY_NAME_MAPPINGS = {"PressrunSink": "Hand to Pressrun"}
