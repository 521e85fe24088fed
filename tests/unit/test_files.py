"""What a file is by its content, what it costs, and what is said of one that can't be read."""

from __future__ import annotations

import codecs
import struct
import time
import zlib
from io import BytesIO
from math import ceil

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
    fitted,
    image_tokens,
    read,
    rules_for,
    without_media,
)
from core.prompt.images import MEDIA_TYPES, Header, format_of, header_of
from core.prompt.pdf import is_pdf, pages_of
from tests.paper import GIF, gif, jpeg, pdf, png, saved, webp

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
    kind = format_of(data)
    assert kind is not None
    assert MEDIA_TYPES[kind] == media_type
    assert header_of(data, kind) == Header(size, has_frames=kind == "GIF")
    file = read(data, RULES)
    assert (file.kind, file.image, file.data) == (FileKind.IMAGE, media_type, data)
    assert file.tokens == image_tokens(*size, RULES) > 0


def test_a_broken_image_is_named_before_the_model_refuses_the_whole_request() -> None:
    for data in (png()[:14], jpeg()[:20], b"\xff\xd8\xff\xff", webp(3, 3)[:20], GIF[:7]):
        assert read(data, RULES).why == "it is a broken image"


OLDER = rules_for("claude-haiku-4-5", 100_000)


@pytest.mark.parametrize(
    ("size", "rules", "tokens"),
    [
        ((200, 200), RULES, 64),  # the table in Anthropic's documentation, "Vision"
        ((1000, 1000), RULES, 1_296),
        ((1000, 1000), OLDER, 1_296),
        ((1092, 1092), OLDER, 1_521),
        ((1920, 1080), RULES, 2_691),
        ((1, 1), RULES, 1),
        ((8000, 1), RULES, 92),
    ],
)
def test_what_an_image_costs(size: tuple[int, int], rules: FileRules, tokens: int) -> None:
    assert image_tokens(*size, rules) == tokens


@pytest.mark.parametrize("rules", [RULES, OLDER], ids=["current", "older"])
@pytest.mark.parametrize(
    "size", [(8000, 8000), (1920, 1080), (1080, 1920), (2576, 2576), (4000, 3000), (8000, 2000)]
)
def test_what_an_image_costs_that_the_api_scales_down(
    size: tuple[int, int], rules: FileRules
) -> None:
    tokens = image_tokens(*size, rules)
    assert tokens <= rules.image_tokens
    widths = range(min(size[0], rules.image_pixels * size[0] // max(size)), 0, -1)
    fit = (ceil(w / 28) * ceil(w * size[1] / size[0] / 28) for w in widths)
    assert tokens == pytest.approx(next(n for n in fit if n <= rules.image_tokens), rel=0.02)


def opened(file: File) -> Image.Image:
    assert file.kind is FileKind.IMAGE, file.why
    assert len(file.data) <= limits.IMAGE_BYTES
    image = Image.open(BytesIO(file.data))
    image.load()
    assert max(image.size) <= limits.IMAGE_SCALED_PIXELS
    assert file.tokens == image_tokens(*image.size, RULES)
    assert file.image == Image.MIME[str(image.format)]
    return image


def test_an_image_with_a_side_that_is_too_long_is_scaled_down() -> None:
    assert opened(read(png(9000, 100), RULES)).size == (2576, 29)
    assert opened(read(png(9000, 1), RULES)).size == (2576, 1)


@pytest.mark.parametrize("size", [(5120, 2880), (8064, 6048)])
def test_a_large_picture_whose_end_is_missing_is_shown_as_far_as_it_goes(
    size: tuple[int, int],
) -> None:
    file = read(png(*size, padding=limits.IMAGE_BYTES), RULES)
    assert max(opened(file).size) == 2576
    assert file.note.startswith(f"scaled down from {size[0]:,} x {size[1]:,} to 2,576 x ")
    assert file.note.endswith("; damaged: a part of it is missing")


def test_a_small_image_whose_end_is_missing_is_made_whole_or_named() -> None:
    file = read(png(200, 200)[:-40], RULES)
    assert opened(file).size == (200, 200)
    assert file.note == "damaged: a part of it is missing"
    photo = read(jpeg()[:-200], RULES)
    assert (opened(photo).format, photo.note) == ("JPEG", "damaged: a part of it is missing")


@pytest.mark.parametrize(
    ("form", "mode", "options", "note"),
    [
        ("BMP", "RGB", {}, "converted from BMP to PNG"),
        ("TIFF", "RGBA", {}, "converted from TIFF to PNG"),
        ("TIFF", "CMYK", {"compression": "tiff_lzw"}, "converted from TIFF to PNG"),
        ("TIFF", "1", {"compression": "packbits"}, "converted from TIFF to PNG"),
        ("TIFF", "RGB", {"compression": "jpeg"}, "converted from TIFF to PNG"),
        ("AVIF", "RGB", {}, "converted from AVIF to WEBP"),
    ],
)
def test_a_picture_that_models_do_not_take_is_converted(
    form: str, mode: str, options: dict[str, str], note: str
) -> None:
    file = read(saved(Image.new(mode, (60, 40)), form, **options), RULES)
    assert opened(file).size == (60, 40)
    assert file.note == note


def test_of_several_pictures_the_first_is_shown_and_said_to_be_it() -> None:
    red, blue = (Image.new("RGB", (9, 9), color) for color in ("red", "blue"))
    both = {"save_all": True, "append_images": [blue]}
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        file = read(saved(red, form, **both), RULES)
        assert file.note.endswith("only the first of its pictures is shown")
        pixel = opened(file).convert("RGB").getpixel((1, 1))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 200
    for form in ("GIF", "PNG", "WEBP", "TIFF", "MPO"):
        assert "pictures" not in read(saved(red, form), RULES).note
    assert read(saved(red, "MPO", **both), RULES).note == ""  # a depth map, a gain map


def test_a_picture_that_would_take_forever_or_all_memory_is_named() -> None:
    tags = {
        256: 9,
        257: 9,
        258: 8,
        259: 1,
        262: 1,
        277: 1,
        322: 60_000,
        323: 60_000,
        324: 8,
        325: 9,
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    tiff = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(100)
    rare = "it is packed in a rare way: send it as JPEG or PNG"
    assert read(tiff, RULES).why == rare
    assert read(saved(Image.new("1", (9, 9)), "TIFF", compression="group4"), RULES).why == rare
    packed = bytearray(saved(Image.new("P", (9, 9)), "BMP"))
    packed[30] = 1  # compressed
    assert read(bytes(packed), RULES).why == rare
    bitmap = bytearray(saved(Image.new("RGB", (9, 9)), "BMP"))
    bitmap[18:26] = (30_000).to_bytes(4, "little") * 2
    assert read(bytes(bitmap), RULES).why == "it has too many pixels: send a smaller copy"


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
    for size in (
        (8001, 8000),
        (20_000, 20_000),
    ):
        assert read(png(*size), RULES).why == "it has too many pixels: send a smaller copy"
    scans = jpeg(9000, 9) + b"\xff\xda" * 64
    assert read(scans, RULES).why == "it is packed in a rare way: send it as JPEG or PNG"
    assert (
        "about 1,296 tokens, and I can read 500" in read(png(1000, 1000), FileRules(tokens=500)).why
    )


def test_an_image_is_scaled_down_only_if_it_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMAGE_DECODED_BYTES", 100_000)
    assert opened(read(jpeg(9000, 9), RULES)).size == (2576, 3)
    for data in (jpeg(9000, 9, progressive=True), png(9000, 3), gif(9000, 2), webp(9000, 1)):
        assert read(data, RULES).why == "it has too many pixels: send a smaller copy"


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
    pages = "pages, and I can read 100: send a part of it"
    assert read(pdf(101), RULES).why == f"it has 101 {pages}"
    assert read(pdf(1_000), RULES).why == f"it has 1,000 {pages}"
    locked = read(pdf(extra=b"<< /Encrypt 5 0 R >>"), RULES)
    assert locked.why == "it is a PDF with a password: save it without one"
    cut = read(pdf(3)[:-9], RULES)
    assert cut.why == "it is a PDF whose end is missing: send it again"
    assert "about 92,000 tokens" in read(pdf(20), FileRules(tokens=50_000)).why


def test_a_pdf_may_have_something_before_it_but_a_text_about_pdfs_is_a_text() -> None:
    assert is_pdf(b"\r\n" + pdf())
    assert read(b"A PDF begins with %PDF-1.7, they say.", RULES).kind is FileKind.TEXT


def test_an_empty_file_is_named() -> None:
    for data in (b"", b" \n", codecs.BOM_UTF8):
        assert read(data, RULES).why == "it is empty"


def test_a_long_text_is_cut_where_a_character_ends() -> None:
    file = read("é".encode() * 1000, FileRules(tokens=500))
    assert len(file.text.encode()) == 1000
    assert file.why == "1,000 bytes more are not shown"
    assert set(file.text) == {"é"}


def test_a_file_that_is_too_large_whatever_it_is() -> None:
    why = read(b"x" * (limits.FILE_BYTES + 1), RULES).why
    assert why == "it is too large (20,971,521 bytes; I can read 20,971,520 bytes)"


def test_rules_of_a_model() -> None:
    large, small = rules_for("claude-sonnet-5-5", 900_000), rules_for("claude-haiku-4-5", 100_000)
    assert (large.image_tokens, large.pages, large.tokens) == (4_784, 600, 450_000)
    assert (small.image_tokens, small.pages, small.tokens) == (1_568, 100, 50_000)
    assert (large.image_pixels, small.image_pixels) == (2_576, 1_568)
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
