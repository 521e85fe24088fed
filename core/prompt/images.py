"""Images: their format and size by their header, and copies that a model can take.

Pure. It never raises, whatever the bytes: anyone can send a file. Only the formats of `Format` are
opened. An image is decoded only if it has to be made smaller or put into another format, which
takes a second or two and up to `limits.IMAGE_DECODED_BYTES` of memory, so callers run it in a
thread, and one at a time.
"""

from __future__ import annotations

import re
import warnings
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from PIL import Image, ImageFile, ImageOps
from typing_extensions import override

from core.domain import limits

if TYPE_CHECKING:
    from core.models.port import ImageType

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

Image.MAX_IMAGE_PIXELS = limits.IMAGE_DECODED_PIXELS
# Pillow only warns between this limit and its double; both are a refusal here.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class Format(StrEnum):
    """The formats that are opened, by Pillow's names."""

    PNG = "PNG"
    JPEG = "JPEG"
    GIF = "GIF"
    WEBP = "WEBP"
    BMP = "BMP"
    TIFF = "TIFF"
    AVIF = "AVIF"


MEDIA_TYPES: Final[dict[Format, ImageType]] = {
    Format.GIF: "image/gif",
    Format.JPEG: "image/jpeg",
    Format.PNG: "image/png",
    Format.WEBP: "image/webp",
}
"""The formats that models take; the others are converted."""
_MAGIC: Final = {
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"\xff\xd8\xff": Format.JPEG,
    b"GIF87a": Format.GIF,
    b"GIF89a": Format.GIF,
    b"II*\0": Format.TIFF,
    b"MM\0*": Format.TIFF,
}
_RIFF, _WEBP = b"RIFF", b"WEBP"
_BITMAP = {12, 40, 52, 56, 64, 108, 124}
"""Sizes of a bitmap's second header; its first two letters alone may begin a text."""
_BRANDS = (b"avif", b"avis")
_COPIES: Final = {
    Format.GIF: (Format.PNG, Format.WEBP),
    Format.JPEG: (Format.JPEG,),
    Format.PNG: (Format.PNG, Format.WEBP),
    Format.WEBP: (Format.WEBP,),
    Format.BMP: (Format.PNG, Format.WEBP),
    Format.TIFF: (Format.PNG, Format.WEBP),
    Format.AVIF: (Format.WEBP,),
}
"""The formats of a copy, the best first. WebP keeps transparency and takes few bytes."""
_QUALITY = 85
_STEPS = (1, 3 / 4, 1 / 2)
"""How far a copy is scaled down, step by step, until it has few enough bytes."""
_READS = 50_000
"""How often a file is read from: some consist of nothing but the beginnings of parts."""
_SCANS = 64
"""Passes over the image in a JPEG; programs write some 10, and each costs as much as the image."""
_SCAN = b"\xff\xda"
_FRAME = re.compile(rb"\x21\xf9\x04.{4}\0[\x21\x2c]", re.DOTALL)
"""What begins a frame of a GIF, if it has several of some size."""
_ENDS = {Format.PNG: b"IEND", Format.JPEG: b"\xff\xd9"}
_MODE_BYTES = {"1": 2, "L": 1, "P": 9, "RGB": 4, "RGBX": 4, "CMYK": 4, "YCbCr": 4, "RGBA": 8}
"""The memory that a pixel takes until it is scaled down: a palette becomes colors first, and
transparency costs a copy (`Image.resize`)."""
_OTHER_MODE_BYTES = 12
_DECODER_BYTES = {Format.WEBP: 12, Format.AVIF: 12}
"""What the decoder of a format takes beside that: libwebp and libavif keep whole images."""
_BYTES_PER_SCANNED_PIXEL = 6
"""What a JPEG of several passes takes, whose coefficients libjpeg keeps."""
_TILE = (322, 323)
"""The tags of a TIFF with the width and height of its parts, each decoded as a whole."""
_COMPRESSIONS = {"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg"}
"""How most TIFFs are packed. Of a broken fax, libtiff prints a line of each row to stderr."""
_DEEP = "I"
"""How Pillow's modes of 16 bits a pixel begin; it would cut the values off at 255."""
_GRAY = {"1", "L", "I", "I;16"}
_DIRECT = {"L", "RGB", "RGBA", "CMYK", "YCbCr"}
"""Modes that can be scaled as they are; a palette can't."""


class Fault(StrEnum):
    """Why an image can't be shown."""

    BROKEN = "it is a broken image"
    TOO_MANY_PIXELS = "it has too many pixels: send a smaller copy"
    RARE = "it is packed in a rare way: send it as JPEG or PNG"


class _RareError(Exception):
    """Decoding the image would take much longer, or more memory, than its size says."""


class Header(NamedTuple):
    """What an image says of itself."""

    size: Size
    has_frames: bool = False
    """It has several pictures: those of an animation, or the pages of a TIFF."""
    is_cut: bool = False
    """Its end is missing, so a model would refuse it as it is."""


class Copy(NamedTuple):
    """A copy of an image."""

    data: bytes
    format: Format
    size: Size
    is_damaged: bool = False
    """A part of the image could not be decoded."""


class _Input(BytesIO):
    """A file that can be read from only so often, so that none takes forever."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._reads = _READS

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        self._reads -= 1
        if self._reads < 0:
            raise ValueError("this file has too many parts")
        return super().read(size)


def format_of(data: bytes) -> Format | None:
    """Return which of the known formats the bytes are in; None for none."""
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return Format.WEBP
    if data[4:8] == b"ftyp" and any(brand in data[8 : min(64, data[3])] for brand in _BRANDS):
        return Format.AVIF
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BITMAP:
        return Format.BMP
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def header_of(data: bytes, kind: Format) -> Header | Fault:
    """Return what an image of this format says of itself, without decoding it."""
    try:
        with Image.open(_Input(data), formats=[kind]) as image:
            width, height = image.size
            frames = _has_frames(image, data, kind)
    except _BOMBS:
        return Fault.TOO_MANY_PIXELS
    except Exception:  # noqa: BLE001 - decoders raise what they like on bytes of anyone's making
        return Fault.BROKEN
    end = _ENDS.get(kind, b"")
    return Header((width, height), frames, end not in data) if width and height else Fault.BROKEN


def smaller(data: bytes, kind: Format, *, pixels: int, most: int) -> Copy | Fault:
    """Return a copy with at most `pixels` on each side and `most` bytes, as a model takes it.

    Of several pictures, the copy has the first. It stands upright, as the photo's orientation
    says, and has nothing else that a camera writes down, such as the place. If a part of the image
    is missing, the copy has the rest.
    """
    copy = _decoded(data, kind, pixels, most)
    if copy is not Fault.BROKEN:
        return copy
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        rest = _decoded(data, kind, pixels, most)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return rest if isinstance(rest, Fault) else rest._replace(is_damaged=True)


def _decoded(data: bytes, kind: Format, pixels: int, most: int) -> Copy | Fault:
    try:
        with Image.open(_Input(data), formats=[kind]) as image:
            if image.width * image.height * _weight(image, data, kind) > limits.IMAGE_DECODED_BYTES:
                return Fault.TOO_MANY_PIXELS
            image.draft(None, (pixels, pixels))  # a JPEG, which can be decoded at 1/2, 1/4 or 1/8
            return _copy(image, _COPIES[kind], pixels=pixels, most=most)
    except _BOMBS:
        return Fault.TOO_MANY_PIXELS
    except _RareError:
        return Fault.RARE
    except Exception:  # noqa: BLE001 - see `header_of`
        return Fault.BROKEN


def _has_frames(image: Image.Image, data: bytes, kind: Format) -> bool:
    """Return whether an image has several pictures; a JPEG's others are not for people."""
    try:
        return kind is not Format.JPEG and getattr(image, "is_animated", False) is True
    except Exception:  # noqa: BLE001 - see `header_of`; to find the next frame, it reads all of one
        return len(_FRAME.findall(data)) > 1


def _weight(image: Image.Image, data: bytes, kind: Format) -> int:
    """Return the bytes of memory that each pixel takes; raise `_RareError` for what takes forever.

    Pillow decodes a packed bitmap pixel by pixel, in Python.
    """
    if kind is Format.JPEG:
        scans = data.count(_SCAN)
        if scans > _SCANS:
            raise _RareError
        return 1 if scans == 1 else _BYTES_PER_SCANNED_PIXEL  # decoded at a fraction of its size
    packed = any("rle" in tile[0] for tile in getattr(image, "tile", ()))
    if packed or (kind is Format.TIFF and not _is_common(image)):
        raise _RareError
    return _MODE_BYTES.get(image.mode, _OTHER_MODE_BYTES) + _DECODER_BYTES.get(kind, 0)


def _is_common(image: Image.Image) -> bool:
    """Return whether a TIFF is packed as programs and cameras do it, in parts of a sane size."""
    tags = getattr(image, "tag_v2", {})
    width, height = (int(tags.get(tag, 1)) for tag in _TILE)
    small = width * height <= limits.IMAGE_DECODED_PIXELS // 4
    return small and image.info.get("compression", "raw") in _COMPRESSIONS


def _copy(image: Image.Image, kinds: tuple[Format, ...], *, pixels: int, most: int) -> Copy:
    small = image if image.mode in _DIRECT else _direct(image)
    small.thumbnail((pixels, pixels))
    small = _direct(ImageOps.exif_transpose(small))
    for step in _STEPS:
        small.thumbnail((max(1, int(pixels * step)),) * 2)
        for kind in kinds:
            encoded = BytesIO()
            small.save(encoded, kind, quality=_QUALITY)
            if encoded.tell() <= most:
                return Copy(encoded.getvalue(), kind, small.size)
    raise ValueError("no copy of this image is small enough")


def _direct(image: Image.Image) -> Image.Image:
    """Return an image in a mode that can be scaled, and saved in every format."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith(_DEEP):
        image = image.point(lambda value: value * (1 / 256))
    return image.convert("RGB" if image.mode not in _GRAY else "L")
