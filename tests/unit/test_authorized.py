"""Who may have what done with a thread, and what is audited: on a platform that a test plays."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_HEARD, NOT_MEMBER, AuthorizedCommands
from core.commands.commands import FORGOTTEN, Commands
from core.commands.export.request import ExportFormat
from core.commands.pins import PINNED, UNPINNED, Saying, new_pin
from core.domain.clock import SystemClock
from core.domain.errors import DeniedError, StoreUnavailableError
from core.domain.message import Author, Kind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.session import Entry
from core.memory.memory import Memory
from core.memory.tokens import counter_for
from core.store.local.store import LocalStore
from tests.builders import OTHER, THREAD, converse

if TYPE_CHECKING:
    from datetime import tzinfo

    from core.store.values import AuditEvent

ELSEWHERE = ThreadKey("slack", "Other:C1", "1")


@dataclass
class Town:
    """A platform on which everybody sees everything, but who left."""

    name: str = "slack"
    admins: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    private: set[ThreadKey] = field(default_factory=set)
    """Direct messages."""
    zones: dict[str, tzinfo] = field(default_factory=dict)
    managers: set[str] = field(default_factory=set)
    public: bool = False
    asked: list[ThreadKey] = field(default_factory=list)

    def is_ours(self, thread: ThreadKey) -> bool:
        return thread.channel == THREAD.channel

    async def is_direct(self, thread: ThreadKey) -> bool:
        return thread in self.private

    async def listens_to(self, person: str, thread: ThreadKey) -> bool:
        return person not in self.denied

    async def may_enter(self, person: str, thread: ThreadKey) -> bool:
        return self.public

    def tenant(self, thread: ThreadKey) -> str:
        return thread.channel

    def scope(self, thread: ThreadKey) -> str:
        return thread.channel

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        self.asked.append(thread)
        return person not in self.left

    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        return person in self.admins

    async def manages(self, person: str, thread: ThreadKey) -> bool:
        return person in self.managers

    async def name_of(self, person: str, thread: ThreadKey) -> str:
        return f"Name of {person}"

    async def place_of(self, thread: ThreadKey) -> str:
        return f"#{thread.channel}"

    async def zone_of(self, person: str) -> tzinfo | None:
        return self.zones.get(person)

    def link_to(self, thread: ThreadKey, message: str) -> str:
        return f"https://town.example/{message}"


@pytest.fixture
def town() -> Town:
    return Town(admins={"ROOT"})


@pytest.fixture
def store() -> LocalStore:
    return LocalStore(SystemClock())


def authorized(
    town: Town, store: LocalStore, *, open_private: bool = False, open_unseen: bool = False
) -> AuthorizedCommands:
    clock = SystemClock()
    memory = Memory(counter=counter_for("offline", rank_file=None), budget=4000)
    commands = Commands(store, memory, clock, system="Be kind.", ttl=lambda _: 9999)
    return AuthorizedCommands(
        town, store, commands, clock, open_private=open_private, open_unseen=open_unseen
    )


async def exported(
    authorized: AuthorizedCommands, person: str, thread: ThreadKey = THREAD
) -> list[str]:
    """Return what a person gets."""
    async with authorized.exported(person, thread, ExportFormat.JSON) as file:
        assert file.name == "conversation.json"
        found = json.loads(file.read_text())
    assert not file.exists(), "nothing of it is left behind"
    return [record["text"] for record in found["records"]]


async def deeds(store: LocalStore) -> list[tuple[str, str, ThreadKey]]:
    return [(deed.what, deed.by, deed.thread) for deed in await store.audited()]


async def test_an_export_is_for_who_took_part_and_sees_it(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    assert await exported(authorized(town, store), "ANN") == ["text 1", "answer 1"]
    for person, thread in (("EVE", THREAD), ("ANN", OTHER), ("ROOT", ELSEWHERE)):
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await exported(authorized(town, store), person, thread)
    town.left.add("ANN")
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await exported(authorized(town, store), "ANN")
    assert await deeds(store) == []


async def test_what_admins_take_is_kept_before_they_have_it(
    town: Town, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await converse(store, 1, author="ANN")
    assert await exported(authorized(town, store), "ROOT")
    assert await deeds(store) == [("export", "ROOT", THREAD)]
    with pytest.raises(DeniedError, match="no conversation"):
        await exported(authorized(town, store), "ROOT", OTHER)
    town.private.add(THREAD)
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await exported(authorized(town, store), "ROOT")
    assert await exported(authorized(town, store, open_private=True), "ROOT")
    assert len(await deeds(store)) == 2

    async def away(deed: AuditEvent) -> None:
        raise StoreUnavailableError(deed.by)

    monkeypatch.setattr(store, "audit", away)
    with pytest.raises(StoreUnavailableError):
        await exported(authorized(town, store, open_private=True), "ROOT")


async def test_an_admin_whom_the_platform_shows_nothing_gets_nothing(
    town: Town, store: LocalStore
) -> None:
    await converse(store, 1, author="ANN")
    town.left.add("ROOT")
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await exported(authorized(town, store), "ROOT")
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await authorized(town, store).forget("ROOT", THREAD, "whole")
    assert await deeds(store) == []
    assert await exported(authorized(town, store, open_unseen=True), "ROOT")
    town.public = True
    assert await exported(authorized(town, store), "ROOT")
    assert len(await deeds(store)) == 2


async def test_what_kind_a_thread_is_is_asked_and_not_remembered(
    town: Town, store: LocalStore
) -> None:
    """The store says that it is a channel's; and the other way round."""
    await converse(store, 1, author="ANN", kind=Kind.THREAD)
    town.private.add(THREAD)
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await exported(authorized(town, store, open_unseen=True), "ROOT")
    await converse(store, 2, author="ANN", thread=OTHER, kind=Kind.GROUP)
    assert await exported(authorized(town, store), "ROOT", OTHER)


async def test_to_whom_the_bot_does_not_listen_it_does_nothing(
    town: Town, store: LocalStore
) -> None:
    await converse(store, 1, author="ANN")
    town.denied |= {"ANN", "ROOT"}
    made = authorized(town, store, open_private=True, open_unseen=True)
    for person in ("ANN", "ROOT"):
        with pytest.raises(DeniedError, match=NOT_HEARD):
            await exported(made, person)
        for job in (
            made.remembered(person, THREAD),
            made.may_forget(person, THREAD),
            made.forget(person, THREAD, "own"),
            made.forget(person, THREAD, "whole"),
            made.reset(person, THREAD),
            made.stats(person, THREAD),
        ):
            with pytest.raises(DeniedError, match=NOT_HEARD):
                await job
        assert await made.threads(person) == []
    assert len(await store.history(THREAD)) == 2
    assert town.asked == []
    assert await deeds(store) == []


def a_pin(person: str, text: str = "tea") -> Pin:
    said = Saying(text=text, author=Author(id=person, name=person), at=5)
    return new_pin(PinKind.WISH, said, said.author, at=5, key=text)


async def test_who_took_part_and_sees_it_pins_and_unpins(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    made = authorized(town, store)
    assert await made.pin(THREAD, a_pin("ANN")) == PINNED
    for person in ("EVE", "ROOT"):
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await made.pin(THREAD, a_pin(person, "coffee"))
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await made.unpin(person, THREAD, "1")
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await made.pin_message(Author(id=person, name=person), THREAD, "m1", at=6)
    assert await made.pin_message(Author(id="ANN", name="Ann"), THREAD, "m1", at=6) == PINNED
    memory = await made.remembered("ANN", THREAD)
    assert [pin.text for pin, _ in memory.pins] == ["tea", "text 1"]
    with pytest.raises(DeniedError, match="That message is gone"):
        await made.pin_message(Author(id="ANN", name="Ann"), THREAD, "m7", at=6)
    town.left.add("ANN")
    for asked in (made.pin(THREAD, a_pin("ANN", "coffee")), made.unpin("ANN", THREAD, "1")):
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await asked
    town.left.clear()
    assert await made.unpin("ANN", THREAD, "1") == UNPINNED
    assert await deeds(store) == []


async def test_what_is_new_begins_with_a_pin_only_in_a_direct_message(
    town: Town, store: LocalStore
) -> None:
    made = authorized(town, store)
    with pytest.raises(DeniedError, match="I have no conversation there"):
        await made.pin(THREAD, a_pin("ANN"))
    town.private.add(THREAD)
    assert await made.pin(THREAD, a_pin("ANN")) == PINNED
    assert await made.pin(THREAD, a_pin("ANN", "coffee")) == PINNED
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await made.pin(THREAD, a_pin("EVE", "water"))
    town.denied.add("ANN")
    with pytest.raises(DeniedError, match=NOT_HEARD):
        await made.pin(THREAD, a_pin("ANN", "water"))


async def test_what_is_remembered_is_not_for_admins(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    assert any(
        "text 1" in line for line in (await authorized(town, store).remembered("ANN", THREAD)).lines
    )
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await authorized(town, store).remembered("ROOT", THREAD)


async def test_alone_one_forgets_a_whole_thread(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    assert await authorized(town, store).may_forget("ANN", THREAD) == "whole"
    assert "everything" in await authorized(town, store).forget("ANN", THREAD, "whole")
    assert await store.history(THREAD) == ()
    assert await deeds(store) == []


async def test_among_others_one_forgets_ones_own(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="BOB")
    assert await authorized(town, store).may_forget("ANN", THREAD) == "own"
    with pytest.raises(DeniedError, match="since you asked"):
        await authorized(town, store).forget("ANN", THREAD, "whole")
    assert "1 message" in await authorized(town, store).forget("ANN", THREAD, "own")
    said = [r.text for r in await store.history(THREAD) if isinstance(r, Entry)]
    assert said == ["", "text 2"]
    for extent in ("own", "whole"):
        with pytest.raises(DeniedError, match=NOT_YOURS):
            await authorized(town, store).forget("EVE", THREAD, extent)
    assert await authorized(town, store).may_forget("ROOT", THREAD) == "whole"
    await authorized(town, store).forget("ROOT", THREAD, "whole")
    assert await store.history(THREAD) == ()
    assert await deeds(store) == [("forget", "ROOT", THREAD)]


async def test_one_message_is_forgotten_by_its_author_and_by_those_who_may_forget_all(
    town: Town, store: LocalStore
) -> None:
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="BOB")
    made = authorized(town, store)
    first, second = [r.position + 1 for r in await store.history(THREAD) if isinstance(r, Entry)]
    with pytest.raises(DeniedError, match="not your message"):
        await made.forget("ANN", THREAD, second)
    with pytest.raises(DeniedError, match="no message 99"):
        await made.forget("ANN", THREAD, 99)
    with pytest.raises(DeniedError, match=NOT_YOURS):
        await made.forget("EVE", THREAD, first)
    for _ in range(2):  # it may be repeated
        said = await made.forget("ANN", THREAD, first)
        assert said == FORGOTTEN.format(number=first)
    texts = [r.text for r in await store.history(THREAD) if isinstance(r, Entry)]
    assert texts == ["", "text 2"]
    assert await deeds(store) == []
    await made.forget("ROOT", THREAD, second)
    texts = [r.text for r in await store.history(THREAD) if isinstance(r, Entry)]
    assert texts == ["", ""]
    assert await deeds(store) == [("forget", "ROOT", THREAD)]


async def test_a_reset_is_announced_by_name_and_may_be_repeated(
    town: Town, store: LocalStore
) -> None:
    await converse(store, 1, author="ANN")
    line = await authorized(town, store).reset("ANN", THREAD, at=1001.5, seen=True)
    assert line.startswith("Name of ANN reset this conversation. I no longer")
    assert town.asked == [], "who says it in the thread sees it"
    await converse(store, 2, author="ANN")
    assert await authorized(town, store).reset("ANN", THREAD, at=1001.5) == line
    work = await store.peek(THREAD)
    assert work is not None
    assert (work.reset_position, work.head) == (1, 2)
    for person in ("EVE", "ROOT"):
        with pytest.raises(DeniedError, match=NOT_MEMBER):
            await authorized(town, store).reset(person, THREAD)


async def test_ones_threads_are_those_that_one_still_sees(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="ANN", thread=OTHER)
    await converse(store, 3, author="ANN", thread=ELSEWHERE)
    found = [info.thread for info in await authorized(town, store).threads("ANN")]
    assert found == [OTHER, THREAD]
    assert len(town.asked) == 1, "once for each scope"
    assert [info.thread for info in await authorized(town, store).threads("ANN", 1)] == [OTHER]
    town.left.add("ANN")
    assert await authorized(town, store).threads("ANN") == []


async def test_figures_are_those_of_the_circle_that_asks(town: Town, store: LocalStore) -> None:
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="EVE", thread=ELSEWHERE)
    assert (await authorized(town, store).stats("ANN", THREAD))[0] == "Conversations: 1"
    assert await authorized(town, store).stats("ANN", ELSEWHERE) == [
        "There are no conversations yet."
    ]
