"""What is as large as it may be fits in DynamoDB's items and transactions."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.limits import ATTACHMENTS, MESSAGE_BYTES
from core.domain.message import Attachment, Author
from core.domain.session import Answer, Entry
from core.store.values import Outcome
from tests.builders import THREAD, begin, draft, message, terms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.dynamodb import DynamoStore


def dense(bytes_: int) -> str:
    """Return a text of which three quarters are left when it is compressed."""
    chance = random.Random(3)
    return "".join(chance.choices(string.ascii_letters + string.digits, k=bytes_))


async def test_the_largest_message_answer_and_summary_fit(
    opened: Callable[..., Awaitable[DynamoStore]],
) -> None:
    """DynamoDB keeps 400 KB in an item; an answer of 128,000 tokens may have more."""
    first, second = await opened(), await opened()
    files = tuple(
        Attachment(id=f"F{n}" * 50, name="\x01" * 255, media_type="a/b", size=n)
        for n in range(ATTACHMENTS)
    )
    told = message(1, "\x01" * MESSAGE_BYTES, attachments=files)
    assert (await first.accept(told, terms())).new
    work = await second.claim(THREAD, "mine")
    assert work is not None
    assert [record.text for record in work.records] == [told.text]
    answer = dense(500_000)
    done = draft(0, answer)
    assert isinstance(await second.commit(work.lease, work.revision, done), Answer)
    assert await second.settle(work.lease, Outcome.DONE, posted=("p",)) == "free"
    assert await first.compact(THREAD, covers=0, revision=work.revision, to=1, text=answer)
    assert [record.text for record in await first.history(THREAD)] == [told.text, answer]
    seen = await second.peek(THREAD)
    assert seen is not None
    assert seen.summary.text == answer


async def test_a_thread_of_the_largest_records_is_moved(
    opened: Callable[..., Awaitable[DynamoStore]],
) -> None:
    """A transaction takes 4 MB."""
    store = await opened()
    author = Author(id="U1", name="Ann")
    entries = [
        Entry(
            position=n, id=f"m{n}", author=author, text="\x01" * MESSAGE_BYTES, sent_at=1000.0 + n
        )
        for n in range(25)
    ]
    await begin(store, 0)
    dump = await store.dump(THREAD)
    assert dump is not None
    header = replace(dump.header, next=25, head=25, waiting=0, turn=None, token="", due_at=None)
    people = tuple(f"U{n}" for n in range(45))
    whole = replace(dump, header=header, people=people)
    await store.load(THREAD, entries, first=True, dump=whole)
    assert await store.history(THREAD) == tuple(entries)
    again = await store.dump(THREAD)
    assert again is not None
    assert again.people == tuple(sorted(people))
