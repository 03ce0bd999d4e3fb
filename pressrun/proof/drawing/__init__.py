"""Drawing proofs: from a graph's nodes to marked pictures, the same on every machine."""

from pressrun.core.codec import digest_of
from pressrun.typeset import fonts_digest

# Raise it whenever the same graph gives other pixels: render keys of proofs depend on it.
DRAWING_VERSION = 1


def engine_class() -> str:
    """ "proof:" and 16 hex digits: the drawing version and the pinned fonts. Part of every proof's render key."""
    return "proof:" + digest_of({"drawing": DRAWING_VERSION, "fonts": fonts_digest()})[:16]
