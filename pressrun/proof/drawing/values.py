"""What flows along the links of a graph in a proof: small pictures in bytes, and tokens that stand for models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A batch: arrays of shape (height, width, 3 or 4), 0 to 255. Never changed in place, because results are cached.
Pixels = NDArray[np.uint8]
Images = tuple[Pixels, ...]
# A batch of arrays of shape (height, width), 0 to 255.
Masks = tuple[Pixels, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the caption of a proof says about the sampler that made the picture."""

    prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    cfg: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """Something a proof has no use for beyond its names: a model, a text encoder, a sampler, a set of sigmas."""

    kind: str
    names: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conditioning:
    """The texts that reached a sampler, in order."""

    texts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return ", ".join(text.strip() for text in self.texts if text.strip())


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides a painted picture: what it shows, which seed, and where in a batch it was sampled."""

    seed: int
    prompt: str
    style: str
    batch: int = 1
    index: int = 0

    @property
    def parts(self) -> tuple[object, ...]:
        """What its composition depends on. The first of a batch is composed as alone, and another seed's are others."""
        return self.seed, self.prompt, self.style, *((self.index,) if self.index else ())


@dataclass(frozen=True, slots=True)
class Latent:
    """A latent: its size in pixels and, once sampled or encoded, one scene or picture per batch entry.

    `strength` says how much of the scenes covers `base` (1 = all of it), `mask` where they may. A video has `frames`
    for each scene, a sound has `seconds` and no size.
    """

    width: int
    height: int
    batch: int = 1
    scenes: tuple[Scene, ...] = ()
    base: Images = ()
    mask: Masks = ()
    strength: float = 1.0
    frames: int = 0
    seconds: float = 0.0
