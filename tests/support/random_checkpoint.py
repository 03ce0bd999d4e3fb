"""Write a checkpoint of random weights that CheckpointLoaderSimple takes for an SD 1.5, at an eighth of the size.

ComfyUI reads width and depth of the U-Net off the tensors, so one level with one block will do; the text encoder is
full size (nothing smaller is recognised), and the decoder is the tiny one. 300 MB, a second or two to load on a CPU.
Run by ComfyUI's own Python, because the shapes are taken from its own classes:

    cd "$COMFYUI_HOME" && "$COMFYUI_PYTHON" …/tests/support/random_checkpoint.py FILE.safetensors SEED
"""

from __future__ import annotations

import sys

sys.path.insert(0, ".")
target, seed = sys.argv[1], int(sys.argv[2])
sys.argv[1:] = ["--cpu"]  # ComfyUI reads the command line when it is imported

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.ops  # noqa: E402
import comfy.sd1_clip  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from comfy.taesd.taesd import TAESD  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": [1],
    "channel_mult": [1], "transformer_depth": [1], "transformer_depth_middle": 1, "transformer_depth_output": [1, 1],
    "context_dim": 768, "num_heads": 8, "use_spatial_transformer": True, "legacy": False,
}  # fmt: skip


def main() -> None:
    options = {"dtype": torch.float32, "device": "cpu", "operations": comfy.ops.manual_cast}
    parts = {
        "model.diffusion_model.": UNetModel(**UNET, **options),
        "cond_stage_model.": comfy.sd1_clip.SD1ClipModel(device="cpu", dtype=torch.float32).clip_l,
        "first_stage_model.": TAESD(),
    }
    chance = torch.Generator().manual_seed(seed)
    tensors = {}
    for prefix, part in parts.items():
        for name, like in part.state_dict().items():
            if not like.is_floating_point():
                tensors[prefix + name] = like.clone()
                continue
            # Small enough that no layer overflows, with norms that let something through.
            values = torch.randn(like.shape, generator=chance) * (like[0].numel() if like.dim() > 1 else 100) ** -0.5
            if like.dim() == 1 and name.endswith("weight"):
                values += 1
            tensors[prefix + name] = values.half().contiguous()
    save_file(tensors, target, metadata={"format": "pt"})
    print(len(tensors), sum(tensor.numel() for tensor in tensors.values()))


main()
