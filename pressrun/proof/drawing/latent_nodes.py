"""Latents and samplers: what a sampler would make is remembered as a scene and painted when it is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.painting.canvas import paint
from pressrun.proof.drawing.pixels import mix, resize
from pressrun.proof.drawing.registry import first_size, node
from pressrun.proof.drawing.values import Conditioning, Facts, Images, Latent, Pixels, Scene, Token
from pressrun.proof.drawing.video import drift

Inputs = Mapping[str, Any]


@node("EmptyLatentImage", "EmptySD3LatentImage")
def empty_latent(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    width, height, batch = inputs["width"] // 8 * 8, inputs["height"] // 8 * 8, inputs["batch_size"]
    context.allow(width, height, batch)
    return (Latent(width, height, batch),)


@node("EmptyHunyuanLatentVideo")
def empty_latent_video(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """A latent of moving pictures: the first frame, then as many fours as the length holds."""
    width, height, batch = inputs["width"] // 8 * 8, inputs["height"] // 8 * 8, inputs["batch_size"]
    frames = (inputs["length"] - 1) // 4 * 4 + 1
    context.allow(width, height, batch * frames)
    return (Latent(width, height, batch, frames=frames),)


@node("KSampler", samples=True)
def ksampler(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    strength = 1.0 if inputs["denoise"] >= 1 else inputs["denoise"]
    return (_sample(context, inputs, inputs["seed"], inputs["steps"], inputs["cfg"], strength, inputs["positive"]),)


@node("KSamplerAdvanced", samples=True)
def ksampler_advanced(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """A pass that starts late (a refiner) only retouches what came in."""
    total = max(1, inputs["steps"])
    start = min(inputs["start_at_step"], total)
    steps = max(1, min(inputs["end_at_step"], total) - start)
    strength = 1 - start / total if inputs["add_noise"] == "enable" else min(0.15, 1 - start / total)
    strength = 1.0 if start == 0 and not _drawn(inputs["latent_image"]) else strength
    return (_sample(context, inputs, inputs["noise_seed"], steps, inputs["cfg"], strength, inputs["positive"]),)


@node("SamplerCustom", samples=True)
def sampler_custom(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    steps = int(inputs["sigmas"].settings.get("steps", 20))
    strength = float(inputs["sigmas"].settings.get("denoise", 1.0))
    latent = _sample(context, inputs, inputs["noise_seed"], steps, inputs["cfg"], strength, inputs["positive"])
    return latent, latent


@node("SamplerCustomAdvanced", samples=True)
def sampler_custom_advanced(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    guider, sigmas = inputs["guider"].settings, inputs["sigmas"].settings
    seed = int(inputs["noise"].settings.get("seed", 0))
    steps, strength = int(sigmas.get("steps", 20)), float(sigmas.get("denoise", 1.0))
    model = {**inputs, "model": guider.get("model", Token("MODEL"))}
    latent = _sample(context, model, seed, steps, guider.get("cfg"), strength, guider.get("positive", Conditioning()))
    return latent, latent


def _sample(
    context: NodeContext,
    inputs: Inputs,
    seed: int,
    steps: int,
    cfg: float | None,
    strength: float,
    positive: Conditioning,
) -> Latent:
    latent: Latent = inputs["latent_image"]
    model: Token = inputs["model"]
    context.steps(steps)
    earlier = context.facts
    drawn = _drawn(latent)
    if drawn and strength <= 0.2 and earlier is not None and earlier.seed is not None:
        # A light retouch keeps the picture, and its caption: it is the first pass that made it.
        return latent
    names = model.names or ("",)
    context.facts = Facts(positive.text, seed, steps, cfg, names[0])
    scenes = tuple(Scene(seed, positive.text, "+".join(names), latent.batch, index) for index in range(latent.batch))
    base = decode(latent) if drawn else ()
    return replace(latent, scenes=scenes, base=base, strength=min(1.0, max(0.0, strength)) if drawn else 1.0)


def _drawn(latent: Latent) -> bool:
    return bool(latent.scenes or latent.base)


def decode(latent: Latent) -> Images:
    """The pictures of a latent, a video's frame by frame. An empty one is flat grey, as decoding zeros looks."""
    if latent.frames:
        stills = decode(replace(latent, frames=0))
        return tuple(frame for still in stills for frame in drift(still, latent.frames))
    if not latent.scenes:
        grey = paint(Scene(0, "", "empty"), latent.width, latent.height) if not latent.base else None
        return (grey,) * latent.batch if grey is not None else _sized(latent.base, latent.width, latent.height)
    base = _sized(latent.base, latent.width, latent.height)
    out: list[Pixels] = []
    for index, scene in enumerate(latent.scenes):
        picture = paint(scene, latent.width, latent.height)
        if base:
            under = base[index % len(base)]
            weight = int(255 * latent.strength)
            mask = latent.mask[index % len(latent.mask)] if latent.mask else None
            cover = (
                under[..., 0] * 0 + weight if mask is None else resize(mask, latent.width, latent.height, "bilinear")
            )
            picture = mix(under, picture, cover)
        out.append(picture)
    return tuple(out)


def _sized(images: Images, width: int, height: int) -> Images:
    return tuple(resize(picture[..., :3], width, height, "bicubic") for picture in images)


@node("VAEDecode", "VAEDecodeTiled")
def vae_decode(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    context.allow(latent.width, latent.height, latent.batch * max(1, latent.frames))
    return (decode(latent),)


@node("VAEEncode", "VAEEncodeTiled")
def vae_encode(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (_encoded(inputs["pixels"]),)


def _encoded(images: Images) -> Latent:
    """Sizes go down to multiples of 8, cutting evenly on both sides."""
    width, height = first_size(images)
    new_width, new_height = max(8, width // 8 * 8), max(8, height // 8 * 8)
    left, top = (width - new_width) // 2, (height - new_height) // 2
    if left >= 0 and top >= 0:
        images = tuple(p[top : top + new_height, left : left + new_width, :3] for p in images)
    return Latent(new_width, new_height, len(images), base=images)


@node("VAEEncodeForInpaint")
def vae_encode_for_inpaint(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent = _encoded(inputs["pixels"])
    return (replace(latent, mask=_masks(inputs["mask"], latent)),)


@node("SetLatentNoiseMask")
def set_latent_noise_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    base = decode(latent) if _drawn(latent) else ()
    return (replace(latent, mask=_masks(inputs["mask"], latent), base=base, scenes=()),)


@node("InpaintModelConditioning")
def inpaint_model_conditioning(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent = _encoded(inputs["pixels"])
    return inputs["positive"], inputs["negative"], replace(latent, mask=_masks(inputs["mask"], latent))


def _masks(masks: Images, latent: Latent) -> Images:
    return tuple(resize(mask, latent.width, latent.height, "bilinear") for mask in masks)


@node("LatentUpscale")
def latent_upscale(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    width, height = inputs["width"] // 8 * 8, inputs["height"] // 8 * 8
    width = width or max(8, latent.width * height // max(1, latent.height) // 8 * 8)
    height = height or max(8, latent.height * width // max(1, latent.width) // 8 * 8)
    return (_resized(context, latent, width, height),)


@node("LatentUpscaleBy")
def latent_upscale_by(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    width, height = (max(8, round(side * inputs["scale_by"] / 8) * 8) for side in (latent.width, latent.height))
    return (_resized(context, latent, width, height),)


def _resized(context: NodeContext, latent: Latent, width: int, height: int) -> Latent:
    context.allow(width, height, latent.batch)
    return replace(latent, width=width, height=height)


@node("LatentFromBatch")
def latent_from_batch(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    start = min(inputs["batch_index"], latent.batch - 1)
    length = min(max(1, inputs["length"]), latent.batch - start)
    parts = (latent.scenes[start : start + length], latent.base[start : start + length])
    return (replace(latent, batch=length, scenes=parts[0], base=parts[1] or latent.base[:1]),)


@node("RepeatLatentBatch")
def repeat_latent_batch(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    amount = inputs["amount"]
    context.allow(latent.width, latent.height, latent.batch * amount)
    return (replace(latent, batch=latent.batch * amount, scenes=latent.scenes * amount, base=latent.base * amount),)


@node("LatentBlend")
def latent_blend(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    first, second = inputs["samples1"], inputs["samples2"]
    pictures = decode(first)
    others = _sized(decode(second), first.width, first.height)
    weight = int(255 * (1 - inputs["blend_factor"]))
    blended = tuple(mix(p, others[i % len(others)], p[..., 0] * 0 + weight) for i, p in enumerate(pictures))
    return (replace(first, scenes=(), base=blended),)


@node("LatentComposite")
def latent_composite(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    target, source = inputs["samples_to"], inputs["samples_from"]
    x, y = inputs["x"] // 8 * 8, inputs["y"] // 8 * 8
    over = decode(source)
    out = []
    for index, picture in enumerate(decode(target)):
        result = picture.copy()
        part = result[y : y + source.height, x : x + source.width]
        part[:] = over[index % len(over)][: part.shape[0], : part.shape[1]]
        out.append(result)
    return (replace(target, scenes=(), base=tuple(out)),)
