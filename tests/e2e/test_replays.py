"""What is recorded and sent again, to the same process and to another, and what is forged."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bots.slack.ui import views
from bots.slack.ui.settings_views import SETTINGS
from core.commands.settings.form import mark_of
from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.domain.settings import NAMED, NOTHING
from core.store.local.store import LocalStore
from tests.e2e import discord_bot, discord_hands, slack_bot, slack_hands
from tests.e2e.attacks import Held
from tests.e2e.test_discord_attacks import commanded, pressed, submitted, used
from tests.e2e.test_slack_attacks import pressed as press
from tests.e2e.test_slack_attacks import submitted as submit
from tests.e2e.test_slack_http import FORM, OLD, port_of, post, signed
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import CALLBACK
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.fakes.slack.model import User


_NOTHING = mark_of(NOTHING, NAMED["recall"])
_RECALL_OFF = {
    "type": 18,
    "component": {"type": 3, "custom_id": f"recall:{_NOTHING}", "values": ["off"]},
}


class Rewound:
    """A store as it was, so that what is done again would show."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        names = ("headers", "logs", "ids", "traces", "who", "places")
        self._was = {name: copy.deepcopy(getattr(store, name)) for name in names}
        self.held = Held.by(store)

    def rewind(self) -> None:
        """Put back what it held; what was claimed stays claimed."""
        for name, was in self._was.items():
            setattr(self._store, name, copy.deepcopy(was))


def slashed(fake: FakeSlack, who: User, text: str) -> bytes:
    """Return a slash command in a person's direct messages, as it is signed and sent."""
    fields = {"command": "/chatbot", "text": text, "user_id": who.id, "team_id": fake.team.id}
    place = {"channel_id": fake.dm(who).id, "trigger_id": fake._trigger(who)}
    return urlencode(fields | place).encode()


def gestures(fake: FakeSlack, who: User, thread: ThreadKey, message: str) -> Iterator[bytes]:
    """Yield what changes something, as it is signed and sent."""
    for line in (
        "remember I like tea",
        "correct It is tea",
        "forget 1",
        "unpin 1",
        "settings recall off",
        "reset",
    ):
        yield slashed(fake, who, line)
    carried = "remember I like mate"
    for payload in (
        press(fake, who, "pin_here", f"- {thread}", carried=carried),
        press(fake, who, "pin_keep", f"{message} {thread}"),
        press(fake, who, "message_forget", f"1 {thread}"),
        press(fake, who, "pin_remove", f"1 {thread}"),
        press(fake, who, "thread_reset", f"{thread}"),
        submit(fake, who, views.CORRECT, f"{thread}"),
        submit(fake, who, views.FORGET, f"own {thread}"),
        submit(fake, who, views.FORGET, f"whole {thread}"),
        _sent(fake, who, thread),
    ):
        yield urlencode({"payload": json.dumps(payload)}).encode()


def _sent(fake: FakeSlack, who: User, thread: ThreadKey) -> Any:
    """Return the payload of the form of settings, with recall switched off."""
    payload = submit(fake, who, SETTINGS, f"channel {thread}")
    field = {"value": {"type": "static_select", "selected_option": {"value": "off"}}}
    payload["view"]["state"]["values"] = {f"channel:recall:{_NOTHING}": field}
    return payload


async def test_what_is_recorded_on_slack_works_once_and_what_is_forged_never(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with (
        FakeSlack() as fake,
        slack_bot.bot_on(fake, store=store, transport="http") as other,
        slack_bot.bot_on(fake, store=store, transport="http") as bot,
    ):
        ann = fake.person("ann")
        dm = fake.dm(ann)
        said = await fake.say(ann, dm, "My dog is Rex.")
        await fake.replies(dm, said.ts)
        await fake.slash(ann, dm, "/chatbot remember I like milk")
        await slack_hands.told(fake, ann, "Pinned")
        await fake.settled()
        thread = ThreadKey("slack", f"{fake.team.id}/{dm.id}", dm.id)
        was, secret = Rewound(store), fake.signing_secret

        async def send(to: slack_bot.Bot, body: bytes, headers: dict[str, str]) -> int:
            return (await post(port_of(to), body, headers))[0]

        for number, body in enumerate(gestures(fake, ann, thread, said.ts), 1):
            right = signed(secret, body, FORM)
            late = signed(secret, body, FORM, age=OLD)
            for forged in (
                {"Content-Type": FORM},
                signed("guessed", body, FORM),
                signed(secret, body + b"&", FORM),
                signed(secret, body, FORM, age=-OLD),
                late,
                {**late, "X-Slack-Request-Timestamp": right["X-Slack-Request-Timestamp"]},
            ):
                assert await send(bot, body, forged) == 401
            assert Held.by(store) == was.held
            assert await send(bot, body, right) == 200
            await fake.until(lambda: Held.by(store) != was.held)
            await bot.slack._interactions._runner._tasks.wait()
            was.rewind()
            said_so_far = len(fake.said_by_app(dm))
            for to in (other, bot, other):
                assert await send(to, body, right) == 200
                await to.slack._interactions._runner._tasks.wait()
            assert caplog.text.count("was received twice") == 3 * number
            assert Held.by(store) == was.held, body
            assert len(fake.said_by_app(dm)) == said_so_far


async def test_what_is_recorded_on_discord_works_once() -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with (
        FakeDiscord() as fake,
        discord_bot.bot_on(fake, store=store) as other,
        discord_bot.bot_on(fake, store=store) as bot,
    ):
        await fake.connected(2)
        await discord_hands.synced(fake)
        ann, eve = fake.person("ann"), fake.person("eve")
        dm = fake.dm(ann)
        said = await fake.say(ann, dm, "My dog is Rex.")
        await fake.replies(dm)
        pinned = await discord_hands.use(fake, ann, dm, "remember", text="I like milk")
        assert "Pinned" in pinned.content
        for each in (bot, other):
            await discord_hands.settled(each)
        was, key = Rewound(store), f"discord:dm%2F{dm.id}:{dm.id}"
        work = await store.peek(ThreadKey.parse(key))
        assert work is not None

        async def idle(count: int) -> None:
            await fake.until(lambda: len(fake.rest.made(CALLBACK)) >= count)
            for each in (bot, other):
                await each.discord._interactions.runner._tasks.wait()

        def done() -> int:
            return len(fake.rest.made(CALLBACK))

        for kind, data in (
            commanded(fake, "remember", text="I like tea"),
            commanded(fake, "correct", fact="It is tea"),
            commanded(fake, "forget", number="1"),
            commanded(fake, "unpin", number="1"),
            commanded(fake, "settings", change="recall off"),
            (5, {"custom_id": f"chatbot:save:channel:{key}", "components": [_RECALL_OFF]}),
            commanded(fake, "reset"),
            used(fake, "Remember this", said),
            pressed(f"chatbot:pin:{said.id}"),
            pressed(f"chatbot:unpin::{key}", work.pins[0].id),
            pressed(f"chatbot:gone:1:{key}"),
            pressed(f"chatbot:do:reset:{key}"),
            pressed(f"chatbot:own::{key}"),
            pressed(f"chatbot:whole::{key}"),
            submitted(f"chatbot:fact::{key}"),
        ):
            before = done()
            made = fake._interact(kind, ann, dm, data, said if kind != 2 else None)
            await fake.answered(made)
            await idle(before + 2)
            assert Held.by(store) != was.held, data
            was.rewind()
            count = len(fake.said_by_bot(dm))
            recorded = next(
                told.data
                for told in reversed(fake.delivery.told)
                if told.name == "INTERACTION_CREATE"
            )
            stolen = copy.deepcopy(recorded)
            stolen["user"] |= {"id": eve.id, "username": eve.name}
            for again in (recorded, recorded, stolen):
                before = done()
                fake.tell("INTERACTION_CREATE", again)
                await idle(before + 2)
            assert Held.by(store) == was.held, data
            assert len(fake.said_by_bot(dm)) == count
