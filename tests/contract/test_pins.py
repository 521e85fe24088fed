"""pin, unpin: a text is kept word for word, until one of the things that remove it happens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.message import Author, Kind
from core.domain.pins import PIN_BYTES, PINS, PINS_BYTES, Pin, PinKind
from core.domain.session import Answer
from core.store.values import Outcome
from tests.builders import TERMS, THREAD, begin, converse, draft, finish, message

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Pinning
    from tests.contract.stores import Harness

ANN = Author(id="U1", name="Ann 🦊")
STRANGE = 'tea, "not" coffee\n\\n 🦊 </chat_pins> [1,2] \N{LINE SEPARATOR}{}'
TTL = 10_000.0


def a_pin(number: int = 1, **fields: object) -> Pin:
    made = Pin(
        id=f"p{number}",
        kind=PinKind.MESSAGE,
        text=f"text {number}",
        author=ANN,
        by=ANN,
        said_at=1000.25 + number,
        pinned_at=1700000000.1234567 + number,
        source=f"m{number}",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


async def put(store: Store, pin: Pin, *beside: str, kind: Kind = Kind.THREAD) -> Pinning:
    return await store.pin(THREAD, kind, pin, beside=beside, ttl=TTL)


async def pinned(store: Store) -> tuple[Pin, ...]:
    work = await store.peek(THREAD)
    return work.pins if work else ()


@pytest.mark.parametrize("kind", PinKind)
async def test_a_pin_is_kept_as_it_is_in_every_work(store: Store, kind: PinKind) -> None:
    app = Author(id="B1", name="Bo[t]", is_app=True)
    await converse(store, 1)
    first = a_pin(kind=kind, text=STRANGE, author=app, source="", edited_at=7.25)
    assert await put(store, first) == "pinned"
    assert await put(store, a_pin(2), "p1") == "pinned"
    work = await begin(store, 3)
    assert work.pins == await pinned(store) == (first, a_pin(2))
    claimed = await store.claim(THREAD, work.lease.token)
    assert claimed is not None
    assert claimed.pins == work.pins
    await store.accept(message(4), TERMS)
    done = draft(work.next - 1)
    assert isinstance(await store.commit(work.lease, work.revision, done), Answer)
    following = await store.settle(work.lease, Outcome.DONE)
    assert not isinstance(following, str)
    assert getattr(following, "pins", ()) == work.pins


async def test_a_retried_pin_is_there_once(store: Store) -> None:
    """A reply may be lost, so the same call comes again."""
    await converse(store, 1)
    for _ in range(2):
        assert await put(store, a_pin()) == "pinned"
    assert await put(store, a_pin(text="another text")) == "pinned"
    assert await pinned(store) == (a_pin(),)


async def test_of_two_callers_that_both_find_room_one_pins(store: Store, harness: Harness) -> None:
    await converse(store, 1)
    other = await harness.store()
    became = await asyncio.gather(put(store, a_pin(1)), put(other, a_pin(2)))
    assert sorted(became) == ["changed", "pinned"]
    (kept,) = await pinned(store)
    following = a_pin(2) if kept.id == "p1" else a_pin(1)
    assert await put(store, following, kept.id) == "pinned"
    assert await put(store, a_pin(3), kept.id) == "changed"


async def test_a_thread_holds_so_many_pins(store: Store) -> None:
    ids: list[str] = []
    for number in range(PINS):
        assert await put(store, a_pin(number), *ids) == "pinned"
        ids.append(f"p{number}")
    assert await put(store, a_pin(PINS), *ids) == "full"
    await store.unpin(THREAD, ("p0", "p7"))
    ids = [each for each in ids if each not in {"p0", "p7"}]
    assert [pin.id for pin in await pinned(store)] == ids
    assert await put(store, a_pin(PINS), *ids) == "pinned"


async def test_pins_are_bounded_in_bytes(store: Store) -> None:
    long, ids = "ä" * (PIN_BYTES // 2), list[str]()
    assert await put(store, a_pin(text=long + "ä")) == "full"
    for number in range(PINS_BYTES // PIN_BYTES):
        assert await put(store, a_pin(number, text=long), *ids) == "pinned"
        ids.append(f"p{number}")
    assert await put(store, a_pin(99, text="x"), *ids) == "full"


async def test_a_removed_pin_is_gone_and_may_come_again(store: Store, harness: Harness) -> None:
    await converse(store, 1)
    await put(store, a_pin(text="quagga"))
    for _ in range(2):
        await store.unpin(THREAD, ("p1", "p9"))
    assert await pinned(store) == ()
    assert not any(b"quagga" in part for part in map(_bytes, await harness.everything()))
    assert await put(store, a_pin()) == "pinned"
    await store.unpin(THREAD, ("p9",))
    assert await pinned(store) == (a_pin(),)


async def test_nothing_is_unpinned_in_a_thread_that_is_unknown(
    store: Store, harness: Harness
) -> None:
    await store.unpin(THREAD, ("p1",))
    assert await store.peek(THREAD) is None
    assert list(await harness.remains()) == []


async def test_a_pin_makes_a_thread_of_its_person(store: Store) -> None:
    assert await put(store, a_pin(), kind=Kind.DM) == "pinned"
    work = await store.peek(THREAD)
    assert work is not None
    assert (work.kind, work.people, work.pins) == (Kind.DM, 1, (a_pin(),))
    (info,) = (await store.threads(person=ANN.id)).threads
    assert info.thread == THREAD
    work = await begin(store, 1, kind=Kind.DM)
    assert work.pins == (a_pin(),)
    await finish(store, work)
    assert await pinned(store) == (a_pin(),)


async def test_the_one_who_pins_counts_as_taking_part(store: Store) -> None:
    await converse(store, 1)
    by = Author(id="U7", name="Bo")
    await put(store, a_pin(by=by))
    assert (await store.threads(person="U7")).threads
    work = await store.peek(THREAD)
    assert work is not None
    assert work.people == 2


async def test_a_pin_leaves_a_running_turn_alone(store: Store) -> None:
    work = await begin(store)
    await put(store, a_pin())
    assert await store.renew(work.lease, work.revision) == "ok"
    await store.unpin(THREAD, ("p1",))
    assert await finish(store, work) == "free"


# --- its message --------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
async def test_a_pin_goes_with_its_message(store: Store, *, stored: bool) -> None:
    """The message may be in the log, or not, as one that was a command."""
    number = 1 if stored else 5
    await converse(store, 1)
    await put(store, a_pin(9))
    await put(store, a_pin(number), "p9")
    names = (f"event{number}",)
    known = await store.amend(THREAD, f"m{number}", names, edited_at=1.0, text=None)
    assert known is stored
    assert await pinned(store) == (a_pin(9),)


async def test_a_pinned_message_takes_its_pin_along_when_nothing_is_left_of_it(
    store: Store,
) -> None:
    await converse(store, 1)
    await put(store, a_pin())
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="", attachments=())
    assert await pinned(store) == ()


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        (PinKind.MESSAGE, " remember the new text ", "remember the new text"),
        (PinKind.WISH, "remember: the new text", "the new text"),
        (PinKind.WISH, "what do you remember?", None),
        (PinKind.CORRECTION, "that's wrong: it is 5", "it is 5"),
        (PinKind.CORRECTION, "never mind", None),
        (PinKind.MESSAGE, "x" * (PIN_BYTES + 1), None),
    ],
)
async def test_a_pin_follows_the_edit_of_its_message(
    store: Store, kind: PinKind, text: str, kept: str | None
) -> None:
    await converse(store, 1)
    pin = a_pin(kind=kind, source="m5")
    await put(store, pin)
    for _ in range(2):
        assert not await store.amend(THREAD, "m5", ("x",), edited_at=2000.5, text=text)
    wanted = () if kept is None else (replace(pin, text=kept, edited_at=2000.5),)
    assert await pinned(store) == wanted
    await store.amend(THREAD, "m5", ("x",), edited_at=1999.0, text="remember an older edit")
    assert await pinned(store) == wanted


# --- the end ------------------------------------------------------------------------------------


async def test_nothing_is_left_of_pins_after_an_erase(store: Store, harness: Harness) -> None:
    await converse(store, 1)
    await put(store, a_pin(text="quagga", by=Author(id="UOKAPI", name="zebra")))
    await store.erase(THREAD, at=1500.0)
    kept = list(map(_bytes, await harness.everything()))
    assert not any(word in part for part in kept for word in (b"quagga", b"UOKAPI", b"zebra"))
    assert await store.peek(THREAD) is None


async def test_an_erase_during_a_turn_removes_pins(store: Store) -> None:
    work = await begin(store)
    await put(store, a_pin())
    await store.erase(THREAD, at=1500.0)
    assert await pinned(store) == ()
    assert await store.settle(work.lease, Outcome.CLEARED) == "free"
    assert await store.peek(THREAD) is None


async def test_a_pin_outlives_the_turn_in_which_its_thread_was_erased(store: Store) -> None:
    work = await begin(store)
    await store.erase(THREAD, at=1500.0)
    await put(store, a_pin())
    assert await store.settle(work.lease, Outcome.CLEARED) == "free"
    assert await pinned(store) == (a_pin(),)


async def test_a_reset_removes_the_pins_before_it_and_keeps_those_after(store: Store) -> None:
    await converse(store, 1)
    before, after = a_pin(1, pinned_at=1500.0), a_pin(2, pinned_at=1500.5)
    await put(store, before)
    await put(store, after, "p1")
    for _ in range(2):
        await store.erase(THREAD, at=1500.0, keep_log=True)
        assert await pinned(store) == (after,)


@pytest.mark.parametrize("keep_log", [True, False])
async def test_what_was_to_be_pinned_before_the_end_is_not(store: Store, *, keep_log: bool) -> None:
    """A platform may deliver the event again afterwards."""
    await converse(store, 1)
    await store.erase(THREAD, at=1500.0, keep_log=keep_log)
    assert await put(store, a_pin(pinned_at=1500.0)) == "gone"
    assert await pinned(store) == ()
    assert await put(store, a_pin(pinned_at=1500.001)) == "pinned"


async def test_pins_end_with_the_session(store: Store, harness: Harness) -> None:
    await converse(store, 1)
    await put(store, a_pin())
    await harness.advance(TTL + 1)
    assert await pinned(store) == ()
    work = await begin(store, 2)
    assert work.pins == ()


async def test_a_pin_extends_the_session(store: Store, harness: Harness) -> None:
    await converse(store, 1)
    await harness.advance(TTL - 100)
    await put(store, a_pin())
    await harness.advance(200)
    assert await pinned(store) == (a_pin(),)


def _bytes(part: str | bytes) -> bytes:
    return part.encode(errors="surrogatepass") if isinstance(part, str) else part
