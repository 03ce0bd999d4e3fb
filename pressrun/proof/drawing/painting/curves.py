"""Shapes as points. Sines are polynomials of plus and times only: libm differs between machines, these do not."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np
from numpy.typing import NDArray

from pressrun.proof.drawing.painting.chance import Chance

Point = tuple[float, float]
Points = list[Point]


def sine(turns: float) -> float:
    """sin(2π·turns) to about 0.001."""
    x = turns - floor(turns + 0.5)
    y = 8 * x - 16 * x * abs(x)
    return 0.225 * (y * abs(y) - y) + y


def cosine(turns: float) -> float:
    return sine(turns + 0.25)


def sines(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """`sine` of an array."""
    x = turns - np.floor(turns + 0.5)
    y = 8 * x - 16 * x * np.abs(x)
    result: NDArray[np.float64] = 0.225 * (y * np.abs(y) - y) + y
    return result


def ridge(chance: Chance, width: int, base: float, swing: float) -> NDArray[np.int32]:
    """A flowing line from left to right: heights in 1/256 pixel for every column."""
    x = np.arange(width, dtype=np.float64) / width
    line = np.full(width, base)
    for waves, share in ((0.55, 1.0), (1.15, 0.45), (2.3, 0.16)):
        line = line + sines(x * waves * chance.between(0.8, 1.25) + chance.unit()) * (swing * share)
    return (line * 256).astype(np.int32)


def placed(shape: Points, centre: Point, size: float, turn: float) -> Points:
    """A shape of unit size turned (in turns), scaled and moved."""
    c, s = cosine(turn), sine(turn)
    return [(centre[0] + size * (x * c - y * s), centre[1] + size * (x * s + y * c)) for x, y in shape]


def round_shape(radius: Callable[[float], float], steps: int = 60) -> Points:
    """A closed outline whose distance from the centre is `radius(turns)`."""
    return [(radius(i / steps) * cosine(i / steps), radius(i / steps) * sine(i / steps)) for i in range(steps)]


def petal() -> Points:
    """A cherry petal from the origin along +x, with the notch at its tip."""
    half = [(0.0, 0.0), (0.2, 0.13), (0.45, 0.27), (0.7, 0.32), (0.9, 0.24), (1.0, 0.1), (0.93, 0.0)]
    return smooth(half + [(x, -y) for x, y in reversed(half[1:-1])])


def leaf() -> Points:
    """A leaf from the origin along +x."""
    half = [(0.0, 0.0), (0.18, 0.1), (0.42, 0.2), (0.66, 0.18), (0.86, 0.09), (1.0, 0.0)]
    return smooth(half + [(x, -y) for x, y in reversed(half[1:-1])], sharp={0, 5})


def smooth(points: Points, sharp: frozenset[int] | set[int] = frozenset(), rounds: int = 2) -> Points:
    """Corners cut twice (Chaikin), but for the `sharp` ones, which are points of the first round."""
    keep = {points[index] for index in sharp}
    for _ in range(rounds):
        result: Points = []
        for index, (x, y) in enumerate(points):
            nx, ny = points[(index + 1) % len(points)]
            if (x, y) in keep:
                result.append((x, y))
            else:
                result.append((0.75 * x + 0.25 * nx, 0.75 * y + 0.25 * ny))
            if (nx, ny) not in keep:
                result.append((0.25 * x + 0.75 * nx, 0.25 * y + 0.75 * ny))
        points = result
    return points
