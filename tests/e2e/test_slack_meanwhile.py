"""What people change on Slack while the bot is away, and who speaks before it has looked."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.clock import SystemClock
from core.domain.errors import StoreUnavailableError
from core.domain.session import Entry, Status
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import answers, bot_on, echo
from tests.e2e.slack_hands import filled, talk, told
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Limited, Odd, Refused
from tests.fakes.slack.faults import Status as Page
from tests.world import until

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from core.store.values import Accepted
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel

SECRET = "hunter2"
REPLIES, HISTORY = "conversations.replies", "conversations.history"


class FailingStore(LocalStore):
    """A store that can't be reached for as long as a test says."""

    away = False
    asked = 0
    """Times that it was looked at in that time."""

    async def accept(self, *args: Any, **kwargs: Any) -> Accepted:
        self._look()
        return await super().accept(*args, **kwargs)

    async def threads(self, **kwargs: Any) -> Any:
        self._look()
        return await super().threads(**kwargs)

    def _look(self) -> None:
        if self.away:
            self.asked += 1
            raise StoreUnavailableError("the store is away")


def prompt(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


async def kept(bot: Bot) -> list[str]:
    """Return the texts that are stored, of all threads."""
    found: list[str] = []
    for info in (await bot.store.threads()).threads:
        page = await bot.store.history(info.thread)
        found += [r.text for r in page if isinstance(r, Entry) and r.status is not Status.DELETED]
    return found


@pytest.mark.parametrize("place", ["dm", "channel", "group"])
@pytest.mark.parametrize("deleted", [True, False])
async def test_what_is_changed_while_it_is_away_is_followed(place: str, *, deleted: bool) -> None:
    store, model = LocalStore(SystemClock()), ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        where = {
            "dm": fake.dm(ann),
            "channel": fake.channel("general", ann, bob),
            "group": fake.group_dm(ann, bob),
        }[place]
        async with bot_on(fake, model, store=store):
            root = await fake.say(ann, where, f"{fake.at_bot} it is {SECRET}")
            await fake.replies(where, root.ts)
            second = await fake.say(ann, where, f"{fake.at_bot} again: {SECRET}", root.ts)
            await fake.replies(where, root.ts, 2)
            await fake.settled()
        for message in (root, second):
            await (fake.delete(message) if deleted else fake.edit(message, "it is ***"))
        async with bot_on(fake, model, store=store) as bot:
            calls = len(model.calls)
            await fake.say(ann, where, f"{fake.at_bot} what is it?", root.ts)
            await fake.replies(where, root.ts, 3)
            assert not any(SECRET in text for text in await kept(bot))
            said = [text for text in await kept(bot) if text.endswith("***")]
            assert len(said) == (0 if deleted else 2)
        # What the bot has echoed is its own.
        question = prompt(model.calls[calls]).split("chat_message")
        assert not any(SECRET in part for part in question if "re:" not in part)


async def test_a_file_that_is_taken_out_while_it_is_away_is_in_no_prompt() -> None:
    store, model = LocalStore(SystemClock()), ScriptedModel("Noted.", "Nothing.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, store=store):
            said = await fake.say(ann, dm, "Look", files=[fake.file(ann, "a.env", SECRET)])
            await fake.replies(dm, said.ts)
            await fake.settled()
        await fake.attach(said)
        async with bot_on(fake, model, store=store):
            asked = await fake.say(ann, dm, "what was in it?")
            await fake.replies(dm, asked.ts)
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in prompt(model.calls[1])


@pytest.mark.parametrize(
    "answer", [Odd("{}"), Odd('{"ok":true}'), Refused("fatal_error"), Page(503)]
)
async def test_an_answer_that_is_none_deletes_nothing(answer: Any) -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake, store=store):
            root = await talk(fake, ann, general, "remember me")
            first = await fake.say(ann, dm, "and me")
            await fake.replies(dm, first.ts)
            await fake.settled()
        for method in (REPLIES, HISTORY):
            fake.faults.always(method, answer)
        async with bot_on(fake, store=store) as bot:
            for where, under in ((general, root.ts), (dm, None)):
                await fake.say(ann, where, f"{fake.at_bot} hello?", under)
                await fake.until(partial(said, fake, where, "hello?"), 30)
            assert {"remember me", "and me"} <= {text.split("> ")[-1] for text in await kept(bot)}


def said(fake: FakeSlack, where: Channel, words: str) -> bool:
    return any(words in message.text for message in fake.said_by_app(where))


@pytest.mark.parametrize("place", ["dm", "channel"])
async def test_what_was_missed_comes_before_what_is_said_now(place: str) -> None:
    store, model = LocalStore(SystemClock()), ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        where = fake.dm(ann) if place == "dm" else fake.channel("general", ann)
        async with bot_on(fake, model, store=store):
            root = await talk(fake, ann, where, "first?")
            await fake.settled()
        under = None if place == "dm" else root.ts
        await fake.say(ann, where, f"{fake.at_bot} second?", under)
        async with bot_on(fake, model, store=store) as bot:
            bot.slack.reception._catch_up.hold()  # as if it had not looked yet
            await fake.say(ann, where, f"{fake.at_bot} third?", under)
            await until(lambda: any("third?" in prompt(call) for call in model.calls))
            order = [text.split()[-1] for text in await kept(bot)]
    assert order == ["first?", "second?", "third?"]


async def test_after_an_outage_of_the_store_nobody_has_to_speak_first() -> None:
    store = FailingStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        fake.delivery.pace = 1000  # Slack sends nothing again that soon
        async with bot_on(fake, store=store):
            first = await fake.say(ann, dm, "hello?")
            await fake.replies(dm, first.ts)
            store.away = True
            missed = await fake.say(ann, dm, "are you there?")
            await until(lambda: store.asked > 1)
            await asyncio.sleep(0.5)
            store.away = False
            await fake.replies(dm, missed.ts, within=6)
        assert len(answers(fake, dm, missed.ts)) == 1


async def test_a_limit_on_reading_is_waited_for_and_skips_no_place() -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, other = fake.channel("general", ann), fake.channel("other", ann)
        async with bot_on(fake, store=store):
            roots = [(each, await talk(fake, ann, each, "first?")) for each in (general, other)]
            await fake.settled()
        for where, root in roots:
            await fake.say(ann, where, "second?", root.ts)
        fake.faults.next(HISTORY, Limited(1), Page(503), Limited(1))
        fake.faults.next(REPLIES, Page(503), Limited(1), Page(500), Page(500), Page(500), Page(500))
        async with bot_on(fake, store=store):
            for where, root in roots:
                await fake.replies(where, root.ts, 2, within=30)


@pytest.mark.parametrize("restarted", [True, False])
async def test_after_forget_it_listens_in_a_thread_of_its_own(*, restarted: bool) -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, store=store):
            root = await talk(fake, ann, general, "first?")
            await fake.say(ann, general, f"{fake.at_bot} forget", root.ts)
            offer = (await fake.replies(general, root.ts, 2))[1]
            await fake.press(ann, "thread_forget", offer)
            assert (await fake.submit(ann, await filled(fake, ann))).acked
            await told(fake, ann, "The next message starts over")
            if not restarted:
                await fake.say(ann, general, "and now?", root.ts)
                await fake.until(lambda: said(fake, general, "re: and now?"))
        if restarted:
            async with bot_on(fake, store=store):
                await fake.say(ann, general, "and now?", root.ts)
                await fake.until(lambda: said(fake, general, "re: and now?"))
