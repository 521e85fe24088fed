"""Crafted buttons, modals, commands and links on Discord, by people who have no right to them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from bots.discord.ui.commands import EXPORT_MENU, FORGET_MENU, MESSAGE, PIN_MENU, WHICH
from core.commands.access import NOT_YOURS
from core.commands.answers import NOT_RUNNING
from core.commands.authorized import NOT_HEARD, NOT_MEMBER
from core.commands.export.exports import NOT_ADMIN
from core.commands.export.request import ExportOf
from core.commands.pins import NOT_PINNED
from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.store.local.store import LocalStore
from tests.e2e.attacks import FOREIGN, SECRET, Held, check_log
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import settled, synced, talk, use
from tests.fakes.discord import FakeDiscord, Permission
from tests.fakes.discord.shapes import member_json, message_json, user_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import pytest

    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel, Interaction, Message, User

_ASKS = "What is right?"
_UNREAD = "I could not read that request."
_NO_NUMBER = "That is not the number of a message"
_ALIKE = {"a private thread", "a direct message without a word"}
"""They differ from the others only in who sees them, so a few attempts will do:"""
_TELLING = ("do:export", "do:reset", "fact", "remember", "'export'", "'forget'")
NAMES = ("ann", "bob", "eve", "mal", "lef", "den", "fay", "kim")
_EVERY = str((1 << 53) - 1)


class Target(NamedTuple):
    """A conversation of others, with a message in it that the bot has posted."""

    place: Channel
    thread: ThreadKey
    post: Message


class Attacker(NamedTuple):
    who: User
    place: Channel
    """Where they may be."""
    member: dict[str, Any]
    """What the interaction says of them, whether or not that is so."""
    sees: bool = False
    """Whether they see the channel of the first thread, and so its answers."""
    heard: bool | None = True
    """Whether the bot listens to them on that server; None: only to those who are on it."""

    server: str | None = None
    """On which server the interaction says they are, if it is not that of the place: "" on none."""

    def expected(self, why: str) -> tuple[str, ...]:
        """Return what they may be told, if others are told `why`."""
        if why == _ASKS or self.heard:
            return (why,) if self.server is None else (why, _UNREAD)
        return (NOT_HEARD,) if self.heard is False else (why, NOT_HEARD)


class Scene(NamedTuple):
    fake: FakeDiscord
    bot: Bot
    store: LocalStore
    ann: User
    asked: Message
    attackers: dict[str, Attacker]
    targets: dict[str, Target]
    pin: str


def sent(at: Scene, by: Attacker, place: Channel, kind: int, data: dict[str, Any]) -> Interaction:
    """Send what no client does: an interaction that says of its sender and place what it likes."""
    asker: dict[str, Any] = {"user": user_json(by.who)}
    if place.guild and by.server is None:
        asker = {"member": by.member, "guild_id": place.guild}
    elif by.server:
        asker = {"member": by.member, "guild_id": by.server}
    at.fake._asker = lambda user, place: asker  # type: ignore[method-assign]
    made = at.fake._interact(kind, by.who, place, data, at.asked if kind != 2 else None)
    del at.fake._asker
    return made


async def shown_then(at: Scene, made: Interaction) -> str:
    """Return what a person is shown in answer, which is no file."""
    await at.fake.until(lambda: made.shown or made.modal)
    assert all(message.files == [] for message in made.shown)
    return "\n".join([*(message.content for message in made.shown), str(made.modal or "")])


def pressed(custom_id: str, *values: str) -> tuple[int, dict[str, Any]]:
    more = {"component_type": 3, "values": list(values)} if values else {"component_type": 2}
    return 3, {"custom_id": custom_id, "id": 1, **more}


def submitted(custom_id: str) -> tuple[int, dict[str, Any]]:
    field = {"type": 4, "id": 2, "custom_id": "fact", "value": f"{FOREIGN} is right"}
    row = {"type": 1, "id": 1, "components": [field]}
    return 5, {"custom_id": custom_id, "components": [row]}


def commanded(fake: FakeDiscord, word: str, **options: str) -> tuple[int, dict[str, Any]]:
    (command,) = [each for each in fake.commands if each["name"] == "chatbot"]
    given = [{"type": 3, "name": name, "value": value} for name, value in options.items()]
    inner = {"type": 1, "name": word, "options": given}
    return 2, fake._data(command) | {"options": [inner]}


def used(fake: FakeDiscord, name: str, message: Message) -> tuple[int, dict[str, Any]]:
    (command,) = [each for each in fake.commands if each["name"] == name]
    shown = message_json(fake, message)
    return 2, fake._data(command) | {
        "target_id": message.id,
        "resolved": {"messages": {message.id: shown}},
    }


def by_name(thread: ThreadKey, pin: str) -> Iterator[tuple[tuple[int, dict[str, Any]], str]]:
    """Yield all that names a thread, wherever it is sent from, and what it says to a stranger."""
    key = str(thread)
    for word, why in (
        ("export", NOT_YOURS),
        ("forget", NOT_YOURS),
        ("memory", NOT_YOURS),
        ("reset", NOT_MEMBER),
    ):
        yield pressed(f"chatbot:do:{word}:{key}"), why
    yield pressed("chatbot:choose:export:thread zip", key), NOT_YOURS
    for of in (ExportOf.CHANNEL, ExportOf.ALL):
        yield pressed(f"chatbot:choose:export:{of} json", key), NOT_ADMIN[of]
    for custom_id in ("whole:", "own:", "gone:1"):
        yield pressed(f"chatbot:{custom_id}:{key}"), NOT_YOURS
    yield pressed(f"chatbot:unpin::{key}", pin), NOT_YOURS
    yield submitted(f"chatbot:fact::{key}"), NOT_YOURS
    yield pressed(f"chatbot:one::{key}", "1"), NOT_YOURS
    yield submitted(f"chatbot:save:thread:{key}"), "You can only change settings"
    yield pressed(f"chatbot:wrong::{key}"), _ASKS  # and shows nothing


def from_there(
    fake: FakeDiscord, target: Target, *, sees: bool
) -> Iterator[tuple[tuple[int, dict[str, Any]], str]]:
    """Yield all that is about the place that it says to be sent from."""
    for word, why in (
        ("export", NOT_YOURS),
        ("forget", NOT_YOURS),
        ("memory", NOT_YOURS),
        ("pins", NOT_YOURS),
        ("reset", NOT_MEMBER),
    ):
        yield commanded(fake, word), why
    yield commanded(fake, "export", **{WHICH: "channel"}), NOT_ADMIN[ExportOf.CHANNEL]
    yield commanded(fake, "remember", text=FOREIGN), NOT_YOURS
    yield commanded(fake, "correct", fact=FOREIGN), NOT_YOURS
    yield commanded(fake, "unpin", number="1"), NOT_YOURS
    yield commanded(fake, "forget", number="1"), NOT_YOURS
    for menu in (EXPORT_MENU, FORGET_MENU, PIN_MENU):
        yield used(fake, menu, target.post), NOT_YOURS
    yield pressed("chatbot:remember"), NOT_YOURS
    yield pressed(f"chatbot:pin:{target.post.id}"), NOT_YOURS
    stop = pressed(f"chatbot:stop:{target.thread.thread}:{target.post.id}")
    yield stop, NOT_RUNNING if sees else NOT_YOURS
    if not sees:  # people may rate what they see
        yield submitted(f"chatbot:why:{target.post.id}"), NOT_YOURS


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Ann has threads, a private one and direct messages; others have no part in them."""
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        people = [fake.person(name) for name in NAMES]
        ann, bob, eve, mal, lef, den, fay, kim = people
        away = fake.guild("away")
        far, lia = fake.person("far", away), fake.person("lia")
        managers = fake.role("managers", Permission.MANAGE_GUILD, None, fay)
        fake.role("managers", Permission.ADMINISTRATOR, away, far)
        general, lobby = fake.channel("general"), fake.channel("lobby")
        elsewhere = fake.channel("elsewhere", away)
        async with bot_on(fake, store=store, discord_deny_users=den.id) as bot:
            await synced(fake)
            asked, thread = await talk(fake, bot, ann, general, f"The code is {SECRET}.")
            await fake.say(lef, thread, f"{fake.at_bot} I see.")
            await fake.replies(thread, 2)
            said = await use(fake, ann, thread, "remember", text=f"the pin is {SECRET}")
            assert "Pinned" in said.content
            secret = await fake.open_thread(ann, general, "secret", private=True)
            await fake.add_to_thread(fake.bot, secret)
            await fake.say(ann, secret, f"{fake.at_bot} The price is {SECRET}.")
            await fake.replies(secret)
            dm, empty = fake.dm(ann), fake.dm(bob)
            await fake.say(ann, dm, f"The key is {SECRET}.")
            await fake.replies(dm)
            await settled(bot)
            here = f"{general.guild}/{general.id}"
            targets = {
                "a thread": (thread, here),
                "a private thread": (secret, here),
                "a direct message": (dm, f"dm/{dm.id}"),
                "a direct message without a word": (empty, f"dm/{empty.id}"),
            }
            work = await store.peek(ThreadKey("discord", here, thread.id))
            assert work is not None
            await fake.deny(general, Permission.VIEW_CHANNEL, mal)
            fake.home.members[fay.id].roles.remove(managers.id)
            told = {who.id: member_json(fake.home.members[who.id]) for who in (*people, lia)}
            lies = told[lia.id] | {"roles": [managers.id], "permissions": _EVERY}
            abroad = member_json(away.members[far.id]) | {"permissions": _EVERY}
            await fake.kick(lef)
            attackers = {
                "one who only looks on": Attacker(eve, general, told[eve.id], sees=True),
                "one who sees other channels": Attacker(mal, lobby, told[mal.id]),
                "one who left": Attacker(lef, fake.dm(lef), told[lef.id], heard=None),
                "one who is denied": Attacker(den, lobby, told[den.id], heard=False),
                "a former manager": Attacker(fay, general, told[fay.id], sees=True),
                "one of whom the interaction lies": Attacker(lia, general, lies, sees=True),
                "one who is said to write direct messages": Attacker(
                    kim, general, told[kim.id], sees=True, server=""
                ),
                "another server's admin": Attacker(
                    far, elsewhere, abroad, heard=None, server=away.id
                ),
            }
            yield Scene(
                fake,
                bot,
                store,
                ann,
                asked,
                attackers,
                {
                    name: Target(
                        place,
                        ThreadKey("discord", above, place.id),
                        (fake.said_by_bot(place) or [asked])[-1],
                    )
                    for name, (place, above) in targets.items()
                },
                work.pins[0].id,
            )


async def test_nobody_reaches_a_thread_of_others_by_what_they_send(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with scene() as at:
        held, tried = Held.by(at.store), list[str]()
        caplog.clear()

        async def attack(name: str, by: Attacker) -> None:
            for goal, target in at.targets.items():
                guild = target.place.guild or "@me"
                link = f"https://discord.com/channels/{guild}/{target.place.id}/{target.post.id}"
                exported = commanded(at.fake, "export", **{MESSAGE: link})
                named = [(exported, NOT_YOURS), *by_name(target.thread, at.pin)]
                there = [*from_there(at.fake, target, sees=by.sees and goal == "a thread")]
                rows = [*((by.place, *row) for row in named), *((target.place, *r) for r in there)]
                for place, (kind, data), why in rows:
                    if goal in _ALIKE and not any(word in str(data) for word in _TELLING):
                        continue
                    said = await shown_then(at, sent(at, by, place, kind, data))
                    here = f"{name}, {goal}, {place.name}, {data}: {said}"
                    assert any(words in said for words in by.expected(why)), here
                    assert SECRET not in said, here
                    assert Held.by(at.store) == held, here
                    tried.append(here)

        await asyncio.gather(*(attack(*each) for each in at.attackers.items()))
        check_log(caplog, tried)


def crafted(thread: ThreadKey) -> Iterator[str]:
    """Yield texts that look like a thread's key, and are that of none."""
    good, place = str(thread), quote(thread.channel, safe="")
    guild, _, channel = thread.channel.partition("/")
    wide = chr(ord(good[-1]) + 0xFEE0)  # a digit of full width
    yield from (
        "x",
        ":::",
        good.replace("discord", "slack"),
        f"{good}:x",
        f"{good}%00",
        f"{good}%20",
    )
    yield from (good[:-1] + wide, good[:-1] + quote(wide), good.replace(":", "\N{FULLWIDTH COLON}"))
    yield from (f"discord:{place}:{'9' * 40}", f"discord:{place}%00:{thread.thread}")
    yield from (f"discord:{guild}%2F{guild}:{channel}", f"discord:{place}%2F{channel}:1")
    yield from (
        f"discord:dm%2F{channel}:{channel}",
        f"discord:dm%2F{channel}:1",
        "discord:dm%2F1:1",
    )
    yield from (f"discord:{place}:{channel}1", f"discord:{place}:%ED%A0%80", f"discord:{channel}:1")


NUMBERS = (
    *("0", "-1", "+1", "1 1", "1_0", "1.0", "x", "999", "0000000010", "9" * 30, "9" * 5000),
    *("\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT ONE}"),
)


async def test_a_value_that_no_version_had_is_refused_in_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is sent by a person who may do all of it in the thread that the value is like."""
    caplog.set_level(logging.INFO)
    async with scene() as at:
        held, tried, fake = Held.by(at.store), list[str](), at.fake
        caplog.clear()
        target, dm = at.targets["a thread"], at.targets["a direct message"]
        ann = Attacker(at.ann, target.place, member_json(fake.home.members[at.ann.id]))

        async def refused(sent_: tuple[int, dict[str, Any]], *why: str) -> None:
            said = await shown_then(at, sent(at, ann, target.place, *sent_))
            here = f"{sent_}: {said}"
            assert any(words in said for words in why), here
            assert Held.by(at.store) == held, here
            tried.append(here)

        for like in (target.thread, dm.thread):
            for key in set(crafted(like)) - {str(like)}:
                await refused(submitted(f"chatbot:fact::{key}"), NOT_YOURS, _UNREAD)
                await refused(pressed(f"chatbot:whole::{key}"), NOT_YOURS, _UNREAD)
                await refused(pressed("chatbot:choose:reset:", key), NOT_MEMBER, _UNREAD)
                await refused(pressed(f"chatbot:gone:1:{key}"), NOT_YOURS, _UNREAD)
        for number in NUMBERS:
            said = (_NO_NUMBER, "I remember no message", _UNREAD)
            await refused(pressed(f"chatbot:gone:{number}:{target.thread}"), *said)
            await refused(pressed(f"chatbot:one::{target.thread}", number), *said, "Forget message")
            await refused(commanded(fake, "forget", number=number), *said)
            await refused(commanded(fake, "unpin", number=number), NOT_PINNED)
        for old in (
            "chatbot:stop:1",
            "chatbot:keep:1",
            "chatbot:do:stop:x",
            "remember",
            "",
            "x" * 100,
        ):
            await refused(pressed(old), _UNREAD)
        check_log(caplog, tried)
