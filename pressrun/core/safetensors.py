"""Safetensors headers: what a model file says of itself, checked before anybody loads it.

A file is 8 bytes of length, a JSON header, then one buffer that the tensors fill without gap or overlap. Nothing in it
is ever executed, which is why no other model format is accepted.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressrun.core.errors import InputError

# The format's own limit; a longer header is an attack on whoever parses it.
MAX_HEADER_BYTES = 100_000_000
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_REMEDY = "fetch it again from its source; other formats (.ckpt, .pt, .bin) can run code and are not accepted"


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """What the header tells: number of tensors, parameters, types by frequency, and the author's metadata."""

    tensors: int
    parameters: int
    types: tuple[str, ...]
    metadata: dict[str, str]


def read_model_header(path: Path) -> ModelHeader:
    """Check a file's header against its size. InputError says which rule of the format it breaks."""
    where = path.name
    if path.suffix.lower() != ".safetensors":
        raise InputError("a model must be a .safetensors file", where=where, remedy=_REMEDY)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise InputError(f"not a safetensors file: its header would be {length:,} bytes", where=where,
                                 remedy=_REMEDY)  # fmt: skip
            data = file.read(length)
    except OSError as exc:
        raise InputError(f"cannot be read: {exc.strerror}", where=where) from exc
    return check_model_header(data, buffer_bytes=size - 8 - length, where=where)


def check_model_header(data: bytes, *, buffer_bytes: int, where: str) -> ModelHeader:
    """Check the JSON header of a file whose tensors take `buffer_bytes`."""
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"not a safetensors file: {exc}", where=where, remedy=_REMEDY) from exc
    if not isinstance(raw, dict):
        raise InputError("not a safetensors file: its header is no object", where=where, remedy=_REMEDY)
    metadata = raw.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise InputError("the header's metadata must be texts", where=where, remedy=_REMEDY)
    spans: list[tuple[int, int]] = []
    types: dict[str, int] = {}
    parameters = 0
    for name, tensor in raw.items():
        kind, shape, begin, end = _tensor(tensor, f"{where}, tensor {name[:80]!r}")
        count = math.prod(shape)
        if (count * _BITS[kind] + 7) // 8 != end - begin:
            raise InputError(
                f"{kind} {shape} does not take {end - begin:,} bytes", where=f"{where}, tensor {name[:80]!r}",
                remedy=_REMEDY,
            )  # fmt: skip
        spans.append((begin, end))
        types[kind] = types.get(kind, 0) + 1
        parameters += count
    _cover(sorted(spans), buffer_bytes, where)
    return ModelHeader(len(spans), parameters, tuple(sorted(types, key=lambda kind: -types[kind])), metadata)


def _tensor(tensor: Any, where: str) -> tuple[str, list[int], int, int]:
    if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise InputError("a tensor has dtype, shape and data_offsets, nothing else", where=where, remedy=_REMEDY)
    kind, shape, offsets = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
    if kind not in _BITS:
        raise InputError(f"unknown type {str(kind)[:20]!r}", where=where, remedy=_REMEDY)
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise InputError("shape and offsets must be whole numbers from 0 up", where=where, remedy=_REMEDY)
    return kind, shape, offsets[0], offsets[1]


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _cover(spans: list[tuple[int, int]], size: int, where: str) -> None:
    """The tensors fill the buffer from end to end: hidden bytes and shared bytes are both refused."""
    reached = 0
    for begin, end in spans:
        if begin != reached:
            what = "overlap" if begin < reached else "leave a gap"
            raise InputError(f"tensors {what} at byte {min(begin, reached):,}", where=where, remedy=_REMEDY)
        reached = end
    if reached != size:
        raise InputError(
            f"the tensors take {reached:,} bytes, the file has {size:,}", where=where,
            remedy="the download was cut short: fetch it again" if size < reached else _REMEDY,
        )  # fmt: skip


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a tensor's name is there twice")
    return found
