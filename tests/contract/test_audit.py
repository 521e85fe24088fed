"""The audit log: what admins did is kept, in order, once each, for a year, through an erase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store import keys
from core.store.values import AuditEvent
from tests.builders import OTHER, THREAD, converse

if TYPE_CHECKING:
    import pytest

    from core.store.port import Store
    from tests.contract.stores import Harness


async def noted(harness: Harness, store: Store, *names: str, ago: float = 0) -> list[AuditEvent]:
    """Keep deeds done this long ago, a second between them; they are known by their ids."""
    at = await harness.time() - ago - len(names)
    deeds = [
        AuditEvent(id=name, what="export", by="U1", thread=THREAD, at=at + number)
        for number, name in enumerate(names)
    ]
    for deed in deeds:
        await store.audit(deed)
    return deeds


async def test_deeds_are_kept_as_they_were_and_oldest_first(harness: Harness, store: Store) -> None:
    now = await harness.time()
    forgot = AuditEvent(id="b", what="forget", by="Uübung", thread=OTHER, at=now + 0.125)
    took = AuditEvent(id="a", what="export", by="U1", thread=THREAD, at=now)
    await store.audit(forgot)
    await store.audit(took)
    other = await harness.store()
    assert await other.audited() == (took, forgot)


async def test_a_deed_that_is_kept_again_is_the_same(harness: Harness, store: Store) -> None:
    (deed,) = await noted(harness, store, "a")
    await store.audit(deed)
    assert await store.audited() == (deed,)


async def test_the_log_is_read_in_pages(harness: Harness, store: Store) -> None:
    deeds = await noted(harness, store, *"abcdefg")
    # Several at the very same time are told apart by their ids.
    deeds += [
        AuditEvent(id=i, what="export", by="U1", thread=THREAD, at=deeds[-1].at) for i in "hij"
    ]
    for deed in deeds[-3:]:
        await store.audit(deed)
    found: list[AuditEvent] = []
    while page := await store.audited(after=found[-1].name if found else "", limit=2):
        assert len(page) <= 2
        found += page
    assert found == deeds
    assert [event async for event in store.audit_events()] == deeds


async def test_an_erase_leaves_it(harness: Harness, store: Store) -> None:
    await converse(store, 1)
    deeds = await noted(harness, store, "a")
    await store.erase(THREAD, at=5000.0)
    assert list(await store.audited()) == deeds


async def test_after_a_year_a_deed_is_gone(harness: Harness, store: Store) -> None:
    await noted(harness, store, "theold", "theolder")
    await harness.advance(keys.AUDIT_SECONDS - 60)
    (young,) = await noted(harness, store, "young")
    assert len(await store.audited()) == 3
    await harness.advance(120)
    assert await store.audited() == (young,)
    assert await store.audited(limit=1) == (young,)
    (new,) = await noted(harness, store, "new")
    assert await store.audited() == (young, new)


async def test_what_is_too_much_goes_oldest_first(
    harness: Harness, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "AUDIT_LIMIT", 3)
    deeds = await noted(harness, store, *"abcde")
    assert list(await store.audited()) == deeds[2:]
