"""What is said of a file that can't be shown: what it is, and what to send instead."""

from __future__ import annotations

import gzip
import zipfile
from io import BytesIO

import pytest

from core.prompt.files import FileKind, FileRules, read

RULES = FileRules()


def archive(*names: str) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in names:
            file.writestr(name, "x" * 500)
    return data.getvalue()


def box(brand: bytes, *others: bytes) -> bytes:
    return (
        bytes([0, 0, 0, 16 + 4 * len(others)])
        + b"ftyp"
        + brand
        + b"\0\0\0\0"
        + b"".join(others)
        + b"\1\2\3\0" * 100
    )


def office(stream: str) -> bytes:
    begin = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    return begin + stream.encode("utf-16-le") + b"\0" * 500


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive("[Content_Types].xml", "word/document.xml"), "it is a Word document: save it as"),
        (archive("xl/workbook.xml"), "it is an Excel workbook: save it as CSV"),
        (archive("ppt/presentation.xml"), "it is a PowerPoint presentation: save it as PDF"),
        (archive("mimetypeapplication/vnd.oasis.opendocument.text"), "it is an OpenDocument text"),
        (archive("a.txt", "b.txt"), "it is a ZIP archive: unpack it"),
        (archive("Index/Document.iwa"), "it is a document of Pages, Numbers or Keynote"),
        (office("WordDocument"), "it is a Word document"),
        (office("Workbook"), "it is an Excel workbook"),
        (office("EncryptedPackage"), "it is an Office document with a password"),
        (office("__substg1.0_0037001F"), "it is an Outlook message"),
        (office("Root"), "it is an old Office document"),
        (box(b"heic", b"mif1"), "it is a HEIC photo: send it as JPEG or PNG"),
        (box(b"mif1", b"heic"), "it is a HEIC photo"),
        (box(b"M4A ", b"mp42"), "it is a sound recording: send what is said in it as text"),
        (box(b"mp42", b"isom"), "it is a video"),
        (box(b"qt  "), "it is a video"),
        (b"OggS\0\2" + bytes(range(256)), "it is a sound recording"),
        (b"ID3\4\0\0" + bytes(200), "it is a sound recording"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(40), "it is a sound recording"),
        (gzip.compress(b"log line\n" * 99), "it is compressed (gzip): unpack it"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(60), "it is a 7z archive"),
        (b"a.txt".ljust(257, b"\0") + b"ustar\0" + bytes(249), "it is a TAR archive"),
        (b"\x7fELF\x02\x01\x01\0" + bytes(60), "it is a program"),
        (b"SQLite format 3\0" + bytes(60), "it is an SQLite database"),
        (b"PAR1" + bytes(60), "it is a Parquet table"),
        (bytes(range(256)), "only images (JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF), PDFs and text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # an archive has the time in it
)
def test_a_file_that_is_no_text_is_named(data: bytes, words: str) -> None:
    file = read(data, RULES)
    assert file.kind is FileKind.UNREAD
    assert file.why.startswith(words)


@pytest.mark.parametrize(
    "text",
    [
        "caffeine;mg\ncoffee;95\n", "OTTO;12\n", "ID3 tags are odd\n", "BZh is a header\n",
        "MZ;Zeit\n", "<svg xmlns='http://www.w3.org/2000/svg'/>", '{"cells": [], "nbformat": 4}',
        "From: ann@a.example\r\nSubject: x\r\n\r\nhi\r\n", r"{\rtf1\ansi hello}", "BMW;3\nAudi;4\n",
        "II*1\n", "GIF89 is a format\n", "RIFF raff\n",
    ],
)  # fmt: skip
def test_a_text_that_begins_like_another_kind_is_a_text(text: str) -> None:
    file = read(text.encode(), RULES)
    assert (file.kind, file.text, file.note) == (FileKind.TEXT, text, "")
