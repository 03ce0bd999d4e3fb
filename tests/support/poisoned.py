"""A campaign whose pictures are spoilt on purpose: each product's picture is a photograph, or one flat colour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "p.png"}, "_meta": {"title": "Photo"}},
    "2": {
        "class_type": "ImageScale",
        "inputs": {"image": ["1", 0], "upscale_method": "lanczos", "width": 256, "height": 256, "crop": "center"},
        "_meta": {"title": "Size"},
    },
    "3": {
        "class_type": "SaveImage",
        "inputs": {"images": ["2", 0], "filename_prefix": "x"},
        "_meta": {"title": "Save picture"},
    },
}
CONTRACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "passed_through.schema.json",
    "title": "Passed through",
    "description": "The photo at another size.",
    "type": "object",
    "additionalProperties": False,
    "required": ["photo"],
    "x-outputs": ["Save picture"],
    "properties": {
        "photo": {
            "title": "Photo", "description": "What to show.", "type": "string", "minLength": 1, "x-asset": True,
            "x-bind": [{"node": "Photo", "input": "image"}],
        },
        **{
            side: {
                "title": side, "description": f"{side} in pixels.", "type": "integer", "minimum": 64, "maximum": 512,
                "default": 256, "x-cost": True, "x-bind": [{"node": "Size", "input": side}],
            }
            for side in ("width", "height")
        },
    },
}  # fmt: skip


def write_poisoned(include: Path, name: str, flat: Sequence[bool], *, failed_share: float, **job: object) -> None:
    """Campaign `name` with a product for each of `flat`; where it is True its photo is one colour and nothing else."""
    (include / "workflows/passed_through.api.json").write_text(json.dumps(GRAPH))
    (include / "params/passed_through.schema.json").write_text(json.dumps(CONTRACT))
    folder = include / "campaigns" / name
    (folder / "assets").mkdir(parents=True)
    rows = ["sku,photo"]
    for number, empty in enumerate(flat):
        picture = _flat(number) if empty else _photo(number)
        picture.save(folder / f"assets/{number:02d}.png")
        rows.append(f"P{number:02d},{number:02d}.png")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    spec = {
        "campaign": name,
        "title": f"The {name} campaign",
        "owner": "maya",
        "workflow": "passed_through",
        "copy": None,
        "locales": ["de-DE"],
        "axes": {"size": [{"id": "square", "side": 128}, {"id": "large", "side": 192}]},
        "combine": "product * locale * size",
        "cell": ["product", "locale", "size"],
        "seed_axes": ["product"],
        "params": {"width": "{{ size.side }}", "height": "{{ size.side }}"},
        "inputs": {"photo": "assets/{{ product.photo }}"},
        "job": {"shard_items": 8, "parallel": 1, "canary_items": 4, "attempts": 1, **job},
        "quality": {"failed_share": failed_share},
        "review": {"reviewers": {"*": ["rosa"]}},
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True), "utf-8")


def _flat(number: int) -> Image.Image:
    return Image.new("RGB", (96, 96), (40 + 5 * number, 90, 160))


def _photo(number: int) -> Image.Image:
    coarse = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)
