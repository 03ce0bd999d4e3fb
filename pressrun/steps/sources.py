"""Authored files: a campaign's folder, shared workflows and contracts, prices and models; each read is recorded."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

from PIL import Image

from pressrun.core.brand import Brand, parse_brand
from pressrun.core.campaign import CampaignSpec, parse_campaign
from pressrun.core.codec import digest_of, sha256_hex
from pressrun.core.errors import InputError, NotFoundError
from pressrun.core.ids import ident
from pressrun.core.item import InputAsset
from pressrun.core.model_file import ModelFile
from pressrun.core.models import LOCK_FILE, read_models_lock
from pressrun.core.overlay import Overlay, Typeset
from pressrun.core.picture_size import Size
from pressrun.core.plan import SourceFile
from pressrun.steps.library import Library
from pressrun.steps.workspace import Workspace
from pressrun.typeset.overlay import set_overlay

MAX_INPUT_BYTES = 50_000_000
_ORIENTATION = 0x0112


class Sources:
    """Reads what one campaign is made of. `used` lists every file read so far, by path and digest."""

    def __init__(self, ws: Workspace, campaign: str, *, broken: frozenset[str] = frozenset()) -> None:
        self.ws = ws
        self.include = ws.settings.include
        self.folder = self.include / "campaigns" / ident(campaign, what="campaign")
        self.campaign = campaign
        self.used: dict[str, SourceFile] = {}
        self.library = Library(self.include, self._read, broken=broken)
        self._assets: dict[str, InputAsset | None] = {}
        self._set: dict[str, Typeset] = {}
        self._made: dict[str, bytes] = {}
        # By the input file's name: what was typeset, and how large each picture is.
        self.overlays: dict[str, Overlay] = {}
        self.sizes: dict[str, Size] = {}

    def spec(self) -> CampaignSpec:
        path = self.folder / "campaign.yaml"
        if not path.is_file():
            known = sorted(found.parent.name for found in self.include.glob("campaigns/*/campaign.yaml"))
            raise InputError(
                f"there is no campaign {self.campaign!r}",
                where=str(self.include / "campaigns"),
                remedy=f"campaigns there: {', '.join(known) or 'none'}",
            )
        return parse_campaign(self._read(path), file=f"{self.campaign}/campaign.yaml")

    def file(self, location: str) -> bytes:
        """A file of the campaign's folder or, by s3:// URI, of the deployment's buckets; NotFoundError if absent."""
        if location.startswith("s3://"):
            data = self.ws.fetch(location)
            self.used[location] = SourceFile(path=location, sha256=sha256_hex(data))
            return data
        return self._read(self._inside(location))

    def asset(self, location: str) -> InputAsset | None:
        """An input file by content, or None where there is none. Its URI is where `stage` puts it."""
        if location not in self._assets:
            self._assets[location] = self._asset(location)
        return self._assets[location]

    def typeset(self, overlay: Overlay, locale: str, parameter: str) -> Typeset:
        """The overlay as an input file by content, set in the brand's fonts and colours. InputError as set_overlay."""
        order = digest_of([overlay.model_dump(mode="json"), locale, parameter])
        if order not in self._set:
            data, faults = set_overlay(overlay, self.brand(), locale)
            source = f"typeset:{parameter}/{locale}/{order[:12]}"
            self._made[source] = data
            asset = self._by_content(data, f"{parameter}.png", source)
            self.overlays[asset.name] = overlay
            self._set[order] = Typeset(asset, faults)
        return self._set[order]

    def brand(self) -> Brand:
        """The brand's colours and fonts; NotFoundError where include/ has no palette."""
        return parse_brand(self._read(self.include / "brand" / "palette.yaml"), file="brand/palette.yaml")

    def stage(self) -> tuple[InputAsset, ...]:
        """Upload the input files that were resolved or made, by content; what is there already is not sent again."""
        for asset in self.found():
            if asset.uri != asset.source:
                self.ws.inputs.create(
                    self.ws.store_of(asset.uri)[1],
                    self._made.get(asset.source) or self.file(asset.source),
                    content_type=_media_type(asset.name),
                )
        return self.found()

    def found(self) -> tuple[InputAsset, ...]:
        """The input files that were resolved or made so far, each once."""
        found = {asset.name: asset for asset in self._assets.values() if asset is not None}
        found |= {done.asset.name: done.asset for done in self._set.values()}
        return tuple(found.values())

    def models(self) -> dict[str, ModelFile]:
        """Models by name, from include/models.lock; empty where no model is locked yet."""
        data = self.library.shared(LOCK_FILE)
        return {} if data is None else read_models_lock(data, file=LOCK_FILE)

    def _asset(self, location: str) -> InputAsset | None:
        try:
            data = self.file(location)
        except NotFoundError:
            return None
        if len(data) > MAX_INPUT_BYTES:
            raise InputError(f"{len(data):,} bytes is too large for an input file", where=location)
        return self._by_content(data, PurePosixPath(location).name, location)

    def _by_content(self, data: bytes, base: str, source: str) -> InputAsset:
        digest = sha256_hex(data)
        name = f"{digest[:12]}-{base}"
        uri = self.ws.inputs.uri(f"assets/{digest}/{name}")
        if (size := _size(data)) is not None:
            self.sizes[name] = size
        return InputAsset(name=name, uri=uri, sha256=digest, size=len(data), source=source)

    def _inside(self, location: str) -> Path:
        path = (self.folder / location).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise InputError("points outside the campaign's folder", where=location, remedy="copy the file into it")
        return path

    def _read(self, path: Path) -> bytes:
        try:
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            shown = (
                path.relative_to(self.ws.settings.home.resolve())
                if path.is_relative_to(self.ws.settings.home.resolve())
                else path
            )
            raise NotFoundError("there is no such file", where=str(shown)) from None
        name = (
            str(path.relative_to(self.include.resolve())) if path.is_relative_to(self.include.resolve()) else str(path)
        )
        self.used[name] = SourceFile(path=name, sha256=sha256_hex(data))
        return data


def _size(data: bytes) -> Size | None:
    """Width and height as ComfyUI loads the picture, turned as its EXIF says; None for what is no picture."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            # Pillow decodes a whole PNG to look for EXIF behind the pixels; most have none.
            may_turn = picture.format != "PNG" or b"eXIf" in data
            turned = may_turn and picture.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return (height, width) if turned else (width, height)


def _media_type(name: str) -> str:
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
    return kinds.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
