"""Sizes read off a graph: what it says of itself, and nothing guessed."""

from __future__ import annotations

from typing import Any

import pytest

from pressrun.core.picture_size import Misfit, Size, misfits, size_of

FILES = {"master.png": (400, 300), "copy.png": (400, 300), "small.png": (200, 100)}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def laid_over(under: dict[str, Any], file: str = "copy.png", **inputs: Any) -> dict[str, Any]:
    return {
        "1": under,
        "2": node("LoadImage", image=file),
        "3": node("ImageCompositeMasked", **{"destination": ["1", 0], "source": ["2", 0], "x": 0, "y": 0, **inputs}),
    }


@pytest.mark.parametrize(
    ("last", "size"),
    [
        (node("LoadImage", image="master.png"), (400, 300)),
        (node("LoadImage", image="unknown.png"), None),
        (node("EmptyImage", width=64, height=32), (64, 32)),
        (node("EmptyImage", width=["9", 0], height=32), None),
        (node("ImageScale", width=64, height=0, image=["a", 0]), None),
        (node("VAEDecode", samples=["a", 0]), (640, 480)),
        (node("KSampler", latent_image=["a", 0], steps=4), (640, 480)),
        (node("TextOverlay", images=["a", 0]), (640, 480)),
        (node("ImageCompositeMasked", destination=["a", 0], source=["b", 0]), (640, 480)),
        (node("ImageCrop", image=["a", 0], width=5, height=5), None),
        (node("VAEDecode", samples=["gone", 0]), None),
        (node("VAEDecode", samples=["z", 0]), None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_picture_is_as_large_as_the_graph_says(last: dict[str, Any], size: Size | None) -> None:
    graph = {"a": node("EmptyLatentImage", width=640, height=480), "b": node("LoadImage", image="small.png"), "z": last}
    assert size_of(graph, "z", FILES) == size


def test_a_file_of_another_size_is_told_with_both_sizes() -> None:
    master = node("LoadImage", image="master.png")
    assert list(misfits(laid_over(master, "copy.png"), FILES)) == []
    assert list(misfits(laid_over(master, "small.png"), FILES)) == [Misfit("3", "small.png", (200, 100), (400, 300))]


@pytest.mark.parametrize(
    "change", [{"x": 8}, {"y": 8}, {"resize_source": True}, {"source": ["9", 0]}, {"destination": 1}]
)
def test_what_is_placed_or_scaled_on_purpose_is_left_alone(change: dict[str, Any]) -> None:
    assert list(misfits(laid_over(node("LoadImage", image="master.png"), "small.png", **change), FILES)) == []


def test_a_picture_of_unknown_size_is_not_judged() -> None:
    assert list(misfits(laid_over(node("ImageCrop", width=1, height=1), "small.png"), FILES)) == []
