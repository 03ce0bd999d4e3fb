"""Quality: verdicts on measurements. The runner measures, this judges: a rule can change without rendering again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from pressrun.core.brand import Colour, parse_hex
from pressrun.core.campaign import PaletteSpec, QualityCode, QualitySpec
from pressrun.core.item import Item
from pressrun.core.likeness import Look, alike
from pressrun.core.media import Playback
from pressrun.core.result import Measurements


class Measured(Protocol):
    """A file that was measured: of a render of the index, or an output that a job reported."""

    @property
    def media_type(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def measurements(self) -> Measurements | None: ...
    @property
    def playback(self) -> Playback | None: ...


class Verdict(BaseModel):
    """What is wrong with a picture: a stable code and the rest of a sentence that begins with the picture."""

    model_config = {"extra": "forbid", "frozen": True}

    code: QualityCode
    reason: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found of one picture: `rejected` keeps it from review, `notes` are shown beside it."""

    rejected: Verdict | None = None
    notes: tuple[Verdict, ...] = ()

    @property
    def first(self) -> Verdict | None:
        """The gravest one, whether it refuses the picture or not."""
        return self.rejected or next(iter(self.notes), None)


def judge_all(made: Iterable[tuple[Item, Sequence[Measured]]], spec: QualitySpec) -> dict[str, Verdicts]:
    """The verdicts by item id: of an item's files, the first one the picture itself, and then against other items.

    What is refused by itself is not compared: two black pictures are black, and not also alike.
    """
    found: dict[str, Verdicts] = {}
    looks: list[Look] = []
    for item, files in made:
        found[item.item_id] = _sorted(judge_files(files, params=item.params, spec=spec), spec)
        seen = files[0].measurements
        if found[item.item_id].rejected is None and seen is not None and seen.pixels:
            looks.append(Look.of(item, seen))
    for item_id, code, reason in alike(looks, distance=spec.duplicate_distance):
        known, more = found[item_id], _sorted([Verdict(code=code, reason=reason)], spec)
        found[item_id] = Verdicts(known.rejected or more.rejected, (*known.notes, *more.notes))
    return found


def judge_files(files: Sequence[Measured], *, params: Mapping[str, Any], spec: QualitySpec) -> list[Verdict]:
    """What is wrong with an item's files. Only the first one owes the size that was asked for."""
    told = judge(files[0], params=params, spec=spec)
    for number, file in enumerate(files[1:], 2):
        for verdict in judge(file, params={}, spec=spec):
            told.append(verdict.model_copy(update={"reason": f"file {number} {verdict.reason}"}))
    return told


def _sorted(found: Iterable[Verdict], spec: QualitySpec) -> Verdicts:
    """Verdicts told apart as the campaign wants it."""
    told = [verdict for verdict in found if verdict.code not in spec.ignore]
    return Verdicts(
        next((verdict for verdict in told if verdict.code not in spec.note), None),
        tuple(verdict for verdict in told if verdict.code in spec.note),
    )


def judge(file: Measured, *, params: Mapping[str, Any], spec: QualitySpec) -> list[Verdict]:
    """What a file's own numbers say against it, the gravest first; of what has no picture and no sound: nothing."""
    found, told = file.measurements, list[Verdict]()
    if found is None and file.media_type.startswith("image/"):
        return [Verdict(code="unmeasured", reason="could not be measured: its pixels were never seen")]
    wanted = size_wanted(params)
    if wanted and file.width and file.height and not fits(file.width, file.height, *wanted):
        reason = f"is {file.width}×{file.height}, asked for {wanted[0]}×{wanted[1]}"
        told.append(Verdict(code="wrong-size", reason=reason))
    if found is not None and (flat := _flat(found, spec)):
        return [*told, flat]
    if found is not None and spec.palette and found.colours and (off := _off_palette(found, spec.palette)):
        told.append(off)
    return [*told, *_played(file.playback, seconds_wanted(params), spec)]


def _played(found: Playback | None, wanted: float | None, spec: QualitySpec) -> Iterator[Verdict]:
    lasts = found.seconds if found is not None else 0.0
    # Latents of films and sounds come in steps; a tenth is more than any step. A film of one picture over and over is
    # saved as that picture, and lasts no time at all.
    if wanted and lasts < 0.9 * wanted:
        yield Verdict(code="too-short", reason=f"lasts {lasts:.1f} s, asked for {wanted:.1f} s")
    if found is None:
        return
    if found.loudness is not None and found.loudness < spec.min_loudness:
        expected = f"loudness {found.loudness:.0f} dBFS, at least {spec.min_loudness:g} is expected"
        yield Verdict(code="silent", reason=f"is silent: {expected}")
    if found.frames > 1 and found.motion is not None and found.motion <= 0:
        yield Verdict(code="still", reason=f"does not move: {found.frames} frames that are all the same")


def seconds_wanted(params: Mapping[str, Any]) -> float | None:
    """How long an item asks to last: its `seconds`, or its `length` in frames at `fps`; None where it asks for none."""
    seconds, frames, rate = params.get("seconds"), params.get("length"), params.get("fps")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        return float(seconds)
    if isinstance(frames, int) and isinstance(rate, int | float) and frames > 1 and rate > 0:
        return frames / rate
    return None


def size_wanted(params: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height that an item asks for, in pixels; None where it asks for none."""
    across, down = params.get("width"), params.get("height")
    if not isinstance(across, int) or not isinstance(down, int) or min(across, down) < 1:
        return None
    return across, down


def fits(width: int, height: int, across: int, down: int) -> bool:
    """The size that was asked for, or that shape larger: a graph may end with an upscaler."""
    return width >= across and height >= down and abs(width * down - height * across) <= max(width, height)


def _flat(found: Measurements, spec: QualitySpec) -> Verdict | None:
    if found.mean < 1.0 and found.contrast < 1.0:
        return Verdict(code="black", reason="is black: a NaN in the graph or a failed decode looks like this")
    if found.distinct < 2 or found.contrast < min(1.0, spec.min_contrast):
        expected = f"contrast {found.contrast:.1f}, at least {spec.min_contrast:g} is expected"
        return Verdict(code="blank", reason=f"is blank: {expected}")
    if found.contrast < spec.min_contrast:
        expected = f"contrast {found.contrast:.1f}, at least {spec.min_contrast:g} is expected"
        return Verdict(code="near-constant", reason=f"is nearly one colour: {expected}")
    if found.flat > spec.max_flat:
        reason = f"is nearly one colour: {found.flat:.1%} of it, at most {spec.max_flat:.1%} is expected"
        return Verdict(code="near-constant", reason=reason)
    return None


def _off_palette(found: Measurements, spec: PaletteSpec) -> Verdict | None:
    brand = [_lab(parse_hex(colour)) for colour in spec.colours]
    near = sum(
        share
        for colour, share in found.colours
        if any(_distance(_lab(parse_hex(colour)), one) <= spec.tolerance for one in brand)
    )
    if near >= spec.min_share:
        return None
    most = ", ".join(colour for colour, _ in found.colours[:3])
    reason = f"has {near:.0%} of the brand's colours, at least {spec.min_share:.0%} is expected; mostly {most}"
    return Verdict(code="off-palette", reason=reason)


def _distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """CIE76: about 2 is just visible, 25 is another shade of the colour, 100 is black to white."""
    return math.dist(one, other)


def _lab(colour: Colour) -> tuple[float, float, float]:
    """sRGB, 0 to 255, as CIE Lab under D65."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (one / 255 for one in colour)
    )
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
