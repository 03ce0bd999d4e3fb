"""Seeds: derived from authored axes, stable under row order and added rows, folded into the contract's range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pressrun.core.codec import digest_of

MAX_SEED = 2**53 - 1  # what JSON numbers carry exactly through every reader


def derive_seed(
    *,
    campaign: str,
    base: int,
    seed_axes: Sequence[str],
    axes: Mapping[str, str],
    drop: str,
    round_number: int,
    minimum: int = 0,
    maximum: int = MAX_SEED,
) -> int:
    """A seed in [minimum, maximum]. Axes not in `seed_axes` share it: by default one picture serves all locales.

    A round above 0 always takes part: a picture that was sent back must come out different.
    """
    parts = {name: axes[name] for name in seed_axes if name in axes}
    if "drop" in seed_axes:
        parts["drop"] = drop
    if "round" in seed_axes or round_number:
        parts["round"] = str(round_number)
    number = int(digest_of(["seed", campaign, base, parts])[:16], 16)
    return minimum + number % (min(maximum, MAX_SEED) - minimum + 1)
