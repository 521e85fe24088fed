"""Who may export which conversations, of which days, and what is audited."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from core.commands.audit import EVERY, event_line
from core.commands.export import writing
from core.commands.export.exports import NOT_ADMIN, NOTHING, NOTHING_THEN
from core.commands.export.request import (
    ExportFormat,
    ExportOf,
    ExportRequest,
    Period,
    asked,
    requested,
)
from core.domain.clock import SystemClock
from core.domain.errors import DeniedError, PlatformError
from core.domain.message import Kind, ThreadKey
from core.store.local.store import LocalStore
from tests.builders import OTHER, THREAD, converse
from tests.unit.test_authorized import ELSEWHERE, Town, authorized, deeds

if TYPE_CHECKING:
    from core.commands.authorized import AuthorizedCommands
    from core.commands.export.writing import Progress

DM = ThreadKey("slack", "D9", "1")


class Workspace(Town):
    """A platform of several channels and one tenant, some of which some people don't see."""

    hidden: set[tuple[str, str]]

    def is_ours(self, thread: ThreadKey) -> bool:
        return not thread.channel.startswith("Other")

    def tenant(self, thread: ThreadKey) -> str:
        return "acme"

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        self.asked.append(thread)
        return (person, thread.channel) not in self.hidden


@pytest.fixture
def town() -> Workspace:
    town = Workspace(admins={"ROOT"})
    town.hidden = set()
    return town


@pytest.fixture
async def store() -> LocalStore:
    """Hold two threads of a channel, one of another, a DM, and one of another workspace."""
    store = LocalStore(SystemClock())
    await converse(store, 1, author="ANN")
    await converse(store, 2, author="BOB", thread=OTHER)
    await converse(store, 3, author="ANN", thread=ThreadKey("slack", "C2", "9"))
    await converse(store, 4, author="CAT", thread=DM, kind=Kind.DM)
    await converse(store, 5, author="ANN", thread=ELSEWHERE)
    return store


async def exported(
    made: AuthorizedCommands, person: str, of: ExportOf, period: Period | None = None
) -> Any:
    """Return the keys of the conversations that a person gets, and the file's text."""
    request = ExportRequest(form=ExportFormat.JSON, of=of, period=period or Period())
    async with made.exported(person, THREAD, request) as file:
        assert file.name == "conversations.json"
        text = file.read_text()
    return sorted(each["thread"] for each in json.loads(text)["conversations"])


async def test_mine_is_where_one_took_part_and_still_sees_it(
    town: Workspace, store: LocalStore
) -> None:
    made = authorized(town, store)
    assert await exported(made, "ANN", ExportOf.MINE) == ["slack:C1:100.1", "slack:C2:9"]
    assert await exported(made, "BOB", ExportOf.MINE) == ["slack:C1:200.1"]
    town.hidden.add(("ANN", "C2"))
    assert await exported(made, "ANN", ExportOf.MINE) == ["slack:C1:100.1"]
    for person in ("ROOT", "EVE"):
        with pytest.raises(DeniedError, match=NOTHING):
            await exported(made, person, ExportOf.MINE)
    assert await deeds(store) == []


@pytest.mark.parametrize("of", [ExportOf.CHANNEL, ExportOf.ALL])
async def test_only_admins_have_a_channel_or_everything(
    town: Workspace, store: LocalStore, of: ExportOf
) -> None:
    made = authorized(town, store, open_private=True, open_unseen=True)
    for person in ("ANN", "EVE", ""):
        with pytest.raises(DeniedError, match=NOT_ADMIN[of].split(".")[0]):
            await exported(made, person, of)
    town.admins.clear()  # a moment ago, ROOT was one
    with pytest.raises(DeniedError):
        await exported(made, "ROOT", of)
    assert await deeds(store) == []


async def test_admins_have_what_they_could_have_one_by_one_and_it_is_audited(
    town: Workspace, store: LocalStore
) -> None:
    town.private.add(DM)
    made = authorized(town, store)
    both = ["slack:C1:100.1", "slack:C1:200.1"]
    assert await exported(made, "ROOT", ExportOf.CHANNEL) == both
    assert await exported(made, "ROOT", ExportOf.ALL) == [*both, "slack:C2:9"]
    town.hidden.add(("ROOT", "C2"))
    assert await exported(made, "ROOT", ExportOf.ALL) == both
    opened = authorized(town, store, open_private=True, open_unseen=True)
    assert await exported(opened, "ROOT", ExportOf.ALL) == [*both, "slack:C2:9", "slack:D9:1"]
    found = await store.audited()
    assert [(d.what, d.by, d.thread.channel, d.thread.thread) for d in found] == [
        ("export", "ROOT", "C1", EVERY),
        *[("export", "ROOT", "acme", EVERY)] * 3,
    ]
    line = json.loads(event_line(found[0]))
    assert (line["all_of"], line["by"]) == ("slack:C1", "ROOT")


async def test_to_have_taken_part_in_one_group_conversation_opens_no_other(
    town: Workspace, store: LocalStore
) -> None:
    """An admin is in a group's direct messages; they took part in one conversation there."""
    group = [ThreadKey("slack", "G1", str(number)) for number in range(3)]
    for number, thread in enumerate(group):
        author = "ROOT" if number == 1 else "ANN"
        await converse(store, 10 + number, author=author, thread=thread, kind=Kind.GROUP)
        town.private.add(thread)
    town.private.add(DM)
    made = authorized(town, store)
    found = await exported(made, "ROOT", ExportOf.ALL)
    assert [key for key in found if ":G1:" in key] == ["slack:G1:1"]


async def test_an_admin_elsewhere_or_to_whom_the_bot_does_not_listen_gets_nothing(
    town: Workspace, store: LocalStore
) -> None:
    made = authorized(town, store, open_private=True, open_unseen=True)
    request = ExportRequest(of=ExportOf.ALL)
    with pytest.raises(DeniedError):
        async with made.exported("ROOT", ELSEWHERE, request):
            pass
    town.denied.add("ROOT")
    for of in (ExportOf.MINE, ExportOf.CHANNEL, ExportOf.ALL):
        with pytest.raises(DeniedError):
            await exported(made, "ROOT", of)
    assert await deeds(store) == []


async def test_days_are_of_the_peoples_zone_and_both_are_included(
    town: Workspace, store: LocalStore
) -> None:
    made = authorized(town, store)
    day = date(1970, 1, 1)  # when the tests' messages were sent, by the platform
    assert await exported(made, "ROOT", ExportOf.CHANNEL, Period(day))
    before = date(1969, 12, 31)
    for period in (Period(date(2999, 1, 1)), Period(None, before)):
        with pytest.raises(DeniedError, match=NOTHING_THEN):
            await exported(made, "ROOT", ExportOf.ALL, period)
    await converse(store, 6, author="ANN", thread=OTHER, sent_at=86_400.0 * 3)
    found = await exported(made, "ROOT", ExportOf.ALL, Period(date(1970, 1, 4), date(1970, 1, 4)))
    assert found == ["slack:C1:200.1"]  # of the others, nothing was said on that day
    request = ExportRequest(period=Period(date(2999, 1, 1)))
    with pytest.raises(DeniedError, match=NOTHING_THEN):
        async with made.exported("ANN", THREAD, request):
            pass


async def test_times_and_days_are_of_the_zone_of_the_person_who_asks(
    town: Workspace, store: LocalStore
) -> None:
    town.zones["ANN"] = ZoneInfo("America/New_York")
    made = authorized(town, store)
    evening = ExportRequest(period=Period(None, date(1969, 12, 31)))
    async with made.exported("ANN", THREAD, evening) as file:
        text = file.read_text()
    assert "(America/New\\_York). Only what was said until 00:00 on 1 January 1970." in text
    assert "\n## Wednesday, 31 December 1969\n\n**Name of ANN**" in text
    with pytest.raises(DeniedError, match=NOTHING_THEN):
        async with made.exported("ROOT", THREAD, evening):
            pass


async def test_a_zip_has_both_documents_with_names_and_links(
    town: Workspace, store: LocalStore
) -> None:
    made = authorized(town, store)
    request = ExportRequest(form=ExportFormat.ZIP, of=ExportOf.MINE)
    async with made.exported("ANN", THREAD, request) as file:
        with zipfile.ZipFile(file) as packed:
            assert packed.namelist() == ["conversations.md", "conversations.json"]
            markdown = packed.read("conversations.md").decode()
            document = json.loads(packed.read("conversations.json"))
    assert [each["name"] for each in document["conversations"]] == ["#C1", "#C2"]
    assert markdown.startswith("# #C1\n\nExported from **#C1** at ")
    assert "\n\n\n# #C2\n\n" in markdown
    assert "· [00:16](https://town.example/m1)" in markdown
    assert not file.parent.exists()


async def test_progress_is_reported_and_its_failure_stops_nothing(
    town: Workspace, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "EVERY", 0.0)
    await converse(store, *range(10, 120), author="ANN")
    told: list[str] = []

    async def tell(progress: Progress) -> None:
        told.append(str(progress))
        raise PlatformError("the platform is away")

    request = ExportRequest(of=ExportOf.MINE)
    async with authorized(town, store).exported("ANN", THREAD, request, tell) as file:
        assert file.stat().st_size
    assert told[0] == "1 conversation, 100 messages and answers"
    assert len(told) == 2


async def test_a_long_export_takes_no_more_memory_than_a_short_one(
    town: Workspace, store: LocalStore
) -> None:
    made, peaks = authorized(town, store), []
    request = ExportRequest(form=ExportFormat.ZIP, of=ExportOf.MINE)
    for numbers in (range(10, 40), range(40, 1040)):
        await converse(store, *numbers, author="ANN", text="word " * 400)
        tracemalloc.start()
        async with made.exported("ANN", THREAD, request) as file:
            assert file.stat().st_size
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 3_000_000  # the texts have 2 MB, in two documents


def test_words_say_what_to_export() -> None:
    day, later = date(2026, 11, 1), date(2026, 11, 30)
    json_, zip_ = ExportFormat.JSON, ExportFormat.ZIP
    for text, wanted in {
        "": ExportRequest(),
        "all of mine as json": ExportRequest(of=ExportOf.MINE, form=json_),
        "ZIP mine since 2026-11-01": ExportRequest(of=ExportOf.MINE, form=zip_, period=Period(day)),
        "channel from 2026-11-01 to 2026-11-30": ExportRequest(
            of=ExportOf.CHANNEL, period=Period(day, later)
        ),
        "until 2026-11-30 all": ExportRequest(of=ExportOf.ALL, period=Period(None, later)),
    }.items():
        assert asked(text.split()) == wanted
        assert asked(str(wanted).split()) == wanted
    for text in (
        *("mine mine", "md json", "since", "since yesterday", "since 2026-13-01", "everything"),
        *("since 2026-11-30 until 2026-11-01", "mine all", "until 2026-02-30", "x " * 20),
        *("since 2026-11-01 since 2026-11-02", "from 2026-11-01 since 2026-11-02"),
    ):
        assert asked(text.split()) is None, text
    assert requested("mine", "zip", " 2026-11-01 ", "") == ExportRequest(
        of=ExportOf.MINE, form=zip_, period=Period(day)
    )
    assert requested("mine", "zip", "2026-11-01 all", "") is None
    assert requested("x", "zip", "", "") is None
