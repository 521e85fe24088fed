"""Whatever bytes people send as a file: reading never fails, and never goes over its bounds."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from core import limits
from core.files import FileKind, Rules, decoded, fitted, read
from core.images import dimensions, image_type
from tests.paper import CSV, GIF, jpeg, pdf, png, webp

WHOLE = (
    png(), jpeg(), GIF, webp(5, 5), webp(5, 5, b"VP8L"), webp(5, 5, b"VP8 "), pdf(3),
    pdf(3, packed=True), CSV, b"\xff\xfe", b"\xef\xbb\xbf", b"\0\0\xfe\xff",
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a file that was cut, or in which something was overwritten."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=40))


BYTES = st.binary(max_size=200) | damaged() | st.text(max_size=60).map(lambda s: s.encode("utf-8"))


@given(BYTES, st.integers(1, 20_000))
@example(b"%PDF-" + b"/Type /ObjStm stream\n" * 50, 100)
def test_reading_never_fails_and_keeps_its_bounds(data: bytes, room: int) -> None:
    rules = Rules(tokens=room)
    file = read(data, rules)
    assert file == read(data, rules)
    assert file.tokens <= room
    assert len(file.text.encode()) <= rules.text_bytes
    assert file.pages <= rules.pages
    if file.is_media:
        assert file.data == data
        assert file.tokens > 0
    else:
        assert not file.data
        assert file.text or file.why


@given(BYTES)
def test_text_is_whole_and_holds_nothing_that_a_store_or_an_api_refuses(data: bytes) -> None:
    text = decoded(data)
    if text is not None:
        assert "\0" not in text
        text.encode()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100))
def test_text_in_utf8_comes_back_as_it_was(text: str) -> None:
    if not text.startswith("\ufeff"):
        assert decoded(text.encode()) == text


@given(BYTES)
def test_an_image_has_a_size_or_none(data: bytes) -> None:
    kind = image_type(data)
    if kind is not None:
        width, height = dimensions(data, kind)
        assert (width > 0) == (height > 0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), damaged()), max_size=30))
def test_what_fits_fits(files: list[tuple[str, bytes]]) -> None:
    rules = Rules(pages=5)
    kept = fitted(((key, read(data, rules)) for key, data in files), rules).values()
    assert sum(file.pages for file in kept) <= rules.pages
    assert sum(file.kind is FileKind.IMAGE for file in kept) <= limits.IMAGES
