"""Settings by lists, buttons and modals on Discord, as people use them and as attackers would."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.discord.ui.runner import FAILED
from core.commands.access import NOT_YOURS
from core.domain.errors import StoreUnavailableError
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import answer, talk, threads_of, use
from tests.fakes.discord import FakeDiscord, Permission
from tests.fakes.discord.component_rules import fields_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import pytest

    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Interaction, Message, User

_RHYMES = "Answer in rhymes."
_DENIED = "Only admins, and those who manage this channel"
_OWN = "Memory: this thread"
_NONE = "You can't change them here"


async def opened(fake: FakeDiscord, who: User, shown: Message, label: str) -> Interaction:
    """Press a button below the settings, and return it once its modal is open."""
    pressed = await fake.press(who, shown, label)
    await fake.until(lambda: pressed.modal)
    return pressed


def labels(opened: Interaction) -> list[str]:
    assert opened.modal is not None
    return [part["label"] for part in opened.modal["components"]]


def buttons(shown: Message) -> list[str]:
    return [b["label"] for row in shown.components for b in row["components"] if b["type"] == 2]


async def then(fake: FakeDiscord, shown: Message, gesture: Awaitable[Interaction]) -> str:
    """Return what a message says once it was brought up to date after a gesture."""
    before = shown.edited
    await gesture
    await fake.until(lambda: shown.edited != before)
    return shown.content


async def saved(fake: FakeDiscord, who: User, form: Interaction, **fields: str) -> str:
    """Fill in a modal and send it; return what the message below it says then."""
    assert form.message is not None
    named = {name.replace("_", " "): text for name, text in fields.items()}
    return await then(fake, form.message, fake.submit(who, form, named))


async def changed(bot: Bot, who: User) -> list[str]:
    return [each.about for each in await bot.store.audited() if each.by == str(who.id)]


async def test_who_manages_a_channel_changes_its_settings_with_the_mouse() -> None:
    asked: list[ModelRequest] = []

    def reply(request: ModelRequest) -> str:
        asked.append(request)
        return "fine"

    async with FakeDiscord() as fake:
        mia, bob = fake.person("mia"), fake.person("bob")
        general = fake.channel("general")
        await fake.grant(fake.role("makers", Permission.MANAGE_CHANNELS), None, mia)
        async with bot_on(fake, ScriptedModel(reply=reply)) as bot:
            shown = await use(fake, mia, general, "settings")
            assert shown.ephemeral
            assert "• Recall: on" in shown.content
            places = ("Answers", "Memory", "Listening")
            assert buttons(shown) == [f"{each}: this channel" for each in places]
            form = await opened(fake, mia, shown, "Answers: this channel")
            assert labels(form) == ["Instructions", "Model", "Answer length"]
            said = await saved(fake, mia, form, Instructions=_RHYMES, Model="claude-haiku")
            assert said.startswith(f"Instructions of this channel: {_RHYMES}\nModel of this")
            assert f"• Instructions: {_RHYMES} (of this channel, since " in said
            form = await opened(fake, mia, shown, "Memory: this channel")
            said = await saved(fake, mia, form, Recall="off", High_mark="5", Low_mark="x")
            assert said == (
                "High mark must be a whole number from 200 to 1,000,000.\n"
                "Low mark must be a whole number from 0 to 1,000,000."
            )
            form = await opened(fake, mia, shown, "Memory: this channel")
            said = await saved(fake, mia, form, Recall="off")
            assert said.startswith("Recall of this channel: off. It holds from the next answer on.")
            assert sorted(await changed(bot, mia)) == [
                "channel instructions (17 characters)",
                "channel model claude-haiku-5-5",
                "channel recall off",
            ]
            _, thread = await talk(fake, bot, bob, general, "one")
            assert _RHYMES in asked[0].system[0].text
            here = await use(fake, bob, general, "settings")
            assert _NONE in here.content
            assert here.components == []
            form = await opened(fake, mia, shown, "Answers: this channel")
            said = await saved(fake, mia, form, Instructions="", Model="As above")
            assert "Instructions of this channel: as it is elsewhere." in said
            by_words = await use(fake, mia, general, "settings", change="channel answer 500")
            assert by_words.content.startswith("Answer length of this channel: 500.")
            assert (
                _DENIED
                in (await use(fake, bob, thread, "settings", change="channel answer 600")).content
            )
            refused = await use(fake, mia, general, "settings", change="recall off")
            assert "There is no thread here" in refused.content
            refused = await use(fake, mia, general, "settings", change="hello there")
            assert "Write it as in" in refused.content


async def test_a_scope_is_chosen_and_nothing_is_written_over_a_newer_change() -> None:
    async with FakeDiscord() as fake:
        ann, root = fake.person("ann"), fake.person("root")
        general = fake.channel("general")
        await fake.grant(fake.role("admins", Permission.MANAGE_GUILD), None, root)
        async with bot_on(fake, discord_admins="server") as bot:
            _, thread = await talk(fake, bot, ann, general, "one")
            await fake.say(root, thread, f"{fake.at_bot} two")
            await fake.replies(thread, 2)
            await fake.say(root, thread, f"{fake.at_bot} settings")
            await fake.until(lambda: "Settings here:" in fake.texts(thread)[-1])
            listed = fake.history(thread)[-1]
            shown = await answer(fake, await fake.press(root, listed, "Change settings"))
            assert shown.ephemeral
            (menu,) = [p for row in shown.components for p in row["components"] if p["type"] == 3]
            assert [each["value"] for each in menu["options"]] == ["thread", "channel", "server"]
            assert "Answers: this thread" in buttons(shown)
            await then(fake, shown, fake.press(root, shown, menu["custom_id"], "server"))
            form = await opened(fake, root, shown, "Answers: this server")
            assert "Instructions" in labels(form)
            assert "of this server: 500" in await saved(fake, root, form, Answer_length="500")
            of_ann = await answer(fake, await fake.press(ann, listed, "Change settings"))
            assert buttons(of_ann)[0] == "Answers: this thread"
            first = await opened(fake, ann, of_ann, "Memory: this thread")
            assert first.modal is not None
            (mark,) = [f for f in fields_of(first.modal["components"]) if "pairs" in f["custom_id"]]
            assert mark["placeholder"].startswith("As above (")
            second = await opened(fake, ann, of_ann, "Memory: this thread")
            assert "Recall of this thread: off." in await saved(fake, ann, first, Recall="off")
            said = await saved(fake, ann, second, Memory="window")
            assert said.startswith("Memory of this thread: window. It holds")
            said = await saved(fake, ann, second, Recall="on")
            assert said.startswith("Recall was changed by someone else since you opened this.")
            (info,) = await threads_of(bot, ann)
            held = await bot.store.thread_settings(info.thread)
            assert (held.recall, held.strategy) == ("off", "window")
            assert await saved(fake, ann, second, Exchanges="") != said


async def test_a_long_text_that_could_not_be_kept_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def down(_event: object) -> None:
        raise StoreUnavailableError("down")

    text = "Answer in rhymes, and name your sources. " * 3
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        async with bot_on(fake) as bot:
            shown = await use(fake, ann, fake.dm(ann), "settings")
            first = await opened(fake, ann, shown, "Answers: this channel")
            with monkeypatch.context() as patch:
                patch.setattr(bot.store, "audit", down)
                said = await saved(fake, ann, first, Instructions=text)
            assert said.startswith(FAILED)
            assert text.strip() in said
            shown = await use(fake, ann, fake.dm(ann), "settings")
            second = await opened(fake, ann, shown, "Answers: this channel")
            assert "Instructions of this" in await saved(fake, ann, second, Instructions="Be kind.")
            said = await saved(fake, ann, first, Instructions=text)
            assert said.startswith("Instructions was changed by someone else")
            assert text.strip() in said


async def test_a_crafted_or_late_modal_is_refused_in_words() -> None:
    async with FakeDiscord() as fake:
        mia, eve, ann = fake.person("mia"), fake.person("eve"), fake.person("ann")
        general, secret = fake.channel("general"), fake.channel("secret")
        makers = fake.role("makers", Permission.MANAGE_CHANNELS)
        await fake.grant(makers, None, mia)
        await fake.deny(secret, Permission.VIEW_CHANNEL, eve)
        async with bot_on(fake, discord_admins="server") as bot:
            _, hidden = await talk(fake, bot, mia, secret, "The code is 1234.")
            await use(fake, mia, hidden, "settings", change="channel instructions 1234")
            await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann))
            _, thread = await talk(fake, bot, eve, general, "mine")
            shown = await use(fake, eve, thread, "settings")
            keys = [each.thread for who in (mia, ann) for each in await threads_of(bot, who)]
            (mine,) = await threads_of(bot, eve)
            keys.append(replace(keys[0], thread=thread.id))  # half of it is true
            before = len(await bot.store.audited())

            async def forge(custom_id: str, *values: str) -> str:
                """Press a button of one's own with the id of another."""
                press = fake.press(eve, shown, _OWN, *values, forged=custom_id)
                return await then(fake, shown, press)

            async def send(**forged: Any) -> str:
                """Send a modal of one's own with parts of another."""
                own = await use(fake, eve, thread, "settings")
                form = await opened(fake, eve, own, _OWN)
                return await then(fake, own, fake.submit(eve, form, {"Recall": "off"}, **forged))

            for key in keys:
                for scope in ("thread", "channel", "server"):
                    said = await send(custom_id=f"chatbot:save:{scope}:{key}")
                    assert said.startswith(("You can only change", "Only admins")), said
                    shown = await use(fake, eve, thread, "settings")
                    assert await forge(f"chatbot:set:0:{scope}:{key}") == NOT_YOURS
                    shown = await use(fake, eve, thread, "settings")
                    assert await forge(f"chatbot:scope:{key}", scope) == NOT_YOURS
                shown = await use(fake, eve, thread, "settings")
                assert await forge(f"chatbot:do:settings:{key}") == NOT_YOURS
            for odd in ("save:thread:x", "set:9:nobody:x:1:2", "save::", "scope:x:1:2"):
                shown = await use(fake, eve, thread, "settings")
                assert "I could not read that" in await forge(f"chatbot:{odd}")
            shown = await use(fake, eve, thread, "settings")
            assert "of another version" in await forge(f"chatbot:set:9:thread:{mine.thread}")

            # A field that a thread has not, and one that there is not.
            for name, words in (("instructions", "hold for a channel"), ("muted", "of another")):
                field = {"type": 4, "custom_id": f"{name}:00000000", "value": "Be rude."}
                assert words in await send(components=[{"type": 18, "component": field}])

            # A right that was lost while the modal was open.
            shown = await use(fake, mia, general, "settings")
            form = await opened(fake, mia, shown, "Memory: this channel")
            makers.permissions = Permission(0)
            await fake.deny(general, Permission.MANAGE_CHANNELS, mia)
            assert _DENIED in await saved(fake, mia, form, Recall="off")
            assert len(await bot.store.audited()) == before


async def test_a_direct_messages_settings_are_for_the_person_in_it() -> None:
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        fake.channel("general")
        async with bot_on(fake) as bot:
            shown = await use(fake, ann, fake.dm(ann), "settings")
            form = await opened(fake, ann, shown, "Listening: this channel")
            said = await saved(fake, ann, form, Overhearing="off")
            assert said.startswith("Overhearing of this channel: off.")
            theirs = await use(fake, eve, fake.dm(eve), "settings")
            form = await opened(fake, eve, theirs, "Listening: this channel")
            for part in (fake.dm(ann).id, fake.dm(eve).id):
                ours = f"discord:dm%2F{fake.dm(ann).id}:{part}"
                forged = f"chatbot:save:channel:{ours}"
                send = fake.submit(eve, form, {"Overhearing": "on"}, custom_id=forged)
                assert _DENIED in await then(fake, theirs, send)
                for button in (f"set:0:channel:{ours}", f"scope:{ours}"):
                    theirs = await use(fake, eve, fake.dm(eve), "settings")
                    pressed = fake.press(
                        eve, theirs, "Answers: this channel", "channel", forged=f"chatbot:{button}"
                    )
                    assert await then(fake, theirs, pressed) == NOT_YOURS
                theirs = await use(fake, eve, fake.dm(eve), "settings")
                form = await opened(fake, eve, theirs, "Listening: this channel")
            assert await changed(bot, eve) == []
