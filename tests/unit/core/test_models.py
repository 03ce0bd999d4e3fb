"""The models lock, and which of its models a set of items needs."""

from __future__ import annotations

from typing import Any

import pytest

from pressrun.core.errors import InputError
from pressrun.core.item import Item
from pressrun.core.model_file import ModelFile
from pressrun.core.models import models_in, models_needed, read_models_lock, write_models_lock
from pressrun.core.node_lock import CustomNode, parse_node, read_node_lock, write_node_lock
from pressrun.core.plan import WorkflowBundle
from pressrun.core.targets import Binding

GRAPH: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
    "2": {"class_type": "LoraLoader", "inputs": {"model": ["1", 0], "lora_name": "look.safetensors"}},
    "3": {"class_type": "VAELoader", "inputs": {"vae_name": "pixel_space"}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "vae": ["3", 0], "filename_prefix": "x"}},
    "9": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "unused.safetensors"}},
}


def bundle(**bindings: tuple[Binding, ...]) -> WorkflowBundle:
    return WorkflowBundle(
        name="w", graph=GRAPH, graph_sha256="g", contract_sha256="c", bindings=bindings, outputs=("4",)
    )


def item(number: int, **params: Any) -> Item:
    return Item(
        item_id=str(number), cell_id="c", axes={"locale": "de-DE"}, workflow="w", params=params, seed=1, render_key="k"
    )


def model(name: str = "base.safetensors", **changes: Any) -> ModelFile:
    values = {"folder": "checkpoints", "sha256": "a" * 64, "size": 9, "licence": "OpenRAIL++-M", "source": "s"}
    return ModelFile(name=name, **{**values, **changes})


def test_only_models_that_an_output_depends_on_count() -> None:
    assert models_in(GRAPH, ("4",)) == {"base.safetensors", "look.safetensors"}


def test_a_parameter_may_choose_the_model() -> None:
    bound = bundle(checkpoint=(Binding(node="1", input="ckpt_name"),), text=(Binding(node="4", input="text"),))
    items = [item(1, checkpoint="a.safetensors", text="x"), item(2, checkpoint="b.safetensors", text="y")]
    assert models_needed({"w": bound}, items) == {"a.safetensors", "b.safetensors", "look.safetensors"}
    assert models_needed({"w": bound}, [item(3, text="z")]) == {"base.safetensors", "look.safetensors"}


def test_a_lock_comes_back_as_it_was_written() -> None:
    models = {m.name: m for m in (model("z.safetensors"), model("sdxl/base 1.0.safetensors", size=7))}
    data = write_models_lock(models)
    assert read_models_lock(data, file="models.lock") == models
    assert data.index(b"sdxl/") < data.index(b"z.safetensors")
    assert read_models_lock(write_models_lock({}), file="models.lock") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "maps model names"),
        ("a: [", "not YAML"),
        ("a.safetensors: {sha256: abc}", "pressrun models add"),
        ("../a.safetensors: {folder: vae, sha256: %s, size: 1, licence: x, source: y}", "plain path"),
        ("/a.safetensors: {folder: vae, sha256: %s, size: 1, licence: x, source: y}", "plain path"),
        ("a.ckpt: {folder: vae, sha256: %s, size: 1, licence: x, source: y}", "plain path"),
        ("a.safetensors: {folder: ../vae, sha256: %s, size: 1, licence: x, source: y}", "model folder"),
        ("a.safetensors: {folder: vae, sha256: %s, size: 0, licence: x, source: y}", "size"),
        ("a.safetensors: {folder: vae, sha256: %s, size: 1, licence: '', source: y}", "licence"),
    ],
)
def test_a_wrong_lock_is_refused_at_its_entry(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_models_lock(text.replace("%s", "a" * 64).encode(), file="models.lock")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_custom_nodes_are_pinned_by_commit() -> None:
    node = parse_node(f"https://github.com/someone/ComfyUI-Nice.git@{COMMIT}")
    assert node == CustomNode("ComfyUI-Nice", "https://github.com/someone/ComfyUI-Nice", COMMIT)
    lock = write_node_lock({node.name: node})
    assert read_node_lock(lock, file="l") == {node.name: node}
    assert read_node_lock(b"# nothing\n\n", file="l") == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/a/b",
        "https://github.com/a/b@main",
        f"https://github.com/a/b@{COMMIT[:8]}",
        f"git@github.com:a/b@{COMMIT}",
        f"https://github.com/a/b;rm@{COMMIT}",
        f"https://github.com/a/..@{COMMIT}",
        f"http://github.com/a/b@{COMMIT}",
    ],
)
def test_what_is_not_a_pinned_https_repository_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_node(text)


@pytest.mark.parametrize(
    "line", ["a b", f"a https://github.com/a/b {COMMIT} x", f"a/b https://github.com/a/b {COMMIT}"]
)
def test_a_wrong_line_of_the_node_lock_is_named(line: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        read_node_lock(f"# head\n{line}\n".encode(), file="l")


def test_a_node_is_not_locked_twice() -> None:
    line = f"a https://github.com/a/a {COMMIT}\n"
    with pytest.raises(InputError, match="twice"):
        read_node_lock((line * 2).encode(), file="l")
