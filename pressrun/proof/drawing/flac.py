"""FLAC files of 16-bit mono sound, unpacked samples in frames: small code, and every player opens them."""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
RATE = 22_050
_BLOCK = 4096
_RATE_CODE = 0x6  # 22.05 kHz
_STREAMINFO, _COMMENT, _LAST = 0, 4, 0x80


def write_flac(samples: Samples, tags: Mapping[str, str]) -> bytes:
    """The file: STREAMINFO, the tags as a Vorbis comment, then verbatim frames. `samples` is not empty."""
    size = min(_BLOCK, len(samples))
    digest = hashlib.md5(samples.astype("<i2").tobytes(), usedforsecurity=False).digest()
    packed = (RATE << 44) | (0 << 41) | (15 << 36) | len(samples)
    info = struct.pack(">HH", size, size) + bytes(6) + packed.to_bytes(8, "big") + digest
    parts = [b"fLaC", _metadata(_STREAMINFO, info), _metadata(_COMMENT | _LAST, _comment(tags))]
    for number, start in enumerate(range(0, len(samples), _BLOCK)):
        parts.append(_frame(number, samples[start : start + _BLOCK]))
    return b"".join(parts)


def _metadata(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _comment(tags: Mapping[str, str]) -> bytes:
    entries = [f"{key}={value}".encode() for key, value in tags.items()]
    vendor = b"pressrun proof"
    body = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(entries))
    return body + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)


def _frame(number: int, samples: Samples) -> bytes:
    # Block size in the last 16 bits of the header (code 7); mono, 16 bits a sample, one verbatim subframe.
    header = bytes([0xFF, 0xF8, 0x70 | _RATE_CODE, 0x08]) + _coded(number) + struct.pack(">H", len(samples) - 1)
    header += bytes([_checksum(header, 8)])
    frame = header + b"\x02" + samples.astype(">i2").tobytes()
    return frame + struct.pack(">H", _checksum(frame, 16))


def _coded(number: int) -> bytes:
    """A frame's number, as UTF-8 codes a character. It must be below 0xD800: two and a half hours."""
    return chr(number).encode()


def _checksum(data: bytes, bits: int) -> int:
    table, high, keep = _table(bits), bits - 8, (1 << bits) - 1
    value = 0
    for byte in data:
        value = (value << 8 & keep) ^ table[value >> high ^ byte]
    return value


@functools.lru_cache(maxsize=2)
def _table(bits: int) -> tuple[int, ...]:
    polynomial, top, keep = {8: 0x07, 16: 0x8005}[bits], 1 << bits - 1, (1 << bits) - 1
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & keep
        table.append(value)
    return tuple(table)
