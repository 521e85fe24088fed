"""Small files of all kinds that the bot reads, and some that are not what they say."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image

CSV = b"name;age\nAnn;41\nBob;39\n"


def png(width: int = 2, height: int = 2, *, padding: int = 0) -> bytes:
    """Return a picture that is all black, with as much said beside it as is asked for."""
    rows = (b"\0" + b"\0" * width * 3) * height if width * height < 1_000_000 else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [_chunk(b"IHDR", header)]
    if padding:
        parts.append(_chunk(b"tEXt", b"x\0" + b"y" * padding))
    parts += [_chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(width: int = 640, height: int = 480, *, turned: bool = False, **options: bool) -> bytes:
    """Return a photo; `turned` as a camera writes it that was held upright."""
    exif = Image.Exif()
    if turned:
        exif[ExifTags.Base.Orientation] = 6
    return saved(Image.new("RGB", (width, height), "red"), "JPEG", exif=exif, **options)


def webp(width: int, height: int, form: bytes = b"VP8X") -> bytes:
    """Return a picture of one of the three forms."""
    mode = "RGBA" if form == b"VP8X" else "RGB"
    image = Image.new(mode, (width, height), "#ff00007f" if mode == "RGBA" else "red")
    data = saved(image, "WEBP", lossless=form == b"VP8L")
    assert data[12:16] == form
    return data


def gif(width: int = 10, height: int = 20) -> bytes:
    """Return an animation: one frame in red, the next in blue."""
    red, blue = (Image.new("RGB", (width, height), color) for color in ("red", "blue"))
    return saved(red, "GIF", save_all=True, append_images=[blue])


def pdf(pages: int = 1, *, packed: bool = False, extra: bytes = b"") -> bytes:
    """Return a document with so many empty pages; `packed` as newer programs write it."""
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(pages))
    tree = b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 99 99] >>" % (kids, pages)
    leaf = b"<< /Type /Page /Parent 2 0 R >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", tree, *([leaf] * pages)]
    if packed:
        content = zlib.compress(b"\n".join(objects))
        head = b"<< /Type /ObjStm /N %d /Filter /FlateDecode >>" % len(objects)
        body = b"9 0 obj\n" + head + b"\nstream\r\n" + content + b"\nendstream\nendobj\n"
    else:
        body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n + 1, o) for n, o in enumerate(objects))
    return b"%PDF-1.7\n" + body + extra + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """Return a picture as a program writes it in one of Pillow's formats."""
    data = BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


GIF = gif()
