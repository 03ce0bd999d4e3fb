"""Delivered images: drawn again from their pixels, so that nothing but the picture leaves.

ComfyUI writes the prompt and the whole graph into text chunks; cameras write EXIF. None of it survives here. What is
added is public: the IPTC digital source type, an identifier that leads to the lineage record, and PROOF on proofs.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from PIL import Image, ImageOps, PngImagePlugin

from pressrun.core.errors import InputError

MAX_BYTES = 64 << 20
MAX_PIXELS = 8192 * 8192
MAX_ICC = 1 << 20
PROOF_KEY = "pressrun"
XMP_KEY = "XML:com.adobe.xmp"
_FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = ("RGB", "RGBA", "L", "LA")
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# A proof is drawn by a program that learned nothing from anybody's pictures.
FINAL_SOURCE_TYPE = _SOURCE_TYPE + "trainedAlgorithmicMedia"
PROOF_SOURCE_TYPE = _SOURCE_TYPE + "algorithmicMedia"
_IDENTIFIER = re.compile(rb"\b(pressrun:[a-z0-9_-]{1,48}/[0-9a-f]{16})\b")


@dataclass(frozen=True, slots=True)
class CleanImage:
    """A PNG ready for delivery. Pixels."""

    data: bytes
    width: int
    height: int


def identifier_of(campaign: str, item_id: str) -> str:
    """What a delivered file says of itself: opaque, and the same for every edition of the item."""
    return f"pressrun:{campaign}/{item_id}"


def clean_image(data: bytes, *, identifier: str, proof: bool, where: str | None = None) -> CleanImage:
    """Re-encode as PNG from pixels, with the colour profile kept and all other metadata replaced by ours.

    The same bytes in give the same bytes out. InputError for what is not one still PNG, JPEG or WebP within the limits.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise InputError(f"an image of {len(data)} bytes; at most {MAX_BYTES} are published", where=where)
    pixels, icc = _decode(data, where)
    info = PngImagePlugin.PngInfo()
    if proof:
        info.add_text(PROOF_KEY, "proof")
    info.add_itxt(XMP_KEY, xmp(identifier, PROOF_SOURCE_TYPE if proof else FINAL_SOURCE_TYPE))
    out = io.BytesIO()
    pixels.save(out, "PNG", pnginfo=info, icc_profile=icc)
    return CleanImage(out.getvalue(), *pixels.size)


def claimed_identifier(data: bytes) -> str | None:
    """The identifier that a file carries in plain text, for a hint only: anybody can write one."""
    found = _IDENTIFIER.search(data)
    return found[1].decode() if found else None


def _decode(data: bytes, where: str | None) -> tuple[Image.Image, bytes | None]:
    try:
        # `formats` keeps every other decoder (EPS, PSD …) out of reach.
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{image.width}×{image.height} pixels; at most {MAX_PIXELS} are published", where=where
                )
            if getattr(image, "n_frames", 1) != 1:
                raise InputError("an animation is not a still image", where=where)
            image.load()
            icc = image.info.get("icc_profile")
            upright = ImageOps.exif_transpose(image)
            target = _mode_for(upright)
            if upright.mode != target and upright.mode not in ("P", "1"):
                # A profile describes the channels it was made for; CMYK's says nothing of RGB.
                icc = None
            pixels = upright if upright.mode == target else upright.convert(target)
            clean = Image.frombytes(target, pixels.size, pixels.tobytes())
    except InputError:
        raise
    except Exception as exc:  # Pillow raises anything from SyntaxError to struct.error on hostile bytes
        raise InputError(f"not an image that can be read: {type(exc).__name__}", where=where) from exc
    return clean, icc if isinstance(icc, bytes) and len(icc) <= MAX_ICC else None


def _mode_for(image: Image.Image) -> str:
    if image.mode in _MODES:
        return image.mode
    return "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"


def xmp(identifier: str, source_type: str) -> str:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<dc:identifier>{escape(identifier)}</dc:identifier>"
        f"<Iptc4xmpExt:DigitalSourceType>{escape(source_type)}</Iptc4xmpExt:DigitalSourceType>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
