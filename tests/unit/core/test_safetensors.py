"""Model files: what the format says holds, and what could harm a loader is refused before anybody loads it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from pressrun.core.errors import InputError
from pressrun.core.safetensors import MAX_HEADER_BYTES, read_model_header


def write(path: Path, header: Any, buffer: bytes, *, length: int | None = None) -> Path:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(data) if length is None else length) + data + buffer)
    return path


def tensor(begin: int, end: int, *, kind: str = "F16", shape: list[int] | None = None) -> dict[str, Any]:
    return {"dtype": kind, "shape": [(end - begin) // 2] if shape is None else shape, "data_offsets": [begin, end]}


def test_a_good_file_is_told_in_numbers(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "b": tensor(8, 16, kind="F32", shape=[2]), "a": tensor(0, 8)}
    found = read_model_header(write(tmp_path / "m.safetensors", header, bytes(16)))
    assert (found.tensors, found.parameters, set(found.types)) == (2, 6, {"F16", "F32"})
    assert found.metadata == {"format": "pt"}


def test_no_tensors_and_empty_tensors_are_fine(tmp_path: Path) -> None:
    assert read_model_header(write(tmp_path / "m.safetensors", {}, b"")).tensors == 0
    assert read_model_header(write(tmp_path / "n.safetensors", {"a": tensor(0, 0, shape=[0, 4])}, b"")).parameters == 0


BAD: dict[str, tuple[Any, bytes, str]] = {
    "gap at the front": ({"a": tensor(2, 4)}, bytes(4), "gap"),
    "gap between": ({"a": tensor(0, 2), "b": tensor(4, 6)}, bytes(6), "gap"),
    "overlap": ({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6), "overlap"),
    "hidden bytes at the end": ({"a": tensor(0, 2)}, bytes(9), "the file has 9"),
    "cut short": ({"a": tensor(0, 20)}, bytes(9), "the file has 9"),
    "negative offset": ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [-2, 0]}}, b"", "whole numbers"),
    "backwards": ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [2, 0]}}, bytes(2), "whole numbers"),
    "bool as a number": ({"a": {"dtype": "F16", "shape": [True], "data_offsets": [0, 2]}}, bytes(2), "whole numbers"),
    "huge shape": ({"a": tensor(0, 2, shape=[2**60, 2**60])}, bytes(2), "whole numbers"),
    "shape does not fit": ({"a": tensor(0, 2, shape=[4])}, bytes(2), "does not take"),
    "unknown type": ({"a": tensor(0, 2, kind="OBJECT")}, bytes(2), "unknown type"),
    "further member": ({"a": {**tensor(0, 2), "code": "x"}}, bytes(2), "nothing else"),
    "metadata with objects": ({"__metadata__": {"a": {}}}, b"", "texts"),
    "a list": ([], b"", "no object"),
    "not JSON": (b"{'a': 1}", b"", "not a safetensors"),
    "not UTF-8": (b'{"\xff":1}', b"", "not a safetensors"),
    "name twice": (b'{"a":{"dtype":"F16","shape":[0],"data_offsets":[0,0]},"a":{}}', b"", "twice"),
    "deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "not a safetensors"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    header, buffer, reason = BAD[name]
    with pytest.raises(InputError, match=reason):
        read_model_header(write(tmp_path / "m.safetensors", header, buffer))


@pytest.mark.parametrize("length", [0, 1, 3, 2**63, MAX_HEADER_BYTES + 1])
def test_a_header_length_that_cannot_be_is_not_read(tmp_path: Path, length: int) -> None:
    with pytest.raises(InputError, match="header would be"):
        read_model_header(write(tmp_path / "m.safetensors", b"{}", b"", length=length))


def test_other_formats_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match=r"must be a \.safetensors"):
        read_model_header(tmp_path / "m.ckpt")
    with pytest.raises(InputError, match="cannot be read"):
        read_model_header(tmp_path / "absent.safetensors")
