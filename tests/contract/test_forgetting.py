"""Forgetting a person everywhere, or a channel: every byte of every store is searched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import StoreUnavailableError
from core.domain.message import Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.ratings import GOOD, Opinion
from core.domain.session import Answer, Entry
from core.domain.settings import ScopeSettings
from core.removal.forgetting import Forgetting
from core.removal.left import SOMEONE, TAKEN_BACK
from core.store.values import AuditEvent
from tests.builders import OTHER, THREAD, begin, converse, finish, message, terms
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness

PERSON = Author(id="U0THEPERSON", name="Ottilie Quist")
WORDS = ("U0THEPERSON", "Ottilie", "zebra", "quagga", "okapi", "bongo", "gecko", "heron")
ALONE = ThreadKey("slack", "C1", "300.1")
ELSEWHERE = ThreadKey("slack", "C2", "400.1")


async def kept(harness: Harness) -> set[str]:
    """Return which of the person's words are kept anywhere, in whatever bytes."""
    parts = [k.encode() if isinstance(k, str) else k for k in await harness.everything()]
    return {word for word in WORDS if any(word.encode() in part for part in parts)}


def forgetting(store: Store) -> Forgetting:
    clock = ManualClock()
    clock.advance(5000)
    return Forgetting(store, clock)


async def said(harness: Harness, store: Store) -> None:
    """Have a person leave a trace of each kind: alone, in company, and where they never spoke."""
    work = await begin(store, 1, thread=ALONE, text="zebra", author=PERSON)
    await finish(store, work, text="zebra, you say")
    work = await begin(store, 2, text="quagga", author=PERSON)
    await finish(store, work, text="an okapi, Ottilie Quist")
    quote = Quote(kind=QuoteKind.REPLY, text="quagga", author="Ottilie Quist")
    work = await begin(store, 3, text="what did @Ottilie Quist say?", quotes=(quote,))
    await finish(store, work, text="quagga")
    work = await begin(store, 4, text="the plan of ours")
    await finish(store, work, text="the plan stands")
    (now,) = await store.revisions([THREAD])
    assert await store.compact(THREAD, covers=0, revision=now, to=2, text="gecko")
    pin = Pin(
        id="p1", kind=PinKind.WISH, text="bongo", author=PERSON, by=PERSON, said_at=1, pinned_at=2
    )
    assert await store.pin(THREAD, Kind.THREAD, pin, beside=(), ttl=10_000) == "pinned"
    changed = ScopeSettings().changed("recall", "off", by=PERSON.id, at=1.0)
    await store.set_thread(THREAD, Kind.THREAD, changed, ttl=10_000)
    await store.set_channel("slack", "C1", changed)
    await converse(store, 5, thread=OTHER)
    rated = next(each for each in await store.history(OTHER) if isinstance(each, Answer))
    opinion = Opinion(person=PERSON.id, at=3.0, value=GOOD, reason="heron")
    assert await store.rate(OTHER, rated.position, rated.turn, opinion)
    at = await harness.time()
    await store.audit(AuditEvent(id="a", what="export", by=PERSON.id, thread=THREAD, at=at))


async def test_nothing_of_a_person_is_left_anywhere(harness: Harness, store: Store) -> None:
    await said(harness, store)
    assert await kept(harness) == set(WORDS)
    assert await forgetting(store).person("slack", PERSON.id) == 2
    assert await kept(harness) == set()
    assert (await store.threads(person=PERSON.id)).threads == ()
    assert await store.history(ALONE) == ()
    (event,) = await store.audited()
    assert event.by == SOMEONE.id


async def test_others_keep_what_is_theirs(harness: Harness, store: Store) -> None:
    await said(harness, store)
    before = [*await store.history(OTHER)]
    await forgetting(store).person("slack", PERSON.id)
    log = await store.history(THREAD)
    texts = [record.text for record in log]
    assert texts == [
        "", TAKEN_BACK, "what did @someone say?", TAKEN_BACK, "the plan of ours", "the plan stands",
    ]  # fmt: skip
    assert [record.author.id for record in log if isinstance(record, Entry)][1:] == ["U1", "U1"]
    after = [
        replace(each, ratings=()) if isinstance(each, Answer) else each
        for each in await store.history(OTHER)
    ]
    assert [replace(each, ratings=()) if isinstance(each, Answer) else each for each in before] == (
        after
    )
    assert (await store.channel_settings("slack", "C1")).recall == "off"


async def test_it_may_be_repeated(harness: Harness, store: Store) -> None:
    await said(harness, store)
    await forgetting(store).person("slack", PERSON.id)
    log = await store.history(THREAD)
    assert await forgetting(store).person("slack", PERSON.id) == 0
    assert await store.history(THREAD) == log


@pytest.mark.parametrize("verb", ["redact", "amend", "unpin", "erase", "audit", "keep"])
async def test_what_was_interrupted_is_finished_by_a_repeat(
    harness: Harness, store: Store, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill right before the first use of each verb that it needs."""
    await said(harness, store)

    async def dies(*_: object, **__: object) -> None:
        raise StoreUnavailableError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store, verb, dies)
        with pytest.raises(StoreUnavailableError, match="killed"):
            await forgetting(store).person("slack", PERSON.id)
    await forgetting(store).person("slack", PERSON.id)
    assert await kept(harness) == set()


async def test_the_same_id_on_another_platform_is_another_person(store: Store) -> None:
    await store.accept(message(1, "zebra", author=PERSON), terms())
    assert await forgetting(store).person("discord", PERSON.id) == 0
    assert [record.text for record in await store.history(THREAD)] == ["zebra"]


async def test_a_channel_goes_with_its_settings_and_no_other(
    harness: Harness, store: Store
) -> None:
    await said(harness, store)
    await converse(store, 6, thread=ELSEWHERE)
    assert await forgetting(store).channel("slack", "C1") == 3
    assert [info.thread async for info in store.all_threads()] == [ELSEWHERE]
    assert await store.channel_settings("slack", "C1") == ScopeSettings()
    assert await kept(harness) == {"U0THEPERSON"}  # in the audit log: an admin's deed
