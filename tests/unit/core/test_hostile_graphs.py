"""Graphs that are broken or meant harm: each is refused by the rule that it breaks, and no good one is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workflow_cases import GRAPH, ROOT, encoded, errors, findings, graph, put

NAN = json.dumps(GRAPH).replace('"cfg": 6.0', '"cfg": NaN')
TWICE = json.dumps(GRAPH).replace('"4": {', '"4": {"inputs": {}, "class_type": "LoadImage"}, "4": {', 1)

# What is no graph at all.
FILES: dict[str, tuple[Any, str]] = {
    "empty file": (b"", "graph-format"),
    "not json": (b"{not json", "graph-format"),
    "utf-16": (json.dumps(GRAPH).encode("utf-16"), "graph-format"),
    "latin-1": (b'{"1": "\xe9"}', "graph-format"),
    "list": ([], "graph-format"),
    "number": (7, "graph-format"),
    "null": (None, "graph-format"),
    "empty object": ({}, "graph-format"),
    "ui format": ({"nodes": [], "links": [], "version": 0.4}, "graph-ui-format"),
    "ui format with more": ({**GRAPH, "nodes": []}, "graph-ui-format"),
    "post body": ({"prompt": GRAPH, "client_id": "x"}, "graph-format"),
    "nan": (NAN.encode(), "graph-format"),
    "infinity": (NAN.replace("NaN", "Infinity").encode(), "graph-format"),
    "minus infinity": (NAN.replace("NaN", "-Infinity").encode(), "graph-format"),
    "overflowing number": (NAN.replace("NaN", "1e999").encode(), "graph-number"),
    "duplicate node": (TWICE.encode(), "graph-format"),
    "duplicate input": (
        json.dumps(GRAPH).replace('"steps": 28', '"steps": 28, "steps": 9999').encode(),
        "graph-format",
    ),
    "deep lists": (b'{"1":' + b"[" * 50 + b"]" * 50 + b"}", "graph-depth"),
    "very deep lists": (b"[" * 100_000 + b"]" * 100_000, "graph-depth"),
    "deep objects": (b'{"1":' * 40 + b"1" + b"}" * 40, "graph-depth"),
    "huge file": (b" " * 2_000_001, "graph-size"),
    "many nodes": ({str(n): {"class_type": "EmptyImage", "inputs": {}} for n in range(501)}, "graph-size"),
    "node is text": ({**GRAPH, "99": "LoadImage"}, "graph-node"),
    "node is null": ({**GRAPH, "99": None}, "graph-node"),
    "node is list": ({**GRAPH, "99": []}, "graph-node"),
    "trailing text": (json.dumps(GRAPH).encode() + b"x", "graph-format"),
}

# (where, what stands there instead, the finding). `...` removes.
SPOILED: dict[str, tuple[str, Any, str]] = {
    "no inputs": ("6/inputs", ..., "graph-node"),
    "inputs is a list": ("6/inputs", [], "graph-node"),
    "inputs is null": ("6/inputs", None, "graph-node"),
    "no class": ("6/class_type", ..., "graph-node"),
    "class is null": ("6/class_type", None, "graph-node"),
    "class is empty": ("6/class_type", "", "graph-node"),
    "class is a number": ("6/class_type", 6, "graph-node"),
    "meta is a list": ("6/_meta", [], "graph-node"),
    "title is an object": ("6/_meta/title", {}, "graph-node"),
    "link to nowhere": ("3/inputs/model", ["999", 0], "graph-link"),
    "link to itself": ("8/inputs/samples", ["8", 0], "graph-cycle"),
    "ring of two": ("11/inputs/image", ["13", 0], "graph-cycle"),
    "ring through everything": ("5/inputs/width", ["16", 0], "graph-cycle"),
    "slot too high": ("6/inputs/clip", ["4", 3], "link-slot"),
    "slot below zero": ("6/inputs/clip", ["4", -1], "link-slot"),
    "slot absurd": ("6/inputs/clip", ["4", 2**63], "link-slot"),
    "vae for clip": ("6/inputs/clip", ["4", 2], "link-type"),
    "model for clip": ("6/inputs/clip", ["4", 0], "link-type"),
    "mask for image": ("11/inputs/image", ["10", 1], "link-type"),
    "image for mask": ("12/inputs/mask", ["10", 0], "link-type"),
    "latent for image": ("13/inputs/destination", ["3", 0], "link-type"),
    "text link to image": ("16/inputs/images", ["6", 0], "link-type"),
    "link with a text slot": ("6/inputs/clip", ["4", "1"], "link-form"),
    "link with a true slot": ("6/inputs/clip", ["4", True], "link-form"),
    "link with a fraction": ("6/inputs/clip", ["4", 1.0], "link-form"),
    "link of one": ("6/inputs/clip", ["4"], "link-form"),
    "link of three": ("6/inputs/clip", ["4", 1, 0], "link-form"),
    "link by number": ("6/inputs/clip", [4, 1], "link-form"),
    "empty link": ("6/inputs/clip", [], "link-form"),
    "wrapped list": ("6/inputs/text", {"__value__": ["4", 0]}, "link-form"),
    "object as text": ("6/inputs/text", {"a": 1}, "link-form"),
    "list as number": ("3/inputs/steps", [28], "link-form"),
    "value for a model": ("3/inputs/model", "sd_xl", "input-needs-link"),
    "value for an image": ("16/inputs/images", "a.png", "input-needs-link"),
    "null for a latent": ("8/inputs/samples", None, "input-needs-link"),
    "playbook: steps on the latent": ("5/inputs/steps", 30, "input-unknown"),
    "playbook: cfg on the checkpoint": ("4/inputs/cfg", 7, "input-unknown"),
    "typo of an input": ("3/inputs/sampler", "euler", "input-unknown"),
    "hidden prompt input": ("16/inputs/prompt", "x", "input-unknown"),
    "hidden png info": ("16/inputs/extra_pnginfo", "x", "input-unknown"),
    "dunder input": ("16/inputs/__class__", "x", "input-unknown"),
    "missing steps": ("3/inputs/steps", ..., "input-missing"),
    "missing clip": ("6/inputs/clip", ..., "input-missing"),
    "missing images": ("16/inputs/images", ..., "input-missing"),
    "missing scheduler": ("3/inputs/scheduler", ..., "input-missing"),
    "unknown sampler": ("3/inputs/sampler_name", "eulr", "input-choice"),
    "unknown scheduler": ("3/inputs/scheduler", "karas", "input-choice"),
    "unknown upscaler": ("11/inputs/upscale_method", "nearest", "input-choice"),
    "unknown crop": ("11/inputs/crop", "middle", "input-choice"),
    "unknown position": ("14/inputs/position", "centre", "input-choice"),
    "unknown alignment": ("14/inputs/align", "justify", "input-choice"),
    "steps zero": ("3/inputs/steps", 0, "input-range"),
    "steps negative": ("3/inputs/steps", -5, "input-range"),
    "steps too many": ("3/inputs/steps", 10_001, "input-range"),
    "cfg too high": ("3/inputs/cfg", 100.1, "input-range"),
    "cfg negative": ("3/inputs/cfg", -0.1, "input-range"),
    "seed negative": ("3/inputs/seed", -1, "input-range"),
    "seed too large": ("3/inputs/seed", 2**64, "graph-number"),
    "denoise above one": ("3/inputs/denoise", 1.01, "input-range"),
    "width tiny": ("5/inputs/width", 8, "input-range"),
    "width huge": ("5/inputs/width", 16_392, "input-range"),
    "batch zero": ("5/inputs/batch_size", 0, "input-range"),
    "batch huge": ("5/inputs/batch_size", 4097, "input-range"),
    "steps as text": ("3/inputs/steps", "28", "input-type"),
    "steps as fraction": ("3/inputs/steps", 28.5, "input-type"),
    "steps as truth": ("3/inputs/steps", True, "input-type"),
    "steps as null": ("3/inputs/steps", None, "input-type"),
    "cfg as text": ("3/inputs/cfg", "6", "input-type"),
    "cfg as truth": ("3/inputs/cfg", False, "input-type"),
    "text as number": ("6/inputs/text", 5, "input-type"),
    "text as null": ("6/inputs/text", None, "input-type"),
    "truth as text": ("14/inputs/outline", "true", "input-type"),
    "truth as number": ("14/inputs/outline", 1, "input-type"),
    "choice as null": ("3/inputs/scheduler", None, "input-type"),
    "unknown class": ("8/class_type", "VAEDecoder", "node-unknown"),
    "class in other case": ("8/class_type", "vaedecode", "node-unknown"),
    "class with a space": ("8/class_type", "VAEDecode ", "node-unknown"),
    "custom node": ("8/class_type", "Impact Pack Detailer", "node-unknown"),
    "preview as output": ("16/class_type", "PreviewImage", "node-forbidden"),
    "reads the output folder": ("10/class_type", "LoadImageOutput", "node-forbidden"),
    "downloads": ("10/class_type", "LoadImageFromURL", "node-forbidden"),
    "uploads": ("16/class_type", "ImageUploadToS3", "node-forbidden"),
    "posts to a hook": ("16/class_type", "WebhookSaveImage", "node-forbidden"),
    "sends by socket": ("16/class_type", "SaveImageWebsocket", "node-forbidden"),
    "writes a checkpoint": ("16/class_type", "CheckpointSave", "node-forbidden"),
    "writes a model": ("16/class_type", "ModelSave", "node-forbidden"),
    "writes latents": ("16/class_type", "SaveLatent", "node-forbidden"),
    "writes text": ("16/class_type", "SaveTextFile", "node-forbidden"),
    "reads a path": ("10/class_type", "LoadImageFromPath", "node-forbidden"),
    "reads latents": ("10/class_type", "LoadLatent", "node-forbidden"),
    "trains": ("3/class_type", "TrainLoraNode", "node-forbidden"),
    "merges models": ("3/class_type", "ModelMergeSimple", "node-forbidden"),
    "runs python": ("3/class_type", "ExecutePythonCode", "node-forbidden"),
    "evaluates": ("3/class_type", "SimpleEvalIntegers", "node-forbidden"),
    "runs a shell": ("3/class_type", "ShellCommand", "node-forbidden"),
    "photo above its folder": ("10/inputs/image", "../../etc/passwd", "file-name"),
    "photo by full path": ("10/inputs/image", "/etc/passwd", "file-name"),
    "photo on a drive": ("10/inputs/image", "C:\\secret.png", "file-name"),
    "photo in a folder": ("10/inputs/image", "sub/a.png", "file-name"),
    "photo with a null": ("10/inputs/image", "a\u0000.png", "file-name"),
    "photo empty": ("10/inputs/image", "", "file-name"),
    "photo as number": ("10/inputs/image", 1, "file-name"),
    "output above its folder": ("16/inputs/filename_prefix", "../../x", "output-prefix"),
    "output by full path": ("16/inputs/filename_prefix", "/tmp/x", "output-prefix"),
    "output as number": ("16/inputs/filename_prefix", 1, "output-prefix"),
    "model above its folder": ("4/inputs/ckpt_name", "../../evil.safetensors", "model-name"),
    "model by full path": ("4/inputs/ckpt_name", "/models/a.safetensors", "model-name"),
    "model with a line break": ("4/inputs/ckpt_name", "a\n.safetensors", "model-name"),
    "model as null": ("4/inputs/ckpt_name", None, "model-name"),
    "second output": (
        "99", {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}}, "output-extra",
    ),
    "number beyond 64 bits": ("5/inputs/width", 10**40, "graph-number"),
    "half a character": ("6/inputs/text", "a \ud800 b", "graph-format"),
    "unbound photo": (
        "13/inputs/source", ["99", 0], "graph-link",
    ),
}  # fmt: skip


def codes(found: list[Any]) -> set[str]:
    return {finding.code for finding in errors(found)}


def test_the_good_one_is_good() -> None:
    assert errors(findings(GRAPH)) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "include" / "workflows").glob("*.api.json")), ids=lambda path: path.name
)
def test_every_workflow_of_the_library_is_good(path: Any) -> None:
    contract = path.parent.parent / "params" / path.name.replace(".api.json", ".schema.json")
    assert errors(findings(path.read_bytes(), contract.read_bytes())) == []


def test_there_are_a_hundred_ways_to_be_wrong() -> None:
    assert len(FILES) + len(SPOILED) >= 100


@pytest.mark.parametrize(("data", "code"), FILES.values(), ids=FILES)
def test_what_is_no_graph_is_refused(data: Any, code: str) -> None:
    assert codes(findings(data)) == {code}


@pytest.mark.parametrize(("path", "value", "code"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_graph_is_refused_at_its_place(path: str, value: Any, code: str) -> None:
    spoiled = graph()
    put(spoiled, path, value)
    found = [finding for finding in errors(findings(spoiled)) if finding.code == code]
    assert found, codes(findings(spoiled))
    assert path.split("/", maxsplit=1)[0] in (found[0].place.pointer or "") or code in (
        "graph-cycle",
        "graph-link",
        "graph-format",
    )


def test_every_mistake_is_told_at_once_with_the_nodes_title() -> None:
    spoiled = graph()
    put(spoiled, "3/inputs/sampler_name", "eulr")
    put(spoiled, "5/inputs/steps", 30)
    put(spoiled, "6/inputs/clip", ["4", 2])
    put(spoiled, "8/class_type", "VAEDecod")
    told = {(finding.code, finding.place.node): finding for finding in errors(findings(spoiled))}
    assert {"Background sampler", "Picture size", "Scene prompt", "Decode background"} <= {node for _, node in told}
    assert "did you mean 'euler'" in told["input-choice", "Background sampler"].message
    assert "did you mean 'VAEDecode'" in told["node-unknown", "Decode background"].remedy
    assert "'Checkpoint' gives VAE" in told["link-type", "Scene prompt"].message


def test_a_ui_export_is_told_which_menu_to_use() -> None:
    (found,) = findings({"nodes": [], "links": []})
    assert "Export (API)" in found.remedy


def test_an_allowed_list_that_lacks_a_class_says_where_to_ask() -> None:
    from workflow_cases import rules

    from pressrun.core.graph import read_graph
    from pressrun.core.graph_checks import Rules, check_graph
    from pressrun.core.node_policy import NodePolicy

    narrow = Rules(rules().catalogue, NodePolicy(allowed={"all": ("SaveImage",)}))
    found = check_graph(read_graph(encoded(GRAPH), file="g"), narrow, file="g")
    assert {finding.code for finding in errors(found)} == {"node-not-allowed"}
    assert len(errors(found)) == len(GRAPH) - 1


def test_a_paid_api_node_is_refused_even_where_it_is_allowed() -> None:
    from workflow_cases import rules

    from pressrun.core.graph import read_graph
    from pressrun.core.graph_checks import Rules, check_graph
    from pressrun.core.node_info import read_object_info
    from pressrun.core.node_policy import NodePolicy

    entry = {"input": {"required": {}}, "output": ["IMAGE"], "api_node": True, "output_node": True}
    catalogue = read_object_info(encoded({"DallE": entry}), file="o")
    made = read_graph(encoded({"1": {"class_type": "DallE", "inputs": {}}}), file="g")
    found = check_graph(made, Rules(catalogue, NodePolicy(allowed={"all": ("DallE",)})), file="g")
    assert [finding.code for finding in found] == ["node-forbidden"]
    assert rules().catalogue.get("DallE") is None
