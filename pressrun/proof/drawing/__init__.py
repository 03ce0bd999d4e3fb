"""Drawing proofs: from a graph's nodes to marked pictures, the same on every machine."""

from importlib.metadata import version

from pressrun.core.codec import digest_of
from pressrun.typeset import fonts_digest

# Raise it whenever the same graph gives other pixels: render keys of proofs depend on it.
DRAWING_VERSION = 2


def engine_class() -> str:
    """ "proof:" and 16 hex digits: everything that decides a proof's pixels. Part of every proof's render key."""
    libraries = {name: version(name) for name in ("freetype-py", "numpy", "pillow", "uharfbuzz")}
    return "proof:" + digest_of({"drawing": DRAWING_VERSION, "fonts": fonts_digest(), "libraries": libraries})[:16]
