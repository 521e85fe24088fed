"""What a file is by its content, what it costs, and what is said of one that can't be read."""

from __future__ import annotations

import codecs
import time
import zlib
from io import BytesIO

import pytest
from PIL import Image

from core.domain import limits
from core.prompt.files import (
    CROWDED,
    PAGE_IMAGE_TOKENS,
    PAGE_TOKENS,
    File,
    FileKind,
    FileRules,
    decoded,
    fitted,
    image_tokens,
    in_bytes,
    read,
    rules_for,
    without_media,
)
from core.prompt.images import dimensions, image_type
from core.prompt.pdf import is_pdf, pages_of
from tests.paper import CSV, GIF, gif, jpeg, pdf, png, webp

RULES = FileRules()
PAGE = PAGE_TOKENS + PAGE_IMAGE_TOKENS


@pytest.mark.parametrize(
    ("data", "media_type", "size"),
    [
        (png(31, 17), "image/png", (31, 17)),
        (GIF, "image/gif", (10, 20)),
        (jpeg(640, 480), "image/jpeg", (640, 480)),
        (webp(300, 200), "image/webp", (300, 200)),
        (webp(300, 200, b"VP8L"), "image/webp", (300, 200)),
        (webp(300, 200, b"VP8 "), "image/webp", (300, 200)),
    ],
)
def test_an_image_says_what_it_is(data: bytes, media_type: str, size: tuple[int, int]) -> None:
    kind = image_type(data)
    assert kind == media_type
    assert kind is not None
    assert dimensions(data, kind) == size
    file = read(data, RULES)
    assert (file.kind, file.image, file.data) == (FileKind.IMAGE, media_type, data)
    assert file.tokens == image_tokens(*size, RULES.image_tokens) > 0


def test_a_broken_image_is_named_before_the_model_refuses_the_whole_request() -> None:
    for data in (png()[:14], jpeg()[:20], b"\xff\xd8\xff\xff", webp(3, 3)[:20], GIF[:7]):
        assert read(data, RULES).why == "it is a broken image"


@pytest.mark.parametrize(
    ("size", "limit", "tokens"),
    [
        ((200, 200), 4_784, 64),
        ((1000, 1000), 4_784, 1_334),
        ((1092, 1092), 1_568, 1_568),
        ((1920, 1080), 4_784, 2_765),
        ((1920, 1080), 1_568, 1_568),
        ((8000, 8000), 4_784, 4_784),
    ],
)
def test_what_an_image_costs(size: tuple[int, int], limit: int, tokens: int) -> None:
    assert image_tokens(*size, limit) == tokens


def opened(file: File) -> Image.Image:
    assert file.kind is FileKind.IMAGE, file.why
    assert len(file.data) <= limits.IMAGE_BYTES
    image = Image.open(BytesIO(file.data))
    image.load()
    assert max(image.size) <= limits.IMAGE_SCALED_PIXELS
    assert file.tokens == image_tokens(*image.size, RULES.image_tokens)
    assert file.image == Image.MIME[str(image.format)]
    return image


def test_an_image_with_a_side_that_is_too_long_is_scaled_down() -> None:
    assert opened(read(png(9000, 100), RULES)).size == (2576, 29)
    assert opened(read(png(9000, 1), RULES)).size == (2576, 1)


def test_a_photo_that_is_scaled_down_stands_as_it_was_taken() -> None:
    photo = opened(read(jpeg(9000, 4500, turned=True), RULES))
    assert (photo.format, photo.size) == ("JPEG", (1288, 2576))
    assert not photo.getexif()


def test_an_animation_that_is_scaled_down_is_its_first_frame() -> None:
    frame = opened(read(gif(9000, 9), RULES))
    assert (frame.format, frame.size) == ("PNG", (2576, 3))
    assert frame.convert("RGB").getpixel((1, 1)) == (255, 0, 0)


def test_what_is_transparent_stays_so() -> None:
    drawn = Image.new("RGBA", (9000, 9), (0, 0, 255, 0))
    for image in (drawn, drawn.quantize()):
        data = BytesIO()
        image.save(data, "PNG")
        copy = opened(read(data.getvalue(), RULES)).convert("RGBA")
        assert copy.getpixel((1, 1))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_drawing_of_any_mode_is_scaled_down(mode: str) -> None:
    white: dict[str, float | tuple[float, ...]]
    white = {"I;16": 65_535, "RGB": (255, 255, 255), "RGBA": (255, 255, 255, 255)}
    white |= {"LA": (255, 255), "1": 1}
    data = BytesIO()
    Image.new(mode, (9000, 9), white.get(mode, 255)).save(data, "PNG")
    copy = opened(read(data.getvalue(), RULES))
    assert copy.format == "PNG"
    if mode != "P":
        assert copy.convert("L").getpixel((0, 0)) == 255


def test_a_photo_in_the_colors_of_print_is_scaled_down() -> None:
    data = BytesIO()
    Image.new("CMYK", (9000, 9)).save(data, "JPEG")
    assert opened(read(data.getvalue(), RULES)).mode == "RGB"


@pytest.mark.slow
def test_an_image_of_too_many_bytes_is_scaled_down_until_it_has_few_enough() -> None:
    assert opened(read(png(padding=limits.IMAGE_BYTES), RULES)).size == (2, 2)
    noise = Image.effect_noise((2400, 1800), 100).convert("RGB")
    data = BytesIO()
    noise.save(data, "PNG")
    assert len(data.getvalue()) > limits.IMAGE_BYTES
    assert opened(read(data.getvalue(), RULES)).format == "WEBP"


def test_an_image_that_can_not_be_scaled_down_is_named() -> None:
    assert read(png(8100, 4000), RULES).why == "it is a broken image"  # it ends after its head
    for size in (
        (8001, 8000),
        (20_000, 20_000),
    ):
        assert read(png(*size), RULES).why == "it has too many pixels"
    scans = jpeg(9000, 9) + b"\xff\xda" * 64
    assert read(scans, RULES).why == "it is a broken image"
    assert (
        "about 1,334 tokens, and I can read 500" in read(png(1000, 1000), FileRules(tokens=500)).why
    )


def test_an_image_is_scaled_down_only_if_it_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMAGE_DECODED_BYTES", 100_000)
    assert opened(read(jpeg(9000, 9), RULES)).size == (2576, 3)
    for data in (jpeg(9000, 9, progressive=True), png(9000, 2), gif(9000, 2), webp(9000, 1)):
        assert read(data, RULES).why == "it has too many pixels"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pages", [1, 12, 100])
def test_pages_of_a_pdf(pages: int, *, packed: bool) -> None:
    file = read(pdf(pages, packed=packed), RULES)
    assert (file.kind, file.pages, file.tokens) == (FileKind.PDF, pages, pages * PAGE)


def test_pages_that_an_outline_counts_are_no_pages() -> None:
    assert pages_of(pdf(2, extra=b"8 0 obj << /Type /Outlines /Count 300 >> endobj\n")) == 2


def test_pages_of_a_pdf_that_hides_them() -> None:
    linear = b"%PDF-1.7\n1 0 obj << /Linearized 1 /L 9 /N 7 /T 5 >>\n" + b"\0" * 9 + b"%%EOF"
    assert pages_of(linear) == 7
    hidden = b"%PDF-1.7\n" + b"\0" * 25_000 + b"%%EOF"
    assert pages_of(hidden) == 0
    assert read(hidden, RULES).pages == 3
    broken = b"%PDF-1.7\n<< /Type /ObjStm >>\nstream\nno zlib%%EOF"
    assert read(broken, RULES).pages == 1


def test_a_pdf_that_the_api_would_refuse_is_named() -> None:
    assert read(pdf(101), RULES).why == "it has 101 pages, and I can read 100"
    assert read(pdf(extra=b"<< /Encrypt 5 0 R >>"), RULES).why == "it is encrypted"
    assert "about 92,000 tokens" in read(pdf(20), FileRules(tokens=50_000)).why


def test_a_pdf_may_have_something_before_it_but_a_text_about_pdfs_is_a_text() -> None:
    assert is_pdf(b"\r\n" + pdf())
    assert read(b"A PDF begins with %PDF-1.7, they say.", RULES).kind is FileKind.TEXT


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (CSV, CSV.decode()),
        ("Grüße 👋".encode(), "Grüße 👋"),
        (codecs.BOM_UTF8 + b"a,b", "a,b"),
        (codecs.BOM_UTF16_LE + "Käse".encode("utf-16-le"), "Käse"),
        (codecs.BOM_UTF16_BE + "Käse".encode("utf-16-be"), "Käse"),
        (codecs.BOM_UTF32_LE + "Käse".encode("utf-32-le"), "Käse"),
        ("Stückzahl;Größe".encode("cp1252"), "Stückzahl;Größe"),
        ("Grüße äöü".encode() + b"\xff", "Grüße äöü\N{REPLACEMENT CHARACTER}"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
    ],
)
def test_text_in_the_encodings_that_people_send(data: bytes, text: str) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\0\0\0",
        b"\x7fELF\x02\x01\x01\0",
        bytes(range(256)),
        codecs.BOM_UTF16_LE + b"\1\0\2\0\0\0",
        b"MZ\x01\x02\x03\x04",
    ],
)
def test_what_is_no_text(data: bytes) -> None:
    assert decoded(data) is None
    assert read(data, RULES).why.startswith("only images")


def test_an_empty_file_is_named() -> None:
    for data in (b"", b" \n", codecs.BOM_UTF8):
        assert read(data, RULES).why == "it is empty"


def test_a_long_text_is_cut_where_a_character_ends() -> None:
    file = read("é".encode() * 1000, FileRules(tokens=500))
    assert len(file.text.encode()) == 1000
    assert file.why == "1000 bytes more are not shown"
    assert set(file.text) == {"é"}


def test_a_file_that_is_too_large_whatever_it_is() -> None:
    assert "too large (20 MB" in read(b"x" * (limits.FILE_BYTES + 1), RULES).why


def test_rules_of_a_model() -> None:
    large, small = rules_for("claude-sonnet-5-5", 900_000), rules_for("claude-haiku-4-5", 100_000)
    assert (large.image_tokens, large.pages, large.tokens) == (4_784, 600, 450_000)
    assert (small.image_tokens, small.pages, small.tokens) == (1_568, 100, 50_000)
    assert small.text_bytes == 100_000


def media(size: int = 1, pages: int = 0) -> File:
    return File(kind=FileKind.PDF if pages else FileKind.IMAGE, data=b"x" * size, pages=pages)


def test_the_oldest_files_go_first_when_a_request_is_full() -> None:
    images = [(f"i{n}", media()) for n in range(limits.IMAGES + 2)]
    assert [key for key, file in fitted(images, RULES).items() if file.why] == ["i20", "i21"]
    papers = [("new", media(pages=60)), ("old", media(pages=60)), ("older", media(pages=40))]
    assert [file.why for file in fitted(papers, RULES).values()] == ["", CROWDED, ""]
    big = [("a", media(limits.FILE_BYTES)), ("b", media()), ("c", File(kind=FileKind.TEXT))]
    assert [file.why for file in fitted(big, RULES).values()] == ["", CROWDED, ""]
    assert list(fitted([("a", media()), ("a", media())], RULES)) == ["a"]


def test_files_without_those_that_a_model_may_have_refused() -> None:
    text = File(kind=FileKind.TEXT, text="a")
    bare = without_media({"a": media(), "b": text})
    assert bare["a"].why == "the model rejected it"
    assert bare["b"] is text


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (2048, "2 kB"), (2_500_000, "2 MB"), (2**31, "2 GB")]
)
def test_bytes_for_people(size: int, words: str) -> None:
    assert in_bytes(size) == words


@pytest.mark.parametrize(
    "evil",
    [
        b"%PDF-1.7" + b"/Type /ObjStm " * 700_000,
        b"%PDF-1.7" + (b"/Type /ObjStm stream\n" + zlib.compress(b"x")) * 200_000,
        b"%PDF-1.7" + b"/Type /Pages " * 700_000,
        b"%PDF-1.7 /Type /ObjStm stream\n" + zlib.compress(b"<<" * 2**25),
        b"\xff\xd8" + b"\xff" * 9_000_000,
        "ü".encode("latin-1") * 9_000_000,
    ],
    ids=["packed", "contents", "trees", "bomb", "photo", "letters"],
)
def test_a_file_that_is_made_to_take_forever_does_not(evil: bytes) -> None:
    started = time.process_time()
    read(evil, RULES)
    assert time.process_time() - started < 3
