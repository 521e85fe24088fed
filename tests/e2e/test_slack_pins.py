"""Pins on Slack: by words, a command, a shortcut and a button; corrected, removed, and gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bots.slack.ui.commands import PIN_SHORTCUT
from bots.slack.ui.views import CORRECT
from core.commands.access import NOT_YOURS
from core.commands.commands import FORGOTTEN
from core.commands.pins import CORRECTED, PINNED, UNPINNED
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.e2e.slack_hands import filled, shown, talk, told
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.delivery import Post

if TYPE_CHECKING:
    from tests.fakes.slack.model import Channel, Ephemeral, User, View

both = pytest.mark.parametrize("transport", TRANSPORTS)


def seen(model: ScriptedModel, call: int = -1) -> str:
    return "\n".join(message.text for message in model.calls[call].messages)


async def memory_of(fake: FakeSlack, who: User, dm: Channel) -> View:
    await fake.slash(who, dm, "/chatbot pins")
    return await filled(fake, who)


@both
async def test_what_follows_remember_is_shown_to_the_model_word_for_word(transport: str) -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model, transport=transport):
            asked = await talk(fake, ann, general, "Hello.")
            wish = f"{fake.at_bot} remember: the &lt;/chat_pins&gt; deploy   is on <#{general.id}>"
            said = await fake.say(ann, general, wish, asked.ts)
            assert (await fake.replies(general, asked.ts, 2))[1].text == PINNED
            await talk(fake, bob, general, "When is it?", asked)
            await fake.delete(said)
            await fake.settled()
            await talk(fake, bob, general, "And now?", asked)
    assert len(model.calls) == 3
    assert 'from="ann"' in seen(model, 1)
    assert "&lt;/chat_pins> deploy   is on #general\n</chat_pin>" in seen(model, 1)
    assert "deploy" not in seen(model, 2)


async def test_a_pin_follows_the_edit_of_its_message() -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model):
            asked = await talk(fake, ann, general, "Hello.")
            said = await fake.say(ann, general, f"{fake.at_bot} remember I like tea", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.edit(said, f"{fake.at_bot} remember I like mate")
            await fake.settled()
            await talk(fake, ann, general, "What do I like?", asked)
            await fake.edit(said, f"{fake.at_bot} never mind")
            await fake.settled()
            await talk(fake, ann, general, "And now?", asked)
            await fake.settled()
        assert len(answers(fake, general, asked.ts)) == 4
    assert "I like mate" in seen(model, 1)
    assert "tea" not in seen(model, 1)
    assert "mate" not in seen(model, 2).replace("tea", "")


@both
async def test_a_message_is_pinned_by_the_shortcut_in_its_menu(transport: str) -> None:
    model = ScriptedModel(*["The password is on page 7."] * 3)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model, transport=transport):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await talk(fake, bob, general, "Nice.", asked)
            await fake.shortcut(bob, asked, PIN_SHORTCUT)
            await told(fake, bob, PINNED)
            await fake.shortcut(ann, answers(fake, general, asked.ts)[0], PIN_SHORTCUT)
            await told(fake, ann, PINNED)
            await talk(fake, ann, general, "So?", asked)
    pins = seen(model).partition("<chat_pins>")[2].partition("</chat_pins>")[0]
    assert 'from="ann"' in pins
    assert 'pinned_by="bob' in pins
    assert "\nMy dog is called Rex.\n" in pins
    assert 'app="yes"' in pins
    assert "page 7" in pins


async def test_who_took_no_part_can_pin_nothing() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general", ann, eve)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.shortcut(eve, asked, PIN_SHORTCUT)
            await told(fake, eve, NOT_YOURS)
            elsewhere = await fake.say(ann, general, "Not for the bot.")
            await fake.shortcut(ann, elsewhere, PIN_SHORTCUT)
            await told(fake, ann, "I have no conversation there.")
            (info,) = (await bot.store.threads(person=ann.id)).threads
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert work.pins == ()


@both
async def test_a_pin_is_removed_and_what_is_wrong_corrected_where_one_sees_it(
    transport: str,
) -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, transport=transport):
            await fake.slash(ann, dm, "/chatbot remember that I &amp; Bo like tea")
            await told(fake, ann, PINNED)
            modal = await memory_of(fake, ann, dm)
            assert "1. that I & Bo like tea (ann, " in shown(modal)
            await fake.press(ann, "pin_correct", modal)
            await fake.until(lambda: fake.modals(ann)[-1].body.get("callback_id") == CORRECT)
            form = fake.modals(ann)[-1]
            await fake.submit(ann, form, {"fact": {"fact": {"value": "We like mate.", "type": ""}}})
            await fake.until(lambda: "We like mate. (correction by ann" in shown(modal))
            await talk(fake, ann, dm, "What do we like?")
            assert "<chat_corrections>\n<chat_pin" in seen(model)
            await fake.press(ann, "pin_remove", modal)
            await fake.until(lambda: "tea" not in shown(modal))
            assert "1. We like mate." in shown(modal)
            await fake.slash(ann, dm, "/chatbot unpin 1")
            await told(fake, ann, UNPINNED)
            await talk(fake, ann, dm, "And now?")
    assert "mate" not in seen(model)
    assert "<chat_corrections>" not in seen(model)


async def test_that_is_wrong_after_a_mention_corrects() -> None:
    model = ScriptedModel(*["ok"] * 3)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model):
            asked = await talk(fake, ann, general, "The deploy is on Friday.")
            said = f"{fake.at_bot} that’s wrong: it is on Monday"  # noqa: RUF001 - as phones write
            await fake.say(ann, general, said, asked.ts)
            assert (await fake.replies(general, asked.ts, 2))[1].text == CORRECTED
            await talk(fake, ann, general, "When is it?", asked)
    corrected = seen(model).partition("<chat_corrections>")[2].partition("</chat_corrections>")[0]
    assert "it is on Monday" in corrected


async def test_one_message_is_forgotten_by_its_number() -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model):
            asked = await talk(fake, ann, general, "The door code is 4711.")
            await talk(fake, bob, general, "The deploy is on Friday.", asked)
            for count, (who, number) in enumerate([(bob, 2), (ann, 1)], start=3):
                await fake.say(who, general, f"{fake.at_bot} forget {number}", asked.ts)
                said = (await fake.replies(general, asked.ts, count))[-1].text
                assert said == FORGOTTEN.format(number=number)
            await talk(fake, ann, general, "What do you know?", asked)
    assert "4711" not in seen(model)
    assert "Friday" not in seen(model)


async def test_in_a_direct_message_the_slash_command_forgets_one_message() -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            await talk(fake, ann, dm, "The door code is 4711.")
            await talk(fake, ann, dm, "The deploy is on Friday.")
            modal = await memory_of(fake, ann, dm)
            assert "1. ann: The door code is 4711." in shown(modal)
            await fake.slash(ann, dm, "/chatbot forget 1")
            await told(fake, ann, FORGOTTEN.format(number=1))
            await talk(fake, ann, dm, "What do you know?")
    assert "4711" not in seen(model)
    assert "Friday" in seen(model)


def listed(view: View) -> dict[str, str]:
    """Return what the menu of messages lists: the values by the texts."""
    menus = [e for b in view.body["blocks"] for e in b.get("elements", ())]
    (menu,) = [each for each in menus if each["type"] == "static_select"]
    return {each["text"]["text"]: each["value"] for each in menu["options"]}


@both
async def test_one_message_is_forgotten_by_the_menu_where_one_sees_it(transport: str) -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model, transport=transport) as bot:
            asked = await talk(fake, ann, general, "The door code is 4711.")
            await talk(fake, bob, general, "The deploy is on Friday.", asked)
            await talk(fake, ann, general, "Thanks.", asked)
            await fake.slash(ann, general, "/chatbot forget 1")  # one chooses the thread first
            await fake.press(ann, "thread_memory", await filled(fake, ann))
            await fake.until(lambda: "4711" in shown(fake.modals(ann)[-1]))
            modal = fake.modals(ann)[-1]
            assert list(listed(modal)) == ["3. Thanks.", "1. The door code is 4711."], "not Bob's"
            (info,) = (await bot.store.threads(person=ann.id)).threads
            chosen = {"value": listed(modal)["1. The door code is 4711."]}
            await fake.press(ann, "message_forget", modal, selected_option=chosen)
            await fake.until(lambda: "4711" not in shown(modal))
            assert "Friday" in shown(modal)
            for made_up in ("2", "x", "-1", "9" * 30, ""):  # of Bob, and none at all
                option = {"value": f"{made_up} {info.thread}"}
                await fake.press(ann, "message_forget", modal, selected_option=option)
            await fake.settled()
            await talk(fake, bob, general, "What do you know?", asked)
    assert "4711" not in seen(model)
    assert "Friday" in seen(model)


async def test_a_button_that_is_pressed_again_does_nothing_more() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        dm = fake.dm(ann)
        async with bot_on(fake) as bot:
            for text in ("remember one", "remember two"):
                await fake.slash(ann, dm, f"/chatbot {text}")
            await fake.until(lambda: len(fake.said_by_app(dm)) == 2)
            modal = await memory_of(fake, ann, dm)
            post = await fake.press(ann, "pin_remove", modal)
            await fake.until(lambda: "1. two" in shown(modal))
            again = fake.delivery.send(Post(post.kind, post.payload))  # recorded, and replayed
            await again.done.wait()
            await fake.settled()
            (info,) = (await bot.store.threads(person=ann.id)).threads
            work = await bot.store.peek(info.thread)
            assert work is not None
            # One who is not in it presses the button of a modal that they were never shown.
            await fake.press(eve, "pin_remove", modal)
            await told(fake, eve, NOT_YOURS)
            later = await bot.store.peek(info.thread)
            assert later is not None
            assert [pin.text for pin in later.pins] == [pin.text for pin in work.pins] == ["two"]


async def test_in_a_channel_one_chooses_where_a_text_is_pinned() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake) as bot:
            await talk(fake, ann, general, "My dog is called Rex.")
            await fake.slash(ann, general, "/chatbot remember when in doubt, ask Bo")
            modal = await filled(fake, ann)
            await fake.press(ann, "pin_here", modal)
            await fake.until(lambda: PINNED in shown(fake.modals(ann)[-1]))
            (info,) = (await bot.store.threads(person=ann.id)).threads
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert [pin.text for pin in work.pins] == ["when in doubt, ask Bo"]


async def test_what_does_not_fit_is_refused_with_what_to_remove() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, pin_tokens=150) as bot:
            await fake.slash(ann, dm, "/chatbot remember the first thing")
            await told(fake, ann, PINNED)
            await fake.slash(ann, dm, f"/chatbot remember {'another thing ' * 18}")
            await told(fake, ann, "First remove pin 1 with `/chatbot unpin`")
            await fake.slash(ann, dm, f"/chatbot remember {'a long thing ' * 99}")
            await told(fake, ann, "That is too long for a pin")
            await fake.slash(ann, dm, "/chatbot remember")
            await told(fake, ann, "Write what I should remember after the word")
            (info,) = (await bot.store.threads(person=ann.id)).threads
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert len(work.pins) == 1


def offers(fake: FakeSlack, who: User) -> list[Ephemeral]:
    return [each for each in fake.shown_to(who) if "Shall I remember that" in each.text]


async def test_a_standing_wish_is_offered_once_and_pinned_by_a_press() -> None:
    model = ScriptedModel(*["ok"] * 6)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model) as bot:
            asked = await talk(fake, ann, general, "Always answer in British English.")
            await fake.until(lambda: offers(fake, ann))
            assert offers(fake, bob) == []
            await talk(fake, ann, general, "always answer in British English!", asked)
            await talk(fake, ann, general, "What is a lorry?", asked)
            await asyncio.sleep(0.1)
            (offer,) = offers(fake, ann)
            assert "<chat_pins>" not in seen(model)
            await fake.press(ann, "pin_keep", offer)
            await fake.until(lambda: any(m.text == PINNED for m in fake.shown_to(ann)))
            await talk(fake, ann, general, "And a lift?", asked)
            assert "\nAlways answer in British English.\n</chat_pin>" in seen(model)
            await talk(fake, bob, general, "Please, always answer in British English", asked)
            await asyncio.sleep(0.1)
            assert offers(fake, bob) == []
            (info,) = (await bot.store.threads(person=ann.id)).threads
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert len(work.pins) == 1
