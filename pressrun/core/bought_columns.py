"""What of a large plan is bought: one item for each render key that no picture has yet."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pressrun.core.chunk import Numbers
from pressrun.core.matcher import Mask
from pressrun.core.plan_chunk import PlanChunk

_KEY = pa.binary(20)


class BoughtColumns:
    """Keeps the render keys of a plan as 20 bytes each while it is expanded, and then says which are bought."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._prompts: list[bytes] = []
        self._sizes: list[Numbers] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, items: PlanChunk) -> None:
        """The next items of the plan."""
        keys = items.render_keys.rows()
        self.add_keys(keys)
        if items.batch_keys is not None:
            own = [key if batch is None else batch for key, batch in zip(keys, items.batch_keys.rows(), strict=True)]
            self._prompts.append(_packed(own))
            sizes = items.batch_sizes()
            self._sizes.append(np.array(sizes.rows() if sizes else [1] * len(items)))

    def add_keys(self, keys: list[str]) -> None:
        """The render keys of the next items, each a prompt of its own."""
        self._keys.append(_packed(keys))
        self._count += len(keys)

    def reused(self, known: Collection[str]) -> Mask:
        """True for the items whose render key is among `known`."""
        if not known:
            return np.zeros(self._count, dtype=bool)
        usable = [bytes.fromhex(key) for key in known if len(key) == 2 * _KEY.byte_width]
        found: Mask = pc.is_in(_array(self._keys, self._count), value_set=pa.array(usable, _KEY)).to_numpy(
            zero_copy_only=False
        )
        return found

    def first(self) -> Mask:
        """True for the first item of each render key: the others are the same picture."""
        _, rows = np.unique(_numbered(self._keys, self._count), return_index=True)
        found = np.zeros(self._count, dtype=bool)
        found[rows] = True
        return found

    def prompts(self) -> Numbers:
        """A number for each prompt, ascending in plan order; items of one number are rendered together."""
        return _numbered(self._prompts, self._count) if self._prompts else np.arange(self._count)

    def shares(self, rows: Numbers) -> NDArray[np.float64]:
        """Pictures that are made for each of these items: more than one where others of its batch are not bought."""
        if not self._sizes:
            return np.ones(len(rows))
        _, at, counts = np.unique(self.prompts()[rows], return_inverse=True, return_counts=True)
        found: NDArray[np.float64] = np.concatenate(self._sizes)[rows] / counts[at]
        return found


def _packed(keys: list[str]) -> bytes:
    return bytes.fromhex("".join(keys))


def _array(parts: list[bytes], count: int) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(_KEY, count, [None, pa.py_buffer(b"".join(parts))])


def _numbered(parts: list[bytes], count: int) -> Numbers:
    """Each value by the order in which it first came up."""
    codes: Numbers = _array(parts, count).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes
