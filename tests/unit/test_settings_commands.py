"""Who may see and change the settings of what, what they are told, and what is audited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from core.commands.audit import event_line
from core.commands.authorized import NOT_HEARD
from core.commands.parser import Command, Wanted, parse_command, wanted
from core.commands.settings.commands import SettingsCommands
from core.commands.settings.scoped import FieldsDeniedError, ScopedSettings
from core.domain.errors import DeniedError, StoreUnavailableError
from core.domain.message import Kind, ThreadKey
from core.domain.settings import FIELDS, NAMED, Change, Layers, Scope, ScopeSettings, server_channel
from core.memory.memory import Memory
from core.memory.tokens import counter_for
from core.store.local.store import LocalStore
from tests.builders import converse
from tests.clocks import ManualClock
from tests.unit.test_authorized import Town, authorized

if TYPE_CHECKING:
    from core.commands.settings.form import Form

HERE = ThreadKey("slack", "T1/C1", "100.1")


class Place(Town):
    """A town with one workspace."""

    def is_ours(self, thread: ThreadKey) -> bool:
        return thread.channel.startswith("T1/")


@dataclass
class Desk:
    """Settings in a place where ANN has talked, MAX manages the channel, and ROOT is an admin."""

    place: Place
    store: LocalStore
    commands: SettingsCommands

    async def run(self, person: str, words: str, thread: ThreadKey = HERE, **how: Any) -> str:
        given = wanted(words, slash=True)
        assert given is not None
        return await self.commands.run(person, thread, Kind.THREAD, given, **how)


@pytest.fixture
async def desk() -> Desk:
    clock = ManualClock(1_000_000.0)
    place = Place(admins={"ROOT"}, managers={"MAX"})
    store = LocalStore(clock)
    await converse(store, 1, author="ANN", thread=HERE)
    memory = Memory(counter=counter_for("offline", rank_file=None), budget=4000)
    settings = ScopedSettings(store=store, memory=memory, clock=clock, ttl=lambda _: 9999)
    return Desk(place, store, SettingsCommands(authorized(place, store), place, settings))


# --- rights ---------------------------------------------------------------------------------------

ALL = {Scope.THREAD, Scope.CHANNEL, Scope.SERVER}


@pytest.mark.parametrize(
    ("person", "scopes"),
    [
        ("ANN", {Scope.THREAD}),
        ("MAX", {Scope.CHANNEL}),
        ("ROOT", {Scope.CHANNEL, Scope.SERVER}),
        ("EVE", set()),
    ],
)
async def test_each_changes_the_settings_that_are_theirs(
    desk: Desk, person: str, scopes: set[Scope]
) -> None:
    for scope in ALL:
        words = f"{scope} recall off"
        if scope in scopes:
            assert "Recall of this" in await desk.run(person, words)
            assert (await desk.store.layers(HERE)).of(scope).recall == "off"
        else:
            with pytest.raises(DeniedError, match=r"can change|can only change"):
                await desk.run(person, words)
            assert (await desk.store.layers(HERE)).of(scope) == ScopeSettings()


async def test_rights_are_those_of_this_moment(desk: Desk) -> None:
    """A former admin, a former manager and a person who has left change nothing more."""
    for person, words in (("ROOT", "server"), ("MAX", "channel"), ("ANN", "thread")):
        await desk.run(person, f"{words} recall off")
    desk.place.admins.clear()
    desk.place.managers.clear()
    desk.place.left.add("ANN")
    before = await desk.store.layers(HERE)
    for person in ("ROOT", "MAX", "ANN"):
        for scope in ("server", "channel"):
            with pytest.raises(DeniedError):
                await desk.run(person, f"{scope} recall on")
    with pytest.raises(DeniedError):
        await desk.run("ANN", "thread recall on", in_thread=False)
    assert await desk.store.layers(HERE) == before


async def test_a_manager_who_no_longer_sees_the_channel_changes_nothing(desk: Desk) -> None:
    desk.place.left.add("MAX")
    with pytest.raises(DeniedError):
        await desk.run("MAX", "channel recall off")


async def test_a_guessed_place_is_nobodys(desk: Desk) -> None:
    for thread in (replace(HERE, channel="T2/C1"), replace(HERE, platform="discord")):
        for scope in ALL:
            with pytest.raises(DeniedError):
                await desk.run("ROOT", f"{scope} recall off", thread)
        assert await desk.store.layers(thread) == Layers()


async def test_those_the_bot_does_not_listen_to_neither_see_nor_change(desk: Desk) -> None:
    desk.place.denied |= {"ANN", "ROOT"}
    for words in ("", "channel recall off"):
        with pytest.raises(DeniedError, match=NOT_HEARD[:20]):
            await desk.run("ROOT", words)


async def test_a_direct_messages_settings_are_its_persons(desk: Desk) -> None:
    desk.place.private.add(HERE)
    await desk.run("ANN", "channel model claude-haiku-5-5")
    with pytest.raises(DeniedError):
        await desk.run("ANN", "workspace model claude-haiku-5-5")


async def test_beside_a_thread_no_thread_is_changed(desk: Desk) -> None:
    with pytest.raises(DeniedError, match="There is no thread here"):
        await desk.run("ANN", "thread recall off", in_thread=False)


async def test_instructions_are_not_for_threads(desk: Desk) -> None:
    """Whoever takes part in a thread could else replace those of its channel's managers."""
    with pytest.raises(DeniedError, match="hold for a channel or for everyone"):
        await desk.run("ANN", "thread instructions Be rude.")


# --- what is kept and said ------------------------------------------------------------------------


async def test_who_changed_what_and_when_is_kept_and_audited(desk: Desk) -> None:
    await desk.run("MAX", "channel instructions The code is 1234.")
    await desk.run("ROOT", "channel model claude-haiku-5-5")
    await desk.run("ANN", "thread memory window")
    await desk.run("ROOT", "channel model default")
    thread, channel, _ = await desk.store.layers(HERE)
    assert channel.instructions == "The code is 1234."
    assert channel.model == ""
    assert channel.changes == (
        Change(field="instructions", by="MAX", at=1_000_000.0),
        Change(field="model", by="ROOT", at=1_000_000.0),
    )
    assert (thread.strategy, thread.reach) == ("window", 40)
    audited = [(each.what, each.by, each.about) for each in await desk.store.audited()]
    assert sorted(audited) == [
        ("settings", "ANN", "thread strategy window"),
        ("settings", "MAX", "channel instructions (17 characters)"),
        ("settings", "ROOT", "channel model claude-haiku-5-5"),
        ("settings", "ROOT", "channel model default"),
    ]
    lines = [event_line(each) for each in await desk.store.audited()]
    assert not [line for line in lines if "1234" in line]
    assert all('"setting": ' in line for line in lines)


async def test_what_cannot_be_audited_is_not_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_event: object) -> None:
        raise StoreUnavailableError("down")

    monkeypatch.setattr(desk.store, "audit", down)
    with pytest.raises(StoreUnavailableError):
        await desk.run("ROOT", "channel recall off")
    assert await desk.store.layers(HERE) == Layers()


async def test_what_holds_is_shown_with_where_it_comes_from(desk: Desk) -> None:
    await desk.run("ROOT", "workspace model claude-haiku-5-5")
    await desk.run("MAX", "channel recall off")
    shown = await desk.run("EVE", "")
    assert "• Model: claude-haiku-5-5 (of this workspace, since 1970-01-12 13:46)" in shown
    assert "• Recall: off (of this channel, since" in shown
    assert "• Memory: hybrid\n" in shown
    assert all(f"`{word}`" in shown for word in NAMED)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("channel model gpt-5", "Model must be one of claude-"),
        ("channel high 5", "High mark must be a whole number from 200 to 1,000,000"),
        ("channel answer 1e9", "Answer length must be a whole number from 16"),
        ("channel memory forgetful", "Memory must be one of full, window, summary, hybrid"),
        (f"channel instructions {'x' * 2001}", "Instructions has 2,001 characters"),
    ],
)
async def test_what_does_not_fit_is_refused(desk: Desk, words: str, why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        await desk.run("ROOT", words)
    assert await desk.store.layers(HERE) == Layers()


async def test_quiet_is_a_setting_like_the_others(desk: Desk) -> None:
    await desk.run("ANN", "thread recall off")
    await desk.commands.mute("ANN", HERE, Kind.THREAD, muted=True)
    await desk.commands.mute("ANN", HERE, Kind.THREAD, muted=True)
    settings = await desk.store.thread_settings(HERE)
    assert (settings.muted, settings.recall) == (True, "off")
    assert len(await desk.store.audited()) == 2
    await desk.commands.mute("BEN", HERE, Kind.THREAD, muted=False)
    settings = await desk.store.thread_settings(HERE)
    assert (settings.muted, settings.recall) == (False, "off")
    assert server_channel(HERE.channel) == "T1/*"


# --- by a form ------------------------------------------------------------------------------------


async def form_of(desk: Desk, person: str, scope: Scope | None = None) -> Form:
    form = (await desk.commands.open(person, HERE, scope)).form
    assert form is not None
    return form


def keys(form: Form) -> dict[str, str]:
    return {each.field.name: each.key for each in form.items}


@pytest.mark.parametrize(
    ("person", "scopes"),
    [
        ("ANN", (Scope.THREAD,)),
        ("MAX", (Scope.CHANNEL,)),
        ("ROOT", (Scope.CHANNEL, Scope.SERVER)),
    ],
)
async def test_a_form_has_each_field_of_each_scope_that_is_theirs(
    desk: Desk, person: str, scopes: tuple[Scope, ...]
) -> None:
    assert (await form_of(desk, person)).scopes == scopes
    for scope in scopes:
        form = await form_of(desk, person, scope)
        fields = [each for each in FIELDS if scope in each.scopes]
        assert [each.field for each in form.items] == fields
        for most in (1, 2, 5, 99):
            pages = form.pages(most)
            assert [each.field for _, page in pages for each in page] == fields
            assert all(len(page) <= most for _, page in pages)
            assert len({title for title, _ in pages}) == len(pages)
    assert (await desk.commands.open("EVE", HERE)).form is None
    with pytest.raises(DeniedError):
        await desk.commands.open(person, HERE, next(each for each in ALL if each not in scopes))


def test_the_words_of_each_field_fit_where_platforms_show_them() -> None:
    for each in FIELDS:
        assert len(each.label) <= 45  # Discord's label
        assert len(each.about) <= 100  # and what stands below it


async def test_a_form_sets_only_what_was_changed_in_it(desk: Desk) -> None:
    await desk.run("MAX", "channel instructions Be kind.\nBe brief.")
    await desk.run("MAX", "channel high 3000")
    before = await desk.store.layers(HERE)
    form = await form_of(desk, "MAX")
    same = {each.key: each.value for each in form.items}
    same[keys(form)["instructions"]] = " Be kind.  \r\nBe brief.\r\n"  # as some clients send it
    same[keys(form)["recall"]] = "default"
    assert await desk.commands.submit("MAX", HERE, Scope.CHANNEL, same) == "Nothing was changed."
    assert await desk.store.layers(HERE) == before
    await desk.run("ROOT", "channel recall off")
    same[keys(form)["memory_high"]] = ""
    same[keys(form)["overhear"]] = "off"
    said = await desk.commands.submit("MAX", HERE, Scope.CHANNEL, same)
    assert said.splitlines()[0] == "High mark of this channel: as it is elsewhere."
    held = (await desk.store.layers(HERE)).channel
    assert (held.memory_high, held.overhear, held.recall) == (None, "off", "off")
    assert held.instructions == "Be kind.\nBe brief."


async def test_nothing_of_a_form_is_set_if_a_part_of_it_does_not_fit(desk: Desk) -> None:
    form = await form_of(desk, "MAX")
    await desk.run("ROOT", "channel recall off")
    named = keys(form)
    given = {named["recall"]: "on", named["memory_high"]: "7", named["overhear"]: "off"}
    with pytest.raises(FieldsDeniedError) as denied:
        await desk.commands.submit("MAX", HERE, Scope.CHANNEL, given)
    assert denied.value.errors == {
        "recall": "Recall was changed by someone else since you opened this. It is now: off. "
        "Open the settings again to change it.",
        "memory_high": "High mark must be a whole number from 200 to 1,000,000.",
    }
    assert (await desk.store.layers(HERE)).channel.overhear == ""


async def test_marks_that_would_cross_are_refused(desk: Desk) -> None:
    await desk.run("ROOT", "channel high 3000")
    with pytest.raises(DeniedError, match="Low mark must be below the high mark, which is 3,000"):
        await desk.run("ROOT", "channel low 3000")
    await desk.run("ROOT", "channel low 2000")
    with pytest.raises(DeniedError, match="High mark must be above the low mark, which is 2,000"):
        await desk.run("ROOT", "channel high 1000")
    await desk.run("ROOT", "workspace low 5000")  # the two of one scope belong together


async def test_what_holds_above_a_scope_is_shown_in_its_form(desk: Desk) -> None:
    await desk.run("ROOT", "workspace model claude-haiku-5-5")
    await desk.run("ROOT", "channel recall off")
    above = {each.field.name: each.as_above for each in (await form_of(desk, "ANN")).items}
    assert above["recall"] == "As above (off, of this channel)"
    assert above["model"] == "As above (claude-haiku-5-5, of this workspace)"
    assert above["strategy"] == "As above (hybrid)"
    above = {each.field.name: each.as_above for each in (await form_of(desk, "MAX")).items}
    assert above["model"] == "As above (claude-haiku-5-5, of this workspace)"
    assert above["recall"] == "As above (none)"  # this desk's environment says nothing of it


async def test_a_form_of_a_guessed_place_shows_and_changes_nothing(desk: Desk) -> None:
    dm = replace(HERE, thread="DM")
    desk.place.private.add(dm)
    desk.place.left.add("EVE")
    for thread in (replace(HERE, channel="T2/C1"), replace(HERE, platform="discord"), HERE, dm):
        with pytest.raises(DeniedError):
            await desk.commands.open("EVE", thread)
        for scope in ALL:
            with pytest.raises(DeniedError):
                await desk.commands.submit("EVE", thread, scope, {"recall:0": "off"})
    assert len(await desk.store.audited()) == 0


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("", Wanted(Scope.THREAD)),
        ("channel", Wanted(Scope.CHANNEL)),
        ("recall off", Wanted(Scope.THREAD, NAMED["recall"], "off")),
        ("Workspace Model claude-x", Wanted(Scope.SERVER, NAMED["model"], "claude-x")),
        ("server high 3000", Wanted(Scope.SERVER, NAMED["high"], "3000")),
        (
            "channel instructions Answer in\nrhymes.",
            Wanted(Scope.CHANNEL, NAMED["instructions"], "Answer in\nrhymes."),
        ),
    ],
)
def test_what_the_words_want(words: str, given: Wanted) -> None:
    assert wanted(words) == given


@pytest.mark.parametrize(
    "words",
    [
        "of my phone",
        "for the printer",
        "are broken",
        "model of my car",
        "recall what I said",
        "instructions please tell me",
        "channel surfing is fun",
        "memory",
    ],
)
def test_ordinary_talk_is_no_command(words: str) -> None:
    assert wanted(words) is None
    assert parse_command(f"settings {words}", lambda _: None) is None


def test_settings_are_a_command_by_themselves() -> None:
    plain = Command(name="settings", marked=False)
    assert parse_command("settings", lambda _: None) == plain
    marked = Command(name="settings", marked=True, text="channel recall off")
    assert parse_command("!settings channel recall off", lambda _: None) == marked
