from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.binding import compile_graph
from pressrun.core.plan import WorkflowBundle
from pressrun.core.render_key import render_key
from pressrun.core.seeds import derive_seed
from pressrun.core.targets import Binding

GRAPH: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}, "_meta": {"title": "Model"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "roses", "clip": ["4", 1]}},
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], "model": ["4", 0]}},
    "7": {"class_type": "LoadImage", "inputs": {"image": "abc-jar.png"}},
    "8": {"class_type": "ImageCompositeMasked", "inputs": {"source": ["7", 0], "destination": ["3", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
    "99": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}  # fmt: skip


def key(graph: Any, output: str = "9", **changes: Any) -> str:
    options: dict[str, Any] = {
        "files": {"abc-jar.png": "f1"},
        "models": {"sdxl.safetensors": "m1"},
        "engine_class": "e1",
    }
    return render_key(graph, (output,), **options | changes)


@given(st.permutations(sorted(GRAPH)), st.integers(100, 10_000))
def test_reexporting_with_other_ids_titles_and_prefix_buys_nothing_again(order: list[str], offset: int) -> None:
    names = {old: str(offset + position) for position, old in enumerate(order)}
    renamed = {}
    for old in order:
        node = copy.deepcopy(GRAPH[old])
        node["_meta"] = {"title": f"title {old}"}
        node["inputs"] = {
            name: [names[value[0]], value[1]] if isinstance(value, list) else value
            for name, value in reversed(node["inputs"].items())
        }
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = "elsewhere/item"
        renamed[names[old]] = node
    assert key(renamed, names["9"]) == key(GRAPH)


def test_what_changes_pixels_changes_the_key() -> None:
    other_text = copy.deepcopy(GRAPH)
    other_text["6"]["inputs"]["text"] = "tulips"
    other_seed = copy.deepcopy(GRAPH)
    other_seed["3"]["inputs"]["seed"] = 2
    other_slot = copy.deepcopy(GRAPH)
    other_slot["6"]["inputs"]["clip"] = ["4", 0]
    keys = [
        key(GRAPH), key(other_text), key(other_seed), key(other_slot), key(GRAPH, engine_class="e2"),
        key(GRAPH, files={"abc-jar.png": "f2"}), key(GRAPH, models={"sdxl.safetensors": "m2"}), key(GRAPH, models={}),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


def test_a_renamed_input_file_with_the_same_bytes_keeps_the_key() -> None:
    renamed = copy.deepcopy(GRAPH)
    renamed["7"]["inputs"]["image"] = "other-name.png"
    assert key(renamed, files={"other-name.png": "f1"}) == key(GRAPH)


def test_nodes_that_no_output_depends_on_do_not_count() -> None:
    without = {node_id: node for node_id, node in GRAPH.items() if node_id != "99"}
    assert key(without) == key(GRAPH)


def test_binding_patches_only_its_targets_and_never_the_template() -> None:
    bundle = WorkflowBundle(
        name="w", graph=GRAPH, graph_sha256="", contract_sha256="", outputs=("9",),
        bindings={
            "prompt": (Binding(node="6", input="text"),),
            "photo": (Binding(node="7", input="image"),),
            "seed": (Binding(node="3", input="seed"),),
        },
    )  # fmt: skip
    before = copy.deepcopy(GRAPH)
    made = compile_graph(
        bundle, params={"prompt": "lilies"}, seed=77, inputs={"photo": "p.png"}, filename_prefix="s/item"
    )
    assert before == GRAPH
    differing = {
        (node_id, name)
        for node_id, node in made.items()
        for name, value in node["inputs"].items()
        if value != GRAPH[node_id]["inputs"][name]
    }
    assert differing == {("6", "text"), ("7", "image"), ("3", "seed"), ("9", "filename_prefix")}


def seed(**changes: Any) -> int:
    options: dict[str, Any] = {
        "campaign": "c", "base": 0, "seed_axes": ("product", "variant"), "drop": "2026-01-01", "round_number": 0,
        "axes": {"product": "A", "variant": "v1", "locale": "de-DE"},
    }  # fmt: skip
    return derive_seed(**options | changes)


def test_one_picture_serves_all_locales_until_locale_is_a_seed_axis() -> None:
    german, japanese = ({"product": "A", "variant": "v1", "locale": locale} for locale in ("de-DE", "ja-JP"))
    assert seed(axes=german) == seed(axes=japanese)
    assert seed(axes=german, seed_axes=("product", "locale")) != seed(axes=japanese, seed_axes=("product", "locale"))


def test_a_sent_back_picture_gets_another_seed() -> None:
    assert len({seed(round_number=number) for number in range(4)}) == 4


@given(st.integers(0, 2**31), st.integers(0, 2**31), st.text(max_size=8))
def test_seeds_stay_in_the_contracts_range(low: int, width: int, product: str) -> None:
    assert low <= seed(axes={"product": product}, minimum=low, maximum=low + width) <= low + width
