"""Class name -> drawing function. A class without one passes its inputs through as tokens."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pressrun.proof import nodeinfo
from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.values import Conditioning, Images, Latent, Token

NodeFunction = Callable[[NodeContext, Mapping[str, Any]], tuple[Any, ...]]

_FUNCTIONS: dict[str, NodeFunction] = {}
_DRAWING: set[str] = set()
_MODULES = ("image_nodes", "filter_nodes", "mask_nodes", "latent_nodes", "model_nodes", "text_nodes", "save_nodes",
            "audio_nodes")  # fmt: skip


def node(*class_types: str, samples: bool = False) -> Callable[[NodeFunction], NodeFunction]:
    """Register a function for node classes. `samples` marks those that would keep a GPU busy step by step."""

    def register(function: NodeFunction) -> NodeFunction:
        for class_type in class_types:
            _FUNCTIONS[class_type] = function
            if samples:
                _DRAWING.add(class_type)
        return function

    return register


@functools.lru_cache(maxsize=1)
def _load() -> None:
    for name in _MODULES:
        importlib.import_module(f"pressrun.proof.drawing.{name}")


def function_of(class_type: str) -> NodeFunction:
    """The function that draws a class; for a class without one, a function that passes its inputs on."""
    _load()
    return _FUNCTIONS.get(class_type, pass_through)


def supported() -> frozenset[str]:
    """The classes with a drawing function of their own."""
    _load()
    return frozenset(_FUNCTIONS)


def is_drawing(class_type: str) -> bool:
    _load()
    return class_type in _DRAWING


def pass_through(context: NodeContext, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Each output slot gets the first input of its own kind, else a token named after the class.

    So a model patch gives back its model with its names, ControlNetApply its conditionings in order, and an image
    filter that proofs do not imitate its image.
    """
    left = list(inputs.values())
    values: list[Any] = []
    for kind in nodeinfo.outputs_of(context.class_type):
        match = next((value for value in left if _is_kind(value, kind)), None)
        if match is None:
            match = Conditioning() if kind == "CONDITIONING" else Token(kind, (context.class_type,))
        else:
            left = [value for value in left if value is not match]
        values.append(match)
    return tuple(values)


def _is_kind(value: Any, kind: str) -> bool:
    if kind == "CONDITIONING":
        return isinstance(value, Conditioning)
    if kind == "LATENT":
        return isinstance(value, Latent)
    if kind in {"IMAGE", "MASK"}:
        return _is_batch(value) and (value[0].ndim == 3) == (kind == "IMAGE")
    return isinstance(value, Token) and value.kind == kind


def _is_batch(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and hasattr(value[0], "ndim")


def first_size(images: Images) -> tuple[int, int]:
    """Width and height of a batch."""
    height, width = images[0].shape[:2]
    return int(width), int(height)
