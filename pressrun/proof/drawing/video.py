"""Moving pictures of a proof: one painted scene under a slow camera."""

from __future__ import annotations

from pressrun.proof.drawing.painting.curves import sine
from pressrun.proof.drawing.pixels import resize
from pressrun.proof.drawing.values import Images, Pixels

# How much of the picture the camera sees at its closest, in 1/1000 of each side.
_CLOSEST = 860


def drift(still: Pixels, frames: int) -> Images:
    """`frames` pictures of the still's size: closer, a little to the side, and back, so that it loops."""
    height, width = still.shape[:2]
    out = []
    for number in range(frames):
        swing = sine(number / frames / 2)  # 0, up to 1 half way, and 0 again
        seen = 1000 - round((1000 - _CLOSEST) * swing)
        wide, tall = max(1, width * seen // 1000), max(1, height * seen // 1000)
        left = round((width - wide) * (0.5 + 0.4 * sine(number / frames)))
        top = (height - tall) // 2
        out.append(resize(still[top : top + tall, left : left + wide], width, height, "bicubic"))
    return tuple(out)
