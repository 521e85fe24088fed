"""What people see with a message: its limits, and how stored quotes are read."""

from __future__ import annotations

from dataclasses import replace

from core.delivery.port import target_of
from core.domain.limits import LABEL, QUOTE_BYTES, QUOTES, QUOTES_BYTES, UNREAD, refusal
from core.domain.message import Author, Quote, QuoteKind
from core.store import codec
from core.store.local.store import LocalStore
from core.store.redis import records
from tests.builders import OTHER, begin, message
from tests.clocks import ManualClock
from tests.talk import entry

CARD = Quote(kind=QuoteKind.CARD, text="up")
LONG = replace(CARD, text="\N{FOX FACE}" * 6000, author="\ud83e\udd8a\0" * 200, place="\udc00")


def test_quotes_are_cleaned_and_cut() -> None:
    (one,) = message(quotes=(LONG,)).quotes
    assert one.text == "\N{FOX FACE}" * (QUOTE_BYTES // 4)
    assert one.cut == 6000 - QUOTE_BYTES // 4
    assert one.author == ("\N{FOX FACE}\N{REPLACEMENT CHARACTER}" * 200)[:LABEL]
    assert one.place == "\N{REPLACEMENT CHARACTER}"


def test_all_quotes_of_a_message_have_a_limit_as_well() -> None:
    quotes = message(quotes=(LONG,) * 60).quotes
    assert len(quotes) == QUOTES
    assert sum(len(each.text.encode()) for each in quotes) <= QUOTES_BYTES
    assert sum(len(each.text) + each.cut for each in quotes) == 60 * 6000
    assert message(quotes=quotes).quotes == quotes, "what is cut stays as it is"


def test_a_quote_alone_says_something() -> None:
    said = message()
    assert refusal(replace(said, text=" ", quotes=(CARD,))) == ""
    assert refusal(replace(said, text=" ")) == UNREAD


def test_cleaning_a_name_keeps_that_it_is_an_apps() -> None:
    assert message(author=Author(id="B1", name="a\0", is_app=True)).author.is_app


def test_records_of_before_are_read() -> None:
    """They have no quotes, and their authors are people."""
    old = entry(3, "hello")
    assert '"quotes"' not in codec.dump(old)
    assert '"is_app"' not in codec.dump(old)
    assert codec.load_entry(codec.dump(old)) == old
    rows = (
        b'[["a",3,"1000.0","m3","Ann","Ann","hello"],["a",3,"1.5","m3","A","A","","2.5","",null]]'
    )
    first, second = records.load(rows)
    assert (first.quotes, second.quotes) == ((), ())  # type: ignore[union-attr]
    assert (first.author.is_app, second.edited_at) == (False, 2.5)  # type: ignore[union-attr]


def test_quotes_are_stored_without_what_they_do_not_say() -> None:
    quoted = replace(entry(3, ""), quotes=(CARD, Quote(kind=QuoteKind.REPLY, text="")))
    text = codec.dump(quoted)
    assert '"quotes":[{"kind":"card","text":"up"},{"kind":"reply","text":""}]' in text
    assert codec.load_entry(text) == quoted


async def test_a_title_is_made_of_what_a_message_shows_if_nobody_typed_a_word() -> None:
    store = LocalStore(ManualClock())
    lacking = Quote(kind=QuoteKind.MISSING, text="12 messages are missing.")
    typed = await begin(store, 1, quotes=(CARD,))
    assert target_of(typed).asked == "text 1"
    bare = await begin(store, 2, thread=OTHER, quotes=(lacking, CARD), text="\n")
    assert target_of(bare).asked == "up"
