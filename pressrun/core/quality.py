"""Quality: the verdict on measurements. The runner measures, this judges: a rule can change without rendering again."""

from __future__ import annotations

from typing import Any

from pressrun.core.campaign import QualitySpec
from pressrun.core.render import Render


def judge(render: Render, *, params: dict[str, Any], spec: QualitySpec) -> str:
    """An empty string where the picture may be reviewed, otherwise the reason why not, as a sentence."""
    found = render.measurements
    wanted = (params.get("width"), params.get("height"))
    if None not in wanted and render.width is not None and (render.width, render.height) != wanted:
        return f"is {render.width}×{render.height}, asked for {wanted[0]}×{wanted[1]}"
    if found is None:
        return "" if not render.media_type.startswith("image/") else "could not be measured"
    if found.mean < 1.0 and found.contrast < 1.0:
        return "is black: a NaN in the graph or a failed decode looks like this"
    if found.contrast < spec.min_contrast or found.distinct < 2:
        return f"is blank: contrast {found.contrast:.1f}, at least {spec.min_contrast:g} is expected"
    return ""
