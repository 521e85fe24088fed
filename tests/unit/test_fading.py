"""Large files leave the window after a few turns; their names and their starts stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.message import Attachment, Kind
from core.memory.fading import DIGEST_TOKENS, FILE_TURNS, LARGE, faded
from core.memory.plan import plan, size_of, sizes_of
from core.memory.strategies.registry import strategy_named
from core.prompt.files import File, FileKind, unread
from core.prompt.prompt import reply_request
from tests.talk import RULER, SCENE, entry, session, turn, turns

if TYPE_CHECKING:
    from core.models.port import ModelRequest

LOG = Attachment(id="log", name="app.log", media_type="text/plain", size=124_000)
TEXT = File(kind=FileKind.TEXT, text="INFO request took 31 ms\n" * 5_000, size=120_000)
PDF = Attachment(id="pdf", name="plan.pdf", media_type="application/pdf", size=900_000)
BOOK = File(kind=FileKind.PDF, data=b"%PDF", tokens=90_000, pages=30, size=900_000)
CAT = Attachment(id="cat", name="cat.png", media_type="image/png", size=90_000)
IMAGE = File(kind=FileKind.IMAGE, data=b"PNG", tokens=1_500)


def request_after(count: int, sent: Attachment, file: File) -> ModelRequest:
    """Return the request that follows so many turns after the one with the file."""
    past = [turn(entry(0, "Look.", files=(sent,))), *turns(*"abcdefghi"[:count], start=1)]
    files = faded({sent.id: file}, past)
    talk = session(past, "And?")
    seen = plan(
        talk, strategy_named("hybrid"), budget=1_000_000, counter=RULER, fixed=0, files=files
    )
    return reply_request(seen, talk, SCENE, system="", model="m", max_tokens=9, files=files)


def test_a_large_text_is_in_a_few_further_requests_and_then_its_start_is() -> None:
    sizes = [len(request_after(n, LOG, TEXT).messages[0].text) for n in range(9)]
    assert [size > 100_000 for size in sizes] == [n < FILE_TURNS for n in range(9)]
    later = [request_after(n, LOG, TEXT).messages[0] for n in range(FILE_TURNS, 9)]
    assert len(set(later)) == 1  # the cache is lost once
    text = later[0].text
    assert "\nINFO request took 31 ms\n" in text
    assert 'name="app.log" type="text/plain" size="121 KB"' in text
    assert "only its start is shown by now, of 5,001 lines" in text


def test_a_large_document_is_only_named_then() -> None:
    kept = request_after(FILE_TURNS - 1, PDF, BOOK)
    assert len(kept.messages[0].media) == 1
    left = request_after(FILE_TURNS, PDF, BOOK)
    assert not left.has_media
    text = left.messages[0].text
    assert 'name="plan.pdf" type="application/pdf" size="879 KB" note="30 pages, it is no' in text


def test_what_is_small_or_could_not_be_read_stays_as_it_is() -> None:
    small = replace(TEXT, text="short")
    past = [turn(entry(0, "Look.", files=(LOG, CAT, PDF))), *turns(*"abcdefgh", start=1)]
    files = {"log": small, "cat": IMAGE, "pdf": unread("it is gone")}
    assert faded(files, past) is files
    assert faded({}, past) == {}


def test_many_small_files_of_one_turn_are_large_together() -> None:
    names = [f"f{n}" for n in range(4)]
    sent = tuple(replace(CAT, id=name) for name in names)
    past = [turn(entry(0, "Look.", files=sent)), *turns(*"abcd", start=1)]
    shown = faded(dict.fromkeys(names, IMAGE), past)
    assert {file.kind for file in shown.values()} == {FileKind.NAMED}
    assert 4 * IMAGE.tokens > LARGE > IMAGE.tokens


def test_a_file_that_was_sent_again_is_shown_again() -> None:
    past = [turn(entry(0, "Look.", files=(LOG,))), *turns(*"abcd", start=1)]
    again = [*past, turn(entry(5, "Look again.", files=(LOG,)))]
    assert faded({"log": TEXT}, again)["log"] is TEXT


def test_files_count_for_the_marks_unless_they_leave() -> None:
    plain, sent = turn(entry(0, "Look.")), turn(entry(0, "Look.", files=(LOG,)))
    table = turn(entry(0, "Look.", files=(replace(LOG, size=6_000),)))
    (bare, large, small) = sizes_of([plain, sent, table], Kind.DM, RULER)
    assert small - bare > 1_900
    assert bare < large < bare + DIGEST_TOKENS + 200
    assert size_of(sent, Kind.DM, RULER) > 40_000


def test_only_full_keeps_them() -> None:
    names = ("full", "window", "summary", "hybrid")
    assert [name for name in names if strategy_named(name).keeps_files] == ["full"]
