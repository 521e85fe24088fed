"""Quotes: what people see with a message is kept, edited and deleted with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.message import Attachment, Author, Quote, QuoteKind
from core.domain.session import AnswerKind, Entry, Status
from core.store.values import Outcome
from tests.builders import THREAD, begin, converse, draft, message, terms

if TYPE_CHECKING:
    from core.store.port import Store

FORWARD = Quote(
    kind=QuoteKind.FORWARD,
    text="deploy at 5 \N{FOX FACE} 'x' \"y\" \\ \n <chat_message>",
    author='Ann "A"',
    place="#ops",
    sent_at=1700000000.1234567,
    cut=12,
)
REPLY = Quote(kind=QuoteKind.REPLY, text="Noted.", by_bot=True)
TITLE = Quote(kind=QuoteKind.TITLE, text="")
QUOTES = (FORWARD, REPLY, TITLE)
FILE = Attachment(id="F1", name="a.png", media_type="image/png", size=7)
APP = Author(id="B1", name="Alerts", is_app=True)


async def entries(store: Store) -> list[Entry]:
    return [record for record in await store.history(THREAD) if isinstance(record, Entry)]


async def amended(
    store: Store, stamp: float, text: str | None, quotes: tuple[Quote, ...] | None
) -> Entry:
    await store.amend(THREAD, "m1", ("event1",), edited_at=stamp, text=text, quotes=quotes)
    return (await entries(store))[0]


async def test_quotes_are_kept_as_they_were_seen(store: Store) -> None:
    await store.accept(message(1, author=APP, quotes=QUOTES), terms())
    await store.accept(message(2, quotes=QUOTES, attachments=(FILE,)), terms())
    await store.accept(message(3, author=APP), terms())
    await store.accept(message(4), terms())
    one, two, three, four = await entries(store)
    assert [one.quotes, two.quotes, three.quotes, four.quotes] == [QUOTES, QUOTES, (), ()]
    assert [one.author, two.author.is_app, three.author] == [APP, False, APP]
    assert (two.attachments, one.attachments) == ((FILE,), ())


async def test_an_edit_replaces_quotes_or_keeps_them(store: Store) -> None:
    await store.accept(message(1, author=APP, quotes=QUOTES), terms())
    assert (await amended(store, 1, "new", None)).quotes == QUOTES
    assert (await amended(store, 2, "new", QUOTES[1:])).quotes == QUOTES[1:]
    assert (await amended(store, 1.5, "old", ())).quotes == QUOTES[1:]
    assert (await amended(store, 3, "new", ())).quotes == ()
    last = await amended(store, 4, "new", QUOTES)
    assert (last.quotes, last.author, last.edited_at) == (QUOTES, APP, 4)


async def test_an_edit_may_bring_the_first_quote(store: Store) -> None:
    """As a platform does, which shows a link a moment after its message."""
    await store.accept(message(1), terms())
    found = await amended(store, 1, "look", QUOTES)
    assert (found.quotes, found.attachments, found.lost_file) == (QUOTES, (), False)


async def test_a_message_of_quotes_alone_says_something(store: Store) -> None:
    """An edit deletes only what says nothing: no text, no file, no quote."""
    await store.accept(message(1, quotes=QUOTES), terms())
    given = {"edited_at": 1.0, "text": "", "attachments": ()}
    await store.amend(THREAD, "m1", ("event1",), **given)  # type: ignore[arg-type]
    (entry,) = await entries(store)
    assert (entry.status, entry.quotes) == (Status.ADDRESSED, QUOTES)
    given |= {"edited_at": 2.0, "quotes": ()}
    await store.amend(THREAD, "m1", ("event1",), **given)  # type: ignore[arg-type]
    (entry,) = await entries(store)
    assert (entry.status, entry.quotes) == (Status.DELETED, ())


async def test_a_deletion_leaves_no_quote(store: Store) -> None:
    await store.accept(message(1, quotes=QUOTES), terms())
    found = await amended(store, 1, None, None)
    assert (found.text, found.quotes, found.status) == ("", (), Status.DELETED)


async def test_quotes_stay_with_a_copy_that_is_requeued(store: Store) -> None:
    work = await begin(store, 1, author=APP, quotes=QUOTES)
    await store.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await store.settle(work.lease, Outcome.DONE)
    assert await store.requeue(THREAD, 0)
    _, copy = await entries(store)
    assert (copy.quotes, copy.author, copy.requeued_from) == (QUOTES, APP, "m1")


async def test_a_changed_quote_makes_the_summary_stale(store: Store) -> None:
    await converse(store, 1, 2)
    work = await store.peek(THREAD)
    assert work is not None
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    await amended(store, 2000, "text 1", QUOTES)
    work = await store.peek(THREAD)
    assert work is not None
    assert (work.summary.stale, work.summary.text) == (True, "so far")
