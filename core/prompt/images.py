"""Images: their type and size by their header, and smaller copies of those too large for a model.

Pure. It never raises, whatever the bytes: anyone can send a file. Only the formats that Claude
takes are opened. An image is decoded only to make it smaller, which takes a second or two and up to
`limits.IMAGE_DECODED_BYTES` of memory, so callers run it in a thread, and one at a time.
"""

from __future__ import annotations

import warnings
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from PIL import Image, ImageOps
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

_MAGIC: Final[dict[bytes, ImageType]] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_RIFF, _WEBP = b"RIFF", b"WEBP"
_FORMATS: Final[dict[ImageType, str]] = {
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
}
_COPIES: Final[dict[ImageType, tuple[ImageType, ...]]] = {
    "image/gif": ("image/png", "image/webp"),
    "image/jpeg": ("image/jpeg",),
    "image/png": ("image/png", "image/webp"),
    "image/webp": ("image/webp",),
}
"""The formats of a smaller copy, the best first. WebP keeps transparency and takes few bytes."""
_QUALITY = 85
_STEPS = (1, 3 / 4, 1 / 2)
"""How far a copy is scaled down, step by step, until it has few enough bytes."""
_READS = 50_000
"""How often a file is read from: some consist of nothing but the beginnings of parts."""
_SCANS = 64
"""Passes over the image in a JPEG; programs write some 10, and each costs as much as the image."""
_SCAN = b"\xff\xda"
_BYTES_PER_PIXEL = {"image/gif": 8, "image/jpeg": 1, "image/png": 8, "image/webp": 16}
"""The memory that decoding takes at most: a JPEG is decoded at a fraction of its size, a palette
becomes colors, and libwebp keeps two canvases beside what it returns."""
_BYTES_PER_SCANNED_PIXEL = 6
"""The same for a JPEG of several passes, whose coefficients libjpeg keeps."""
_DEEP = "I"
"""How Pillow's modes of 16 bits a pixel begin; it would cut the values off at 255."""
_GRAY = {"1", "L", "I", "I;16"}
_DIRECT = {"L", "RGB", "RGBA", "CMYK", "YCbCr"}
"""Modes that can be scaled as they are; a palette can't."""


class Fault(StrEnum):
    """Why an image can't be shown."""

    BROKEN = "it is a broken image"
    TOO_MANY_PIXELS = "it has too many pixels"


class Copy(NamedTuple):
    """A smaller copy of an image."""

    data: bytes
    media_type: ImageType
    size: Size


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


def image_type(data: bytes) -> ImageType | None:
    """Return which of the known types the bytes are; None for none."""
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def dimensions(data: bytes, media_type: ImageType) -> Size | Fault:
    """Return the size that an image of this type claims to have, without decoding it."""
    try:
        with Image.open(_Input(data), formats=[_FORMATS[media_type]]) as image:
            width, height = image.size
    except _BOMBS:
        return Fault.TOO_MANY_PIXELS
    except Exception:  # noqa: BLE001 - decoders raise what they like on bytes of anyone's making
        return Fault.BROKEN
    return (width, height) if width and height else Fault.BROKEN


def smaller(data: bytes, media_type: ImageType, *, pixels: int, most: int) -> Copy | Fault:
    """Return a copy with at most `pixels` on each side and `most` bytes.

    Of an animation, the copy has the first frame. It stands upright, as the photo's orientation
    says, and has nothing else that a camera writes down, such as the place.
    """
    try:
        with Image.open(_Input(data), formats=[_FORMATS[media_type]]) as image:
            if image.width * image.height * _weight(data, media_type) > limits.IMAGE_DECODED_BYTES:
                return Fault.TOO_MANY_PIXELS
            image.draft(None, (pixels, pixels))  # a JPEG, which can be decoded at 1/2, 1/4 or 1/8
            return _copy(image, _COPIES[media_type], pixels=pixels, most=most)
    except _BOMBS:
        return Fault.TOO_MANY_PIXELS
    except Exception:  # noqa: BLE001 - see `dimensions`
        return Fault.BROKEN


def _weight(data: bytes, media_type: ImageType) -> int:
    """Return the bytes of memory that each pixel takes; raise ValueError for too many scans."""
    scans = data.count(_SCAN) if media_type == "image/jpeg" else 1
    if scans > _SCANS:
        raise ValueError("this JPEG has too many scans")
    return _BYTES_PER_PIXEL[media_type] if scans == 1 else _BYTES_PER_SCANNED_PIXEL


def _copy(image: Image.Image, kinds: tuple[ImageType, ...], *, pixels: int, most: int) -> Copy:
    small = image if image.mode in _DIRECT else _direct(image)
    small.thumbnail((pixels, pixels))
    small = _direct(ImageOps.exif_transpose(small))
    for step in _STEPS:
        small.thumbnail((max(1, int(pixels * step)),) * 2)
        for kind in kinds:
            encoded = BytesIO()
            small.save(encoded, _FORMATS[kind], quality=_QUALITY)
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
