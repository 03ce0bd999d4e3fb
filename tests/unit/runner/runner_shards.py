"""Shards for tests: a model-free graph with a seed, a text and a size, bound as a contract would bind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pressrun.core.codec import digest_of, sha256_hex
from pressrun.core.item import Batch, InputAsset, Item
from pressrun.core.plan import WorkflowBundle
from pressrun.core.render_key import image_key
from pressrun.core.shard import Shard, ShardLimits
from pressrun.core.targets import Binding

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 2113664}},
    "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 1, "strength": 0.4}},
    "3": {
        "class_type": "TextOverlay",
        "inputs": {
            "images": ["2", 0],
            "text": "hello",
            "font_size": 10.0,
            "color": "#ffffff",
            "position": "bottom",
            "align": "center",
            "outline": True,
        },
    },
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}
PHOTO_GRAPH: dict[str, Any] = {
    **{key: GRAPH[key] for key in ("2", "3", "4")},
    "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
}
BINDINGS = {
    "width": (Binding(node="1", input="width"),),
    "height": (Binding(node="1", input="height"),),
    "seed": (Binding(node="2", input="seed"),),
    "headline": (Binding(node="3", input="text"),),
    "x-batch": (Binding(node="1", input="batch_size"),),
}


def bundle(name: str = "plain", graph: dict[str, Any] | None = None, **bindings: Any) -> WorkflowBundle:
    chosen = graph or GRAPH
    return WorkflowBundle(
        name=name,
        graph=chosen,
        graph_sha256=digest_of(chosen),
        contract_sha256="c" * 64,
        bindings=bindings or BINDINGS,
        outputs=("4",),
    )


def item(number: int, *, workflow: str = "plain", inputs: dict[str, str] | None = None, **params: Any) -> Item:
    values = {"width": 96, "height": 64, "headline": f"Line {number}", **params}
    return Item(
        item_id=f"{number:016x}",
        cell_id=f"{number:012x}",
        axes={"product": f"P{number}", "locale": "en-GB"},
        row=number + 2,
        workflow=workflow,
        params=values,
        seed=params.pop("seed", 1000 + number),
        inputs=inputs or {},
        render_key=digest_of([workflow, values, number]),
    )


def batch(number: int, size: int, *, workflow: str = "plain", **params: Any) -> list[Item]:
    """The items that one prompt makes: one seed, one set of parameters, an index each."""
    first = item(number, workflow=workflow, **params)
    key = digest_of([workflow, first.params, number, size])[:40]
    return [
        first.model_copy(
            update={
                "item_id": f"{number:012x}{index:04x}",
                "axes": {**first.axes, "take": "abcdefgh"[index]},
                "render_key": image_key(key, index),
                "batch": Batch(key=key, size=size, index=index),
            }
        )
        for index in range(size)
    ]


def shard(
    items: list[Item],
    *,
    workflows: list[WorkflowBundle] | None = None,
    inputs: tuple[InputAsset, ...] = (),
    engine: str = "proof",
    **limits: Any,
) -> Shard:
    return Shard(
        run_key="spring-0123456789ab-abcdef",
        campaign="spring",
        plan_digest="d" * 64,
        phase="main",
        index=0,
        attempt=1,
        engine=engine,
        engine_class="proof-1",
        workflows={one.name: one for one in workflows or [bundle()]},
        inputs=inputs,
        items=tuple(items),
        limits=ShardLimits(**{"max_runtime": 3600, **limits}),
    )


def asset(name: str, data: bytes) -> InputAsset:
    digest = sha256_hex(data)
    return InputAsset(name=name, uri=f"s3://in/assets/{digest}/{name}", sha256=digest, size=len(data), source=name)


def lay_out(base: Path, document: Shard, assets: dict[str, bytes] | None = None) -> str:
    """Put a shard and its assets where SageMaker would; returns the shard's digest."""
    target = base / "processing/input/shard"
    target.mkdir(parents=True, exist_ok=True)
    (target / "shard.json").write_bytes(document.to_bytes())
    for entry in document.inputs:
        folder = base / "processing/input/assets/assets" / entry.sha256
        folder.mkdir(parents=True, exist_ok=True)
        (folder / entry.name).write_bytes((assets or {})[entry.name])
    return sha256_hex(document.to_bytes())
