"""Clean re-encoding: only the picture leaves."""

from __future__ import annotations

import io
import struct
import zlib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from pressrun.core.errors import InputError
from pressrun.core.image_clean import (
    FINAL_SOURCE_TYPE,
    PROOF_SOURCE_TYPE,
    CleanImage,
    claimed_identifier,
    clean_image,
    identifier_of,
)

SECRET = "a secret prompt"
IDENTIFIER = identifier_of("spring_sale", "0123456789abcdef")


def picture(mode: str = "RGB", size: tuple[int, int] = (9, 7)) -> Image.Image:
    base = Image.new("RGB", size)
    base.putdata([(x * 3 % 256, x * 7 % 256, x * 11 % 256) for x in range(size[0] * size[1])])
    return base.convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def clean(data: bytes, *, proof: bool = False) -> CleanImage:
    return clean_image(data, identifier=IDENTIFIER, proof=proof, where="s3://w/x.png")


def planted(kind: str) -> bytes:
    """An image with the secret in every place the format has."""
    exif = Image.Exif()
    exif[0x010E] = SECRET
    options: dict[str, object] = {"exif": exif}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("prompt", SECRET)
        info.add_text("zipped", SECRET, zip=True)
        info.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET}</x>", zip=False)
        info.add(b"prVt", SECRET.encode())
        options["pnginfo"] = info
    else:
        options["xmp"] = f"<x>{SECRET}</x>".encode()
    if kind == "JPEG":
        options["comment"] = SECRET
    if kind == "WEBP":
        options["lossless"] = True
    return saved(picture(), kind, **options) + SECRET.encode()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("proof", [False, True])
def test_a_planted_secret_is_gone_from_bytes_and_chunks_and_the_pixels_stay(kind: str, proof: bool) -> None:
    source = planted(kind)
    assert SECRET.encode() in source
    result = clean(source, proof=proof)
    assert SECRET.encode() not in result.data
    with Image.open(io.BytesIO(result.data)) as image, Image.open(io.BytesIO(source)) as original:
        image.load()
        assert SECRET not in str(image.info)
        assert not image.getexif()
        assert image.tobytes() == original.convert("RGB").tobytes()
        assert (result.width, result.height) == image.size == (9, 7)


def test_a_final_says_what_it_is_and_a_proof_what_it_is() -> None:
    for proof, source_type in ((False, FINAL_SOURCE_TYPE), (True, PROOF_SOURCE_TYPE)):
        data = clean(saved(picture()), proof=proof).data
        with Image.open(io.BytesIO(data)) as image:
            assert image.info.get("pressrun") == ("proof" if proof else None)
            packet = ElementTree.fromstring(image.info["XML:com.adobe.xmp"])
        found = {element.tag.rpartition("}")[2]: element.text for element in packet.iter()}
        assert found["DigitalSourceType"] == source_type
        assert found["identifier"] == claimed_identifier(data) == IDENTIFIER


def test_the_same_bytes_in_give_the_same_bytes_out() -> None:
    assert clean(planted("PNG")).data == clean(planted("PNG")).data
    assert clean(clean(planted("PNG")).data).data == clean(planted("PNG")).data


def test_the_colour_profile_stays() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(io.BytesIO(clean(saved(picture(), icc_profile=icc)).data)) as image:
        assert image.info["icc_profile"] == icc


def test_a_profile_of_other_channels_does_not() -> None:
    source = saved(picture("CMYK"), "JPEG", icc_profile=b"a CMYK profile")
    with Image.open(io.BytesIO(clean(source).data)) as image:
        assert image.mode == "RGB"
        assert "icc_profile" not in image.info


@pytest.mark.parametrize(("mode", "kept"), [("RGBA", "RGBA"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("1", "RGB")])
def test_transparency_and_grey_stay(mode: str, kept: str) -> None:
    source = saved(picture("RGB").convert(mode) if mode != "LA" else picture("L").convert("LA"))
    with Image.open(io.BytesIO(clean(source).data)) as image:
        assert image.mode == kept


def test_a_turned_photograph_is_delivered_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    result = clean(saved(picture(), "JPEG", exif=exif))
    assert (result.width, result.height) == (7, 9)


def bomb() -> bytes:
    """A few bytes that claim to be 60 000 × 60 000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "0 bytes"),
        (b"not an image", "not an image"),
        (saved(picture())[:60], "not an image"),
        (bomb(), "not an image|pixels"),
        (saved(picture(), "GIF"), "not an image"),
        (saved(picture(), save_all=True, append_images=[picture("RGB").rotate(90)]), "animation"),
    ],
    ids=["empty", "text", "cut", "bomb", "gif", "animated"],
)
def test_what_is_not_one_still_picture_is_refused_by_place(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        clean(data)
    assert caught.value.where == "s3://w/x.png"


@given(st.binary(max_size=300), st.integers(8, 60))
def test_hostile_bytes_only_ever_raise_input_errors(noise: bytes, at: int) -> None:
    source = saved(picture())
    for data in (noise, source[:at] + noise + source[at:]):
        try:
            result = clean(data)
        except InputError:
            continue
        assert noise not in result.data or len(noise) < 8
