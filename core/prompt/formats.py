"""What a file is that a model can't be shown, and what to send instead. Pure. It never raises.

Known by its content: by the first bytes, or the names of the files in a ZIP archive or an old
document of Microsoft Office. For lists of signatures see "List of file signatures" in Wikipedia and
the magic files of the `file` command.
"""

from __future__ import annotations

import re
from typing import Final

_AS_PDF = "save it as PDF, or paste its text"
_AS_CSV = "save it as CSV, or as PDF"
_AS_JPEG = "send it as JPEG or PNG"
_UNPACKED = "unpack it, and send the files that matter"
_WRITTEN = "send what is said in it as text"
_SHOTS = "send pictures of what matters, or describe it"
_AS_TEXT = "send what matters of it as text"

_WORD = f"it is a Word document: {_AS_PDF}"
_EXCEL = f"it is an Excel workbook: {_AS_CSV}"
_POWERPOINT = f"it is a PowerPoint presentation: {_AS_PDF}"
_ZIP = f"it is a ZIP archive: {_UNPACKED}"
_SOUND = f"it is a sound recording: {_WRITTEN}"
_VIDEO = f"it is a video: {_SHOTS}"
_HEIC = f"it is a HEIC photo: {_AS_JPEG}"
_LOCKED_OFFICE = "it is an Office document with a password: save it without one, as PDF or CSV"

_MAGIC: Final = (
    (b"7z\xbc\xaf\x27\x1c", f"it is a 7z archive: {_UNPACKED}"),
    (b"Rar!\x1a\x07", f"it is a RAR archive: {_UNPACKED}"),
    (b"\x1f\x8b", f"it is compressed (gzip): {_UNPACKED}"),
    (b"BZh", f"it is compressed (bzip2): {_UNPACKED}"),
    (b"\xfd7zXZ\0", f"it is compressed (xz): {_UNPACKED}"),
    (b"\x28\xb5\x2f\xfd", f"it is compressed (zstd): {_UNPACKED}"),
    (b"OggS", _SOUND),
    (b"ID3", _SOUND),
    (b"\xff\xfb", _SOUND),
    (b"\xff\xf1", _SOUND),
    (b"fLaC", _SOUND),
    (b"#!AMR", _SOUND),
    (b"caff", _SOUND),
    (b"MThd", f"it is music (MIDI): {_AS_TEXT}"),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"FLV\1", _VIDEO),
    (b"\0\0\1\xba", _VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
    (b"8BPS", f"it is a Photoshop picture: {_AS_JPEG}"),
    (b"\0\0\0\x0cjP  ", f"it is a JPEG 2000 picture: {_AS_JPEG}"),
    (b"\xff\x4f\xff\x51", f"it is a JPEG 2000 picture: {_AS_JPEG}"),
    (b"\0\0\0\x0cJXL ", f"it is a JPEG XL picture: {_AS_JPEG}"),
    (b"\xff\x0a", f"it is a JPEG XL picture: {_AS_JPEG}"),
    (b"\0\0\1\0", f"it is an icon: {_AS_JPEG}"),
    (b"gimp xcf", f"it is a GIMP picture: {_AS_JPEG}"),
    (b"AT&TFORM", f"it is a DjVu document: {_AS_PDF}"),
    (b"SQLite format 3\0", f"it is an SQLite database: {_AS_TEXT}"),
    (b"PAR1", f"it is a Parquet table: {_AS_CSV}"),
    (b"\x89HDF\r\n\x1a\n", f"it is an HDF5 file: {_AS_TEXT}"),
    (b"\x7fELF", f"it is a program: {_AS_TEXT}"),
    (b"MZ", f"it is a program: {_AS_TEXT}"),
    (b"\xca\xfe\xba\xbe", f"it is a program: {_AS_TEXT}"),
    (b"\xcf\xfa\xed\xfe", f"it is a program: {_AS_TEXT}"),
    (b"\0asm", f"it is a program: {_AS_TEXT}"),
    (b"wOFF", "it is a font"),
    (b"wOF2", "it is a font"),
    (b"OTTO", "it is a font"),
    (b"\0\1\0\0\0", "it is a font"),
    (b"\xd4\xc3\xb2\xa1", f"it is a network capture: {_AS_TEXT}"),
    (b"\x0a\x0d\x0d\x0a", f"it is a network capture: {_AS_TEXT}"),
)
_RIFFS: Final = {b"WAVE": _SOUND, b"AVI ": _VIDEO}
_BRANDS: Final = (
    (re.compile(rb"hei[cxms]|hev[cxms]|mif1|msf1"), _HEIC),
    (re.compile(rb"M4[AB] |F4A "), _SOUND),
)
"""Of the first box of MPEG-4 (ISO/IEC 14496-12); Slack's and Apple's voice messages are M4A."""
_ZIPPED: Final = (
    (b"word/", _WORD),
    (b"xl/", _EXCEL),
    (b"ppt/", _POWERPOINT),
    (b"opendocument.text", f"it is an OpenDocument text: {_AS_PDF}"),
    (b"opendocument.spreadsheet", f"it is an OpenDocument table: {_AS_CSV}"),
    (b"opendocument.presentation", f"it is an OpenDocument presentation: {_AS_PDF}"),
    (b"epub+zip", f"it is an EPUB book: {_AS_PDF}"),
    (b"Index/Document.iwa", f"it is a document of Pages, Numbers or Keynote: {_AS_PDF}"),
    (b"AndroidManifest.xml", "it is an Android app"),
    (b"META-INF/MANIFEST.MF", "it is a Java archive"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS: Final = (
    ("EncryptedPackage", _LOCKED_OFFICE),
    ("WordDocument", _WORD),
    ("Workbook", _EXCEL),
    ("PowerPoint Document", _POWERPOINT),
    ("__substg1.0_", f"it is an Outlook message: {_AS_PDF}"),
)
"""Names in Microsoft's Compound File (MS-CFB), where they are in UTF-16."""
_OLD_OFFICE = f"it is an old Office document: {_AS_PDF}"
_EDGE = 64 * 1024
"""Bytes at the beginning and at the end in which the names of an archive are looked for."""
_TAR = slice(257, 262)


def name_of(data: bytes) -> str:
    """Return what a file is and what to do about it, as a clause about it; "" if unknown."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _first_in(data, _ZIPPED, _ZIP)
    if data.startswith(_OLE):
        names = tuple((name.encode("utf-16-le"), words) for name, words in _STREAMS)
        return _first_in(data, names, _OLD_OFFICE)
    if data[4:8] == b"ftyp":
        brands = data[8 : max(12, min(64, data[3]))]
        return next((words for brand, words in _BRANDS if brand.search(brands)), _VIDEO)
    if data.startswith(b"RIFF"):
        return _RIFFS.get(data[8:12], "")
    if data[_TAR] == b"ustar":
        return f"it is a TAR archive: {_UNPACKED}"
    return next((words for magic, words in _MAGIC if data.startswith(magic)), "")


def _first_in(data: bytes, names: tuple[tuple[bytes, str], ...], otherwise: str) -> str:
    edges = data[:_EDGE] + data[-_EDGE:]
    return next((words for name, words in names if name in edges), otherwise)
