"""Files made by hand: the smallest that are what they say, and some that are not."""

from __future__ import annotations

import struct
import zlib

GIF = b"GIF89a" + struct.pack("<HH", 10, 20) + b"\x80\0\0\0\0\0\xff\xff\xff;"
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


def jpeg(width: int = 640, height: int = 480) -> bytes:
    """Return the beginning of a photo, as cameras write it."""
    exif = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0\xff\xc0"
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + exif + b"\xff" + frame + b"\xff\xd9"


def webp(width: int, height: int, form: bytes = b"VP8X") -> bytes:
    """Return the beginning of a picture of one of the three forms."""
    body = {
        b"VP8X": b"\0" * 4 + _three(width - 1) + _three(height - 1),
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14),
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }[form]
    chunk = form + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


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


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
