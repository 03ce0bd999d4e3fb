"""Quality: the verdict on measurements. The runner measures, this judges: a rule can change without rendering again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pressrun.core.campaign import QualitySpec
from pressrun.core.result import Measurements


class Measured(Protocol):
    """A picture that was measured: a render of the index, or an output a job reported."""

    @property
    def media_type(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def measurements(self) -> Measurements | None: ...


def judge(picture: Measured, *, params: Mapping[str, Any], spec: QualitySpec) -> str:
    """An empty string where the picture may be reviewed, otherwise the reason why not, as a sentence."""
    found = picture.measurements
    wanted = (params.get("width"), params.get("height"))
    if None not in wanted and picture.width is not None and (picture.width, picture.height) != wanted:
        return f"is {picture.width}×{picture.height}, asked for {wanted[0]}×{wanted[1]}"
    if found is None:
        return "could not be measured" if picture.media_type.startswith("image/") else ""
    if found.mean < 1.0 and found.contrast < 1.0:
        return "is black: a NaN in the graph or a failed decode looks like this"
    if found.contrast < spec.min_contrast or found.distinct < 2:
        return f"is blank: contrast {found.contrast:.1f}, at least {spec.min_contrast:g} is expected"
    return ""
