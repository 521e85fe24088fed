"""The form of settings on Slack, as people use it and as attackers would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.ui import settings
from bots.slack.ui.commands import SETTINGS_SHORTCUT
from bots.slack.ui.runner import FAILED
from bots.slack.ui.settings_views import SCOPE
from core.commands.access import NOT_YOURS
from core.domain.errors import StoreUnavailableError
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import bot_on
from tests.e2e.slack_hands import filled, shown, talk, threads_of, told
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Slow
from tests.fakes.slack.view_rules import labelled

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import pytest

    from core.models.port import ModelRequest
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, User, View

_RHYMES = "Answer in rhymes."
REFUSALS = ("You can only change", "Only admins", "I could not read that form")
_DENIED = "Only admins, and those who manage this channel"


async def opens(fake: FakeSlack, who: User, gesture: Awaitable[object]) -> View:
    """Close what is open, do something, and return the modal that it opens."""
    for view in fake.modals(who):
        del fake.views[view.id]
    await gesture
    return await filled(fake, who)


async def opened(fake: FakeSlack, who: User, where: Channel) -> View:
    return await opens(fake, who, fake.slash(who, where, "/chatbot settings"))


async def saved(fake: FakeSlack, who: User, view: View, **fields: str) -> str:
    """Enter something, save the form, and return what the modal says then, or the errors."""
    fake.fill(view, **fields)
    assert (await fake.submit(who, view)).acked
    return "\n".join(view.errors.values()) or shown(view)


async def changed(bot: Bot, who: User) -> list[str]:
    return [each.about for each in await bot.store.audited() if each.by == who.id]


async def test_who_made_a_channel_fills_in_its_settings() -> None:
    asked: list[ModelRequest] = []

    def reply(request: ModelRequest) -> str:
        asked.append(request)
        return "fine"

    async with FakeSlack() as fake:
        mia, bob = fake.person("mia"), fake.person("bob")
        general = fake.channel("general", mia, bob)
        async with bot_on(fake, ScriptedModel(reply=reply), transport="http") as bot:
            form = await opened(fake, mia, general)
            assert "• Recall: on\n" in shown(form)
            assert "You can change the settings of this channel." in shown(form)
            fields = labelled(form.body)
            assert [*fields][:4] == ["Instructions", "Model", "Answer length", "Memory"]
            first = fields["Memory"]["element"]["options"][0]["text"]["text"]
            assert first == "As above (hybrid)"
            wrong = await saved(
                fake, mia, form, Instructions=_RHYMES, Recall="off", High_mark="5", Low_mark="9"
            )
            assert wrong == "High mark must be a whole number from 200 to 1,000,000."
            assert [*form.errors] == ["High mark"]
            assert await changed(bot, mia) == []  # nothing, or all of it
            wrong = await saved(fake, mia, form, High_mark="3000", Low_mark="4000")
            assert wrong == "Low mark must be below the high mark, which is 3,000."
            said = await saved(fake, mia, form, Low_mark="")
            assert said.splitlines() == [
                f"Instructions of this channel: {_RHYMES}",
                "High mark of this channel: 3,000.",
                "Recall of this channel: off.",
                "They hold from the next answer on.",
            ]
            assert sorted(await changed(bot, mia)) == [
                "channel instructions (17 characters)",
                "channel memory_high 3000",
                "channel recall off",
            ]
            await talk(fake, bob, general, "one")
            assert _RHYMES in asked[0].system[0].text
            view = await opened(fake, bob, general)
            assert f"Instructions: {_RHYMES} (of this channel, since " in shown(view)
            assert "You can't change them here" in shown(view)
            assert labelled(view.body) == {}
            again = await opened(fake, mia, general)
            assert await saved(fake, mia, again) == "Nothing was changed."
            again = await opened(fake, mia, general)
            said = await saved(fake, mia, again, Instructions="", Recall="As above")
            assert "Instructions of this channel: as it is elsewhere." in said
            await fake.slash(mia, general, "/chatbot settings channel answer 500")
            await told(fake, mia, "Answer length of this channel: 500.")
            await fake.slash(bob, general, "/chatbot settings channel answer 600")
            await told(fake, bob, _DENIED)
            await fake.slash(mia, general, "/chatbot settings recall off")
            await told(fake, mia, "There is no thread here")


async def test_a_threads_settings_open_by_a_button_a_shortcut_and_app_home() -> None:
    async with FakeSlack() as fake:
        mia, root = fake.person("mia"), fake.person("root", admin=True)
        eve = fake.person("eve")
        general = fake.channel("general", mia, root, eve)
        async with bot_on(fake) as bot:
            asked = await talk(fake, root, general, "one")
            await fake.say(root, general, f"{fake.at_bot} settings", asked.ts)
            listed = (await fake.replies(general, asked.ts, 2))[-1]
            form = await opens(fake, root, fake.press(root, "thread_settings", listed))
            assert "This thread\nThis channel\nThis workspace" in shown(form)
            assert "Instructions" not in labelled(form.body)  # in a thread, people pin wishes
            fake.fill(form, Recall="off")
            said = await switched(fake, root, form, "server")
            assert "Instructions" in said
            assert form.entered == {}  # what was meant for the thread is not the workspace's
            assert "of this workspace: 500" in await saved(fake, root, form, Answer_length="500")
            form = await opens(fake, root, fake.shortcut(root, asked, SETTINGS_SHORTCUT))
            text = labelled(form.body)["Answer length"]["element"]["placeholder"]["text"]
            assert text == "As above (500, of this workspace)"
            assert "Recall of this thread: off." in await saved(fake, root, form, Recall="off")
            await fake.open_home(root)
            await fake.until(lambda: root.id in fake.homes)
            view = await opens(fake, root, fake.press(root, "thread_settings", fake.homes[root.id]))
            assert "Recall: off (of this thread" in shown(view)
            # She made the channel, and took no part in the thread.
            form = await opens(fake, mia, fake.press(mia, "thread_settings", listed))
            assert "You can change the settings of this channel." in shown(form)
            view = await opens(fake, eve, fake.press(eve, "thread_settings", listed))
            assert "You can't change them here" in shown(view)
            (info,) = await threads_of(bot, root)
            assert (await bot.store.thread_settings(info.thread)).recall == "off"


async def switched(fake: FakeSlack, who: User, view: View, scope: str) -> list[str]:
    """Choose another scope, and return the labels of its form."""
    before = view.hash
    await fake.press(who, SCOPE, view, selected_option={"value": scope})
    await fake.until(lambda: view.hash != before)
    return [*labelled(view.body)]


async def test_only_what_a_person_changed_is_written_and_nothing_over_a_newer_change() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "one")
            await talk(fake, bob, general, "two", asked)
            forms = {}
            for who in (ann, bob):
                shortcut = fake.shortcut(who, asked, SETTINGS_SHORTCUT)
                forms[who.id] = await opens(fake, who, shortcut)
            await saved(fake, bob, forms[bob.id], Recall="off", Model="claude-haiku")
            changes = {"Follow-up": "always", "Model": "claude-opus"}
            wrong = await saved(fake, ann, forms[ann.id], **changes)
            assert wrong.startswith("Model was changed by someone else since you opened this.")
            assert "It is now: claude-haiku" in wrong
            (info,) = await threads_of(bot, ann)
            assert (await bot.store.thread_settings(info.thread)).follow_up == ""
            await saved(fake, ann, forms[ann.id], Model="As above")
            held = await bot.store.thread_settings(info.thread)
            assert (held.recall, held.follow_up) == ("off", "always")
            assert held.model.startswith("claude-haiku")
            view = await opens(fake, ann, fake.shortcut(ann, asked, SETTINGS_SHORTCUT))
            assert "of this thread" in shown(view)


async def test_a_crafted_or_late_form_is_refused_in_words() -> None:
    async with FakeSlack() as fake:
        mia, eve = fake.person("mia"), fake.person("eve")
        guest, root = fake.person("gus"), fake.person("root", admin=True)
        general = fake.channel("general", mia, eve, root)
        secret = fake.channel("secret", root, kind="private")
        theirs = fake.channel("theirs", guest, mia)
        guest.is_guest = True
        async with bot_on(fake) as bot:
            asked = await talk(fake, root, secret, "The code is 1234.")
            await fake.say(
                root, secret, f"{fake.at_bot} settings channel instructions 1234", asked.ts
            )
            await fake.replies(secret, asked.ts, 2)
            dm = await fake.say(root, fake.dm(root), "hello")
            await fake.replies(fake.dm(root), dm.ts)
            own = await talk(fake, eve, general, "mine")
            await fake.say(eve, general, f"{fake.at_bot} settings", own.ts)
            button = (await fake.replies(general, own.ts, 2))[-1]
            before = len(await bot.store.audited())
            (info,) = [
                each for each in await threads_of(bot, root) if "D" not in each.thread.thread
            ]
            (private,) = [each for each in await threads_of(bot, root) if each != info]

            # Another thread, channel or scope put into the form, or into the button.
            for named in (
                f"thread {info.thread}",
                f"channel {info.thread}",
                f"server {info.thread}",
                f"channel {private.thread}",
                f"thread {private.thread}",
                "thread slack:T9%2FC9:1.1",
                "channel discord:1%2F2:3",
                "everything here",
                "",
            ):
                form = await opens(fake, eve, fake.shortcut(eve, own, SETTINGS_SHORTCUT))
                scope = named.split()[0] if named else "thread"
                values = {f"{scope}:recall:00000000": {"value": {"type": "", "value": "off"}}}
                await fake.submit(eve, form, values, private_metadata=named)
                assert shown(form).startswith(REFUSALS), named
            for thread in (info.thread, private.thread):
                form = await opens(fake, eve, fake.shortcut(eve, own, SETTINGS_SHORTCUT))
                view = await opens(
                    fake, eve, fake.press(eve, "thread_settings", button, value=str(thread))
                )
                assert shown(view) == NOT_YOURS
            assert len(await bot.store.audited()) == before

            # A field that a thread has not, and one that there is not.
            form = await opens(fake, eve, fake.shortcut(eve, own, SETTINGS_SHORTCUT))
            rude = {"thread:instructions:00000000": {"value": {"value": "Be rude."}}}
            await fake.submit(eve, form, rude)
            assert "hold for a channel or for everyone" in shown(form)
            for block in ("thread:muted:00000000", "thread:changes:00000000"):
                form = await opens(fake, eve, fake.shortcut(eve, own, SETTINGS_SHORTCUT))
                await fake.submit(eve, form, {block: {"value": {"value": "x"}}})
                assert "of another version" in shown(form)

            # A right that was lost while the form was open, and a guest who made the channel.
            form = await opened(fake, mia, general)
            await fake.leave(mia, general)
            assert _DENIED in await saved(fake, mia, form, Recall="off")
            assert labelled((await opened(fake, guest, theirs)).body) == {}
            form = await opens(fake, eve, fake.shortcut(eve, own, SETTINGS_SHORTCUT))
            await fake.press(eve, SCOPE, form, selected_option={"value": "server"})
            await fake.until(lambda: "Only admins" in shown(form))
            assert len(await bot.store.audited()) == before


async def test_what_was_entered_stays_in_the_form_while_the_store_is_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def down(_event: object) -> None:
        raise StoreUnavailableError("down")

    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            form = await opened(fake, ann, general)
            with monkeypatch.context() as patch:
                patch.setattr(bot.store, "audit", down)
                said = await saved(fake, ann, form, Recall="off", Instructions=_RHYMES)
            assert said == FAILED
            assert await changed(bot, ann) == []
            assert "Recall of this channel: off." in await saved(fake, ann, form)
            form = await opened(fake, ann, general)
            monkeypatch.setattr(settings, "BEFORE_ACK", 0.1)
            fake.faults.next("conversations.members", Slow(0.4))
            fake.fill(form, Recall="on")
            assert (await fake.submit(ann, form)).acked  # in time; what was done is said later
            assert form not in fake.modals(ann)
            await told(fake, ann, "Recall of this channel: on.")


async def test_a_form_sent_again_by_someone_who_recorded_it_changes_nothing() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            form = await opened(fake, ann, general)
            await saved(fake, ann, form, Recall="off")
            (recorded,) = fake.last
            form = await opened(fake, ann, general)
            await saved(fake, ann, form, Recall="on")
            again = fake.tell(recorded.payload, "interactive")
            await again.done.wait()
            await fake.settled()
            assert await changed(bot, ann) == ["channel recall off", "channel recall on"]
