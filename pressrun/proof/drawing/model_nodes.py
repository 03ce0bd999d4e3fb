"""Loaders, text encoders, schedulers: tokens that carry names and settings to the sampler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.registry import node
from pressrun.proof.drawing.values import Conditioning, Token

Inputs = Mapping[str, Any]


def stem(name: str) -> str:
    """ "sdxl/base_1.0.safetensors" -> "base_1.0"."""
    return PurePosixPath(name.replace("\\", "/")).name.rsplit(".", 1)[0]


@node("CheckpointLoaderSimple")
def load_checkpoint(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    names = (stem(inputs["ckpt_name"]),)
    return Token("MODEL", names), Token("CLIP", names), Token("VAE", names)


@node("UNETLoader", "UpscaleModelLoader", "VAELoader", "CLIPLoader", "CLIPVisionLoader", "ControlNetLoader")
def load_model(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    kinds = {
        "UNETLoader": ("MODEL", "unet_name"),
        "UpscaleModelLoader": ("UPSCALE_MODEL", "model_name"),
        "VAELoader": ("VAE", "vae_name"),
        "CLIPLoader": ("CLIP", "clip_name"),
        "CLIPVisionLoader": ("CLIP_VISION", "clip_name"),
        "ControlNetLoader": ("CONTROL_NET", "control_net_name"),
    }
    kind, name = kinds[context.class_type]
    return (Token(kind, (stem(inputs[name]),)),)


@node("LoraLoader", "LoraLoaderModelOnly")
def load_lora(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The model with one more name: another LoRA, or another strength, gives another picture."""
    added = f"{stem(inputs['lora_name'])}@{inputs['strength_model']:g}"
    model: Token = inputs["model"]
    patched = Token("MODEL", (*model.names, added), model.settings)
    return (patched,) if context.class_type == "LoraLoaderModelOnly" else (patched, inputs["clip"])


@node("CLIPTextEncode", "CLIPTextEncodeSDXLRefiner")
def encode_text(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (Conditioning((inputs["text"],)),)


@node("CLIPTextEncodeSDXL")
def encode_text_sdxl(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (Conditioning(tuple(dict.fromkeys((inputs["text_g"], inputs["text_l"])))),)


@node("ConditioningCombine", "ConditioningConcat", "ConditioningAverage")
def combine(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    parts = [value for value in inputs.values() if isinstance(value, Conditioning)]
    return (Conditioning(tuple(dict.fromkeys(text for part in parts for text in part.texts))),)


@node("ConditioningZeroOut")
def zero_out(_context: NodeContext, _inputs: Inputs) -> tuple[Any, ...]:
    return (Conditioning(),)


@node("RandomNoise", "DisableNoise")
def noise(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (Token("NOISE", (), {"seed": inputs.get("noise_seed", 0)}),)


@node("BasicScheduler", "KarrasScheduler")
def sigmas(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (Token("SIGMAS", (), {"steps": inputs["steps"], "denoise": inputs.get("denoise", 1.0)}),)


@node("BasicGuider", "CFGGuider")
def guider(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    positive = inputs.get("positive", inputs.get("conditioning", Conditioning()))
    return (Token("GUIDER", (), {"model": inputs["model"], "positive": positive, "cfg": inputs.get("cfg")}),)
