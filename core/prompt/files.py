"""A file as the model sees it: its kind by its content, its tokens, and what of it can be read.

Pure. It never raises, whatever the bytes: anyone can send a file. The content alone
decides: a file's name and the type that it claims are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Final, TypeAlias

from core.domain import limits
from core.models.catalog import spec_of
from core.prompt.encodings import NoText, decoded
from core.prompt.formats import name_of
from core.prompt.images import MEDIA_TYPES, Fault, Format, format_of, header_of, smaller
from core.prompt.pdf import is_locked, is_pdf, is_whole, pages_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from core.models.port import ImageType

PAGE_TOKENS = 3_000
"""The text of a PDF page, at the upper end of what Anthropic's documentation says ("PDF support":
1,500 to 3,000, by its density)."""
PAGE_IMAGE_TOKENS = 1_600
"""The image of a page, which the API adds to its text: measured, it is 1,580 on both families of
models (jackin.tailrocks.com/research/token-optimization/42-multimodal-token-economics)."""
CROWDED: Final = "newer files left no room for it"
REJECTED: Final = "the model rejected it"
_UNKNOWN_KIND = "only images (JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF), PDFs and text can be read"
_PATCH = 28
"""Pixels of a side of a patch; each patch is a token."""
_SCALINGS = 30
"""Halvings of the interval in which the scale of a large image lies: far below a pixel."""
BYTES_PER_PAGE = 10_000
"""The size of a page if pages can't be counted; most are larger."""
_BYTES_PER_TOKEN = 2


class FileKind(StrEnum):
    """How the model sees a file."""

    IMAGE = "image"
    PDF = "pdf"
    TEXT = "text"
    NAMED = "named"
    """It was shown, and by now only its name is, with a note."""
    UNREAD = "unread"
    """Only its name is shown, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What can be shown of a file."""

    kind: FileKind
    image: ImageType = "image/png"
    """The type of an image."""
    data: bytes = field(default=b"", repr=False)
    """A PDF, or an image, as it came or scaled down."""
    text: str = field(default="", repr=False)
    """The text that is shown of a text file."""
    why: str = ""
    """Why it could not be read; or what is missing of a text."""
    note: str = ""
    """What the model has to know of what it sees, such as that an image is scaled down."""
    name: str = ""
    """Its name, if the platform states it only with the content."""
    size: int = 0
    """The bytes that were read, whatever the platform says of it."""
    gone: bool = False
    """It was deleted on its platform."""
    faded: bool = False
    """Only the start of its text is shown by now."""
    tokens: int = 0
    """The tokens that it takes beside the text of its message."""
    pages: int = 0

    @property
    def is_media(self) -> bool:
        """Return whether it has a block of its own in the prompt."""
        return self.kind in {FileKind.IMAGE, FileKind.PDF}

    @property
    def media_type(self) -> str:
        """Return its type if its content shows it; empty for a text, which may be of any."""
        return {FileKind.IMAGE: self.image, FileKind.PDF: "application/pdf"}.get(self.kind, "")

    @property
    def weight(self) -> int:
        """Return about how many bytes of memory it takes."""
        return len(self.data) + 2 * len(self.text)


Files: TypeAlias = "Mapping[str, File]"
"""Files by the ids of their attachments; all other files are only named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """The limits of one model."""

    image_tokens: int = 4_784
    """The most tokens that an image costs: the API scales larger ones down."""
    image_pixels: int = 2_576
    """The longest side that an image has after that."""
    pages: int = 100
    """The most pages of all PDFs in a request."""
    tokens: int = 1_000_000
    """The most tokens of a file."""

    @property
    def text_bytes(self) -> int:
        """Return how many bytes of a text file are shown."""
        return min(limits.TEXT_FILE_BYTES, self.tokens * _BYTES_PER_TOKEN)


def rules_for(model: str, budget: int) -> FileRules:
    """Return the limits of a model if a whole prompt may have `budget` tokens."""
    spec = spec_of(model)
    return FileRules(
        image_tokens=spec.image_tokens,
        image_pixels=spec.image_pixels,
        pages=spec.pdf_pages,
        tokens=budget // 2,
    )


def unread(why: str, *, gone: bool = False) -> File:
    """Return a file that is only named; `gone` says that it was deleted on its platform."""
    return File(kind=FileKind.UNREAD, why=why.strip().removesuffix("."), gone=gone)


def too_large(size: int, limit: int) -> File:
    """Return a file that has too many bytes to be read."""
    return unread(limits.too_large(size, limit))


def read(data: bytes, rules: FileRules) -> File:
    """Return what can be shown of a file with these bytes."""
    if not data:
        return unread("it is empty")
    if len(data) > limits.FILE_BYTES:
        return too_large(len(data), limits.FILE_BYTES)
    if kind := format_of(data):
        return _image(data, kind, rules)
    if is_pdf(data):
        return _pdf(data, rules)
    return _text(data, rules)


def image_tokens(width: int, height: int, rules: FileRules) -> int:
    """Return the tokens of an image: its patches, once it is scaled down to what the model sees.

    The scale is the largest by which neither its longest side nor its patches are too many
    (Anthropic's documentation, "Vision").
    """
    high = min(1.0, rules.image_pixels / max(width, height))
    if _patches(width * high, height * high) <= rules.image_tokens:
        return _patches(width * high, height * high)
    low = 0.0
    for _ in range(_SCALINGS):
        middle = (low + high) / 2
        fits = _patches(width * middle, height * middle) <= rules.image_tokens
        low, high = (middle, high) if fits else (low, middle)
    return max(1, _patches(width * low, height * low))


def _patches(width: float, height: float) -> int:
    return ceil(width / _PATCH) * ceil(height / _PATCH)


def fitted(files: Iterable[tuple[str, File]], rules: FileRules) -> dict[str, File]:
    """Return the files, given newest first, that fit in one request; the others become unread."""
    kept: dict[str, File] = {}
    images = pages = size = 0
    for key, file in files:
        if key in kept:
            continue
        image = file.kind is FileKind.IMAGE
        if file.is_media and (
            images + image > limits.IMAGES
            or pages + file.pages > rules.pages
            or size + len(file.data) > limits.REQUEST_FILE_BYTES
        ):
            kept[key] = unread(CROWDED)
            continue
        kept[key] = file
        images, pages, size = images + image, pages + file.pages, size + len(file.data)
    return kept


def without_media(files: Files) -> dict[str, File]:
    """Return the files with images and PDFs only named, since the model has refused one of them."""
    return {key: unread(REJECTED) if file.is_media else file for key, file in files.items()}


def _image(data: bytes, kind: Format, rules: FileRules) -> File:
    header = header_of(data, kind)
    if isinstance(header, Fault):
        return unread(header)
    media_type, size, notes = MEDIA_TYPES.get(kind), header.size, []
    large = len(data) > limits.IMAGE_BYTES or max(size) > limits.IMAGE_PIXELS
    if media_type is None or large or header.is_cut:
        copy = smaller(data, kind, pixels=limits.IMAGE_SCALED_PIXELS, most=limits.IMAGE_BYTES)
        if isinstance(copy, Fault):
            return unread(copy)
        if copy.format != kind:
            notes.append(f"converted from {kind} to {copy.format}")
        if copy.size not in {size, size[::-1]}:
            notes.append(f"scaled down from {_by(size)} to {_by(copy.size)} pixels")
        if copy.is_damaged:
            notes.append("damaged: a part of it is missing")
        data, media_type, size = copy.data, MEDIA_TYPES[copy.format], copy.size
    if header.has_frames:
        notes.append("only the first of its pictures is shown")
    tokens = image_tokens(*size, rules)
    note = "; ".join(notes)
    file = File(kind=FileKind.IMAGE, image=media_type, data=data, tokens=tokens, note=note)
    return _affordable(file, rules)


def _by(size: tuple[int, int]) -> str:
    return "{:,} x {:,}".format(*size)


def _pdf(data: bytes, rules: FileRules) -> File:
    if is_locked(data):
        return unread("it is a PDF with a password: save it without one")
    if not is_whole(data):
        return unread("it is a PDF whose end is missing: send it again")
    pages = pages_of(data) or 1 + len(data) // BYTES_PER_PAGE
    if pages > rules.pages:
        return unread(f"it has {pages:,} pages, and I can read {rules.pages}: send a part of it")
    tokens = pages * (PAGE_TOKENS + PAGE_IMAGE_TOKENS)
    return _affordable(File(kind=FileKind.PDF, data=data, tokens=tokens, pages=pages), rules)


def _affordable(file: File, rules: FileRules) -> File:
    if file.tokens <= rules.tokens:
        return file
    why = f"it is about {file.tokens:,} tokens, and I can read {rules.tokens:,}"
    return unread(f"{why}: send a part of it")


def _text(data: bytes, rules: FileRules) -> File:
    name = name_of(data)
    text = NoText.BINARY if name and 0 in data else decoded(data)
    if isinstance(text, NoText):
        return unread(name or (_UNKNOWN_KIND if text is NoText.BINARY else text))
    if not text.text.strip():
        return unread("it is empty")
    shown = text.text.encode()[: rules.text_bytes].decode(errors="ignore")
    missing = limits.in_bytes(max(1, len(data) - rules.text_bytes))
    why = "" if shown == text.text else f"{missing} more are not shown"
    return File(kind=FileKind.TEXT, text=shown, why=why, note=text.note)
