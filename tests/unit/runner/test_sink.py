"""What the sink replaces, what our node writes, and what the runner makes of it."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
import types
from pathlib import Path

import av
import numpy as np
import pytest
import runner_shards as shards
from PIL import Image

from pressrun.comfy.nodes import SINK_CLASS
from pressrun.comfy.nodes.pressrun_sink import NODE_CLASS_MAPPINGS, PressrunSink, to_bytes_like_save_image
from pressrun.comfy.wire import OutputRef
from pressrun.runner.harvest import OutputError, harvest
from pressrun.runner.places import Places
from pressrun.runner.sink import picture_of, read_raw, text_chunks, with_sink, write_png


class Tensor:
    """An image as torch holds it on the CPU."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.device = values, types.SimpleNamespace(type="cpu")

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.values


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ComfyUI's output folder, as ComfyUI tells its nodes."""
    module = types.ModuleType("folder_paths")
    module.get_output_directory = lambda: str(tmp_path / "out")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "folder_paths", module)
    return tmp_path / "out"


def noise(*shape: int) -> np.ndarray:
    # Beyond 0-1 on both sides: decoders do that, and the save node clips.
    return np.random.default_rng(7).uniform(-0.2, 1.2, shape).astype(np.float32)


def test_pixels_are_converted_as_save_image_does() -> None:
    values = noise(64, 48, 3)
    before = values.copy()
    expected = np.clip(255.0 * values, 0, 255).astype(np.uint8)  # SaveImage's own line
    assert np.array_equal(to_bytes_like_save_image(Tensor(values)), expected)
    assert np.array_equal(values, before), "the tensor may be another node's input"


@pytest.mark.parametrize(("inside", "frozen"), [("sys.modules['folder_paths'] = sys", True), ("", False)])
def test_what_comfyui_has_loaded_is_spared_by_its_collector(inside: str, frozen: bool) -> None:
    program = f"import gc, sys; {inside}\nimport pressrun.comfy.nodes.pressrun_sink; print(gc.get_freeze_count() > 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(frozen)


def test_the_node_is_known_by_the_name_that_the_runner_puts_in() -> None:
    assert {SINK_CLASS: PressrunSink} == NODE_CLASS_MAPPINGS
    assert PressrunSink.OUTPUT_NODE


@pytest.mark.parametrize("channels", [3, 4])
def test_a_batch_is_handed_over_one_file_each_and_read_back(output: Path, channels: int) -> None:
    batch = [Tensor(noise(16, 24, channels)) for _ in range(2)]
    done = PressrunSink().hand_over(batch, "00001/abc-1")
    assert done["result"] == (batch,)
    shown = done["ui"]["images"]
    assert [one["filename"] for one in shown] == ["abc-1_00001_.npy", "abc-1_00002_.npy"]
    assert {(one["subfolder"], one["type"]) for one in shown} == {("00001", "output")}
    for one, tensor in zip(shown, batch, strict=True):
        pixels = read_raw(output / "00001" / one["filename"])
        assert np.array_equal(pixels, to_bytes_like_save_image(tensor))
        assert picture_of(pixels).size == (24, 16)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_handed_over_and_written_as_save_image_advanced_does(output: Path, channels: int) -> None:
    values = noise(16, 24, channels)
    (shown,) = PressrunSink().hand_over([Tensor(values)], "x", bit_depth=16)["ui"]["images"]
    pixels = read_raw(output / shown["filename"])
    expected = (values * np.float32(65535)).clip(0, 65535).astype(np.int32)  # its own line, in numpy
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, expected)
    texts = text_chunks(shards.GRAPH, {"pressrun": {"item_id": "x"}})
    write_png(pixels, output / "x.png", texts)
    with Image.open(output / "x.png") as image:
        image.load()
        assert image.size == (24, 16)
        assert image.info == texts | {name: value for name, value in image.info.items() if name not in texts}
        seen = np.asarray(image.convert("RGB") if channels == 3 else image)
    if channels == 3:
        assert np.array_equal(np.asarray(picture_of(pixels)), seen), "what a decoder of 8 bits sees"
    assert np.array_equal(decoded_words(output / "x.png", channels), pixels)


def decoded_words(path: Path, channels: int) -> np.ndarray:
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
    words = frame.to_ndarray(format={1: "gray16le", 3: "rgb48le", 4: "rgba64le"}[channels])
    return words[..., None] if channels == 1 else words


@pytest.mark.parametrize(
    ("more", "depth"),
    [
        ({"format": "png"}, 8),
        ({"format": "png", "format.bit_depth": "16-bit", "format.input_color_space": "sRGB"}, 16),
        ({"format": "exr", "format.bit_depth": "32-bit float"}, None),
        ({"format": "png", "format.bit_depth": ["9", 0]}, None),
        ({"format": "png", "format.new": 1}, None),
        ({}, None),
    ],
)
def test_an_advanced_save_to_png_is_replaced_and_one_to_exr_is_not(more: dict[str, object], depth: int | None) -> None:
    graph = copy.deepcopy(shards.GRAPH)
    inputs = {"images": ["3", 0], "filename_prefix": "x"}
    graph["4"] = {"class_type": "SaveImageAdvanced", "inputs": inputs | more}
    changed = with_sink(graph, ("4",))
    if depth is None:
        assert changed is None
    else:
        assert changed is not None
        assert changed["4"] == {"class_type": SINK_CLASS, "inputs": inputs | {"bit_depth": depth}}


def test_a_prefix_cannot_leave_the_output_folder(output: Path) -> None:
    for prefix in ("../x", "/tmp/x", "a/../../x"):
        with pytest.raises(ValueError, match="outside the output folder"):
            PressrunSink().hand_over([Tensor(noise(8, 8, 3))], prefix)
    assert not output.exists()


def test_only_plain_save_images_among_the_outputs_are_replaced() -> None:
    graph = copy.deepcopy(shards.GRAPH)
    graph["5"] = copy.deepcopy(graph["4"])
    before = copy.deepcopy(graph)
    changed = with_sink(graph, ("4",))
    assert changed is not None
    assert changed["4"] == {"class_type": SINK_CLASS, "inputs": graph["4"]["inputs"]}
    assert changed["5"]["class_type"] == "SaveImage", "not an output of the workflow: nobody asked for its files"
    assert graph == before
    graph["4"]["inputs"]["more"] = 1
    assert with_sink(graph, ("4",)) is None
    graph["4"]["class_type"] = "SaveAnimatedWEBP"
    assert with_sink(graph, ("4",)) is None


def test_the_file_is_byte_for_byte_what_save_image_writes(tmp_path: Path) -> None:
    pixels = (noise(32, 32, 3).clip(0, 1) * 255).astype(np.uint8)
    texts = text_chunks(shards.GRAPH, {"pressrun": {"item_id": "x"}})
    write_png(pixels, tmp_path / "ours.png", texts)
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=info, compress_level=4)
    assert (tmp_path / "ours.png").read_bytes() == stream.getvalue()


def harvested(base: Path, *, texts: dict[str, str] | None) -> object:
    places = Places(base)
    places.make()
    ref = OutputRef("4", "images", "a_00001_.npy", "s", "output")
    return harvest(
        shards.item(7), [ref], nodes=("4",), engine_output=base / "engine", output=places.output,
        scratch=places.scratch, texts=texts,
    )  # fmt: skip


@pytest.mark.parametrize("damage", ["cut", "floats", "flat", "pickle", "channels"])
def test_anything_but_whole_pixels_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "engine/s/a_00001_.npy"
    path.parent.mkdir(parents=True)
    arrays = {
        "floats": noise(64, 96, 3),
        "flat": np.zeros(64, np.uint8),
        "channels": np.zeros((64, 96, 7), np.uint8),
    }
    if damage == "pickle":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        np.save(path, arrays.get(damage, np.zeros((64, 96, 3), np.uint8)))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match="cannot be read"):
        harvested(tmp_path, texts={})


def test_an_npy_file_of_somebody_elses_node_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "engine/s/a_00001_.npy"
    path.parent.mkdir(parents=True)
    np.save(path, np.zeros((64, 96, 3), np.uint8))
    (found,) = harvested(tmp_path, texts=None)  # type: ignore[misc]
    assert found.file.endswith(".npy")
    assert found.width is None
