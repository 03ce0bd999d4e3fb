"""Chance from a digest: the same numbers on every machine and with every version of numpy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Chance:
    """A stream of numbers named by `parts`. Only PCG64's raw output is used: numpy promises that it never changes."""

    def __init__(self, *parts: object) -> None:
        digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest[:16], "big"))

    def unit(self) -> float:
        """From 0.0 up to, not including, 1.0."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + int(self._bits.random_raw()) % (high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.whole(0, len(choices) - 1)]

    def octets(self, count: int) -> NDArray[np.uint8]:
        raw = self._bits.random_raw(-(-count // 8))
        return np.asarray(raw, dtype="<u8").view(np.uint8)[:count]

    def grain(self, shape: tuple[int, ...]) -> NDArray[np.int32]:
        """Noise from -255 to 255, small values more often than large ones."""
        count = int(np.prod(shape))
        pair = self.octets(2 * count).astype(np.int32).reshape(2, count)
        noise: NDArray[np.int32] = (pair[0] - pair[1]).reshape(shape)
        return noise
