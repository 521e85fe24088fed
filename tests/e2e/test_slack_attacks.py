"""Crafted buttons, modals, shortcuts and links on Slack, by people who have no right to them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from bots.slack.ui import views
from bots.slack.ui.commands import SETTINGS_SHORTCUT
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_HEARD, NOT_MEMBER
from core.commands.export.exports import NOT_ADMIN, NOTHING
from core.commands.export.request import ExportOf
from core.commands.pins import NOT_PINNED
from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.store.local.store import LocalStore
from tests.e2e.attacks import FOREIGN, SECRET, Held, check_log
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import files_in, shown, talk
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    import pytest

    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, Message, User

_UNREAD = "I could not read that request."
_GONE = "That message is gone"


class Scene(NamedTuple):
    fake: FakeSlack
    bot: Bot
    store: LocalStore
    ann: User
    general: Channel
    asked: Message
    attackers: dict[str, User]
    targets: dict[str, tuple[ThreadKey, str]]
    """By what each is: a thread of others, and a message of the bot's in it."""
    pin: str


def pressed(fake: FakeSlack, who: User, action: str, value: str, *, carried: str = "") -> Any:
    """Return the payload of a button that no view of the app's has."""
    view = {"id": "V0", "type": "home", "private_metadata": carried}
    return fake._base("block_actions", who, None) | {
        "view": view,
        "container": {"type": "view", "view_id": "V0"},
        "actions": [
            {"action_id": action, "block_id": "b", "type": "button", "value": value}
            | {"action_ts": fake.stamp()}
        ],
    }


def submitted(fake: FakeSlack, who: User, callback: str, metadata: str) -> Any:
    """Return the payload of a modal that the app never opened."""
    field = {"fact": {"fact": {"type": "plain_text_input", "value": f"{FOREIGN} is right"}}}
    view = {
        "id": "V0",
        "type": "modal",
        "callback_id": callback,
        "private_metadata": metadata,
        "state": {"values": field},
    }
    return fake._base("view_submission", who, None) | {"view": view, "response_urls": []}


def used(fake: FakeSlack, who: User, callback: str, channel: str, ts: str) -> Any:
    """Return the payload of a shortcut on a message that its user can't see."""
    return fake._base("message_action", who, None) | {
        "callback_id": callback,
        "channel": {"id": channel, "name": "x"},
        "message_ts": ts,
        "message": {"type": "message", "user": who.id, "ts": ts, "text": f"{FOREIGN}!"},
    }


async def shown_then(at: Scene, who: User, gesture: Awaitable[object]) -> str:
    """Let a person do something; return all that they are shown then, which is no file."""
    fake, dm = at.fake, at.fake.dm(who)
    for modal in fake.modals(who):
        del fake.views[modal.id]
    before, whispers = len(fake.said_by_app(dm)), len(fake.shown_to(who))

    def seen() -> list[str]:
        opened = [shown(modal) for modal in fake.modals(who)]
        said = [m.text for m in fake.said_by_app(dm)[before:]]
        whispered = [e.text for e in fake.shown_to(who)[whispers:]]
        return [text for text in (*opened, *said, *whispered) if text != "…"]

    await gesture
    await fake.until(seen)
    assert files_in(fake, dm) == []
    return "\n".join(seen())


@asynccontextmanager
async def scene(**more: Any) -> AsyncIterator[Scene]:
    """Ann has a thread, a direct message and a private channel; others have no part in them."""
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        eve, mal, lef, gus = (fake.person(name) for name in ("eve", "mal", "lef", "gus"))
        fay, out = fake.person("fay", admin=True), fake.stranger("out")
        gus.is_guest = True
        general = fake.channel("general", ann, bob, eve, lef)
        board = fake.channel("board", ann, bob, lef, kind="private")
        fake.channel("lobby", mal, gus)
        group, dm = fake.group_dm(ann, bob), fake.dm(ann)
        admins = f"workspace,{gus.id}"
        async with bot_on(fake, store=store, slack_admins=admins, **more) as bot:
            asked = await talk(fake, ann, general, f"The code is {SECRET}.")
            await talk(fake, lef, general, "I see.", asked)
            boarded = await talk(fake, ann, board, f"The price is {SECRET}.")
            await talk(fake, lef, board, "I see.", boarded)
            grouped = await talk(fake, ann, group, f"The word is {SECRET}.")
            alone = await fake.say(ann, dm, f"The key is {SECRET}.")
            await fake.replies(dm, alone.ts)
            await fake.say(ann, general, f"{fake.at_bot} remember the pin is {SECRET}", asked.ts)
            await fake.until(lambda: "Pinned" in fake.thread(general, asked.ts)[-1].text)
            await fake.settled()
            await fake.leave(lef, general)
            await fake.leave(lef, board)
            fay.is_admin = False
            team = fake.team.id
            places = {
                "thread": (general, asked.ts),
                "private": (board, boarded.ts),
                "group": (group, grouped.ts),
            }
            targets = {
                name: (
                    ThreadKey("slack", f"{team}/{place.id}", ts),
                    answers(fake, place, ts)[0].ts,
                )
                for name, (place, ts) in places.items()
            }
            targets["dm"] = (
                ThreadKey("slack", f"{team}/{dm.id}", dm.id),
                answers(fake, dm, alone.ts)[0].ts,
            )
            work = await store.peek(targets["thread"][0])
            assert work is not None
            attackers = {
                "one who only looks on": eve,
                "a member of another channel": mal,
                "one who left": lef,
                "a guest who is named as an admin": gus,
                "a former admin": fay,
                "another organisation's": out,
            }
            pin = work.pins[0].id
            yield Scene(fake, bot, store, ann, general, asked, attackers, targets, pin)


def gestures(at: Scene, who: User, thread: ThreadKey, post: str) -> Iterator[tuple[Any, str]]:
    """Yield all that a person can send on a thread of others, and what it says to them."""
    fake = at.fake
    channel = thread.channel.partition("/")[2]
    ts = thread.thread if thread.thread != channel else post
    for action, value, why in (
        ("thread_export", f"{thread}", NOT_YOURS),
        ("thread_export", f"{thread} thread zip since 2026-01-01", NOT_YOURS),
        ("thread_export", f"{thread} channel json", NOT_ADMIN[ExportOf.CHANNEL]),
        ("thread_export", f"{thread} all json", NOT_ADMIN[ExportOf.ALL]),
        ("thread_memory", f"{thread}", NOT_YOURS),
        ("thread_reset", f"{thread}", NOT_MEMBER),
        ("thread_forget", f"{thread}", NOT_YOURS),
        ("pin_remove", f"{at.pin} {thread}", NOT_YOURS),
        ("pin_remove", f"1 {thread}", NOT_YOURS),
        ("message_forget", f"1 {thread}", NOT_YOURS),
        ("pin_correct", f"{thread}", NOT_YOURS),
        ("pin_keep", f"{ts} {thread}", NOT_YOURS),
        ("pin_here", f"- {thread}", NOT_YOURS),
        ("thread_settings", f"{thread}", NOT_YOURS),
    ):
        if action == "thread_settings" and channel == at.general.id:
            continue  # what holds in a public channel is no secret
        carried = f"remember {FOREIGN}" if action == "pin_here" else ""
        yield pressed(fake, who, action, value, carried=carried), why
    for callback, metadata, why in (
        (views.FORGET, f"whole {thread}", NOT_YOURS),
        (views.FORGET, f"own {thread}", NOT_YOURS),
        (views.CORRECT, f"{thread}", NOT_YOURS),
        (views.WHY, f"{post} {thread}", NOT_YOURS),
    ):
        if callback == views.WHY and channel == at.general.id and who.id in at.general.members:
            continue  # people may rate what they see
        yield submitted(fake, who, callback, metadata), why
    for callback in ("export_thread", "forget_thread", "pin_message", SETTINGS_SHORTCUT):
        if callback == SETTINGS_SHORTCUT and channel == at.general.id:
            continue
        yield used(fake, who, callback, channel, ts), NOT_YOURS


async def test_nobody_reaches_a_thread_of_others_by_a_crafted_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with scene() as at:
        held, deeds, tried = Held.by(at.store), len(at.store.deeds), list[str]()
        caplog.clear()

        async def attack(name: str, who: User) -> None:
            for target, (thread, post) in at.targets.items():
                link = f"https://acme.slack.com/archives/{thread.channel.partition('/')[2]}/p"
                command = f"/chatbot export {link}{post.replace('.', '')}"
                if thread.thread.count("."):
                    command += f"?thread_ts={thread.thread}"
                slash = at.fake.slash(who, at.fake.dm(who), command)
                sent = ((at.fake._interact(p), why) for p, why in gestures(at, who, thread, post))
                for gesture, why in itertools.chain([(slash, NOT_YOURS)], sent):
                    said = await shown_then(at, who, gesture)
                    expected = NOT_HEARD if who.team != at.fake.team.id else why
                    if who.is_guest and why in NOT_ADMIN.values():
                        expected = NOTHING  # an admin, to whom Slack shows none of it
                    here = f"{name}, {target}, {len(tried)}: {said}"
                    assert expected in said, here
                    assert SECRET not in said, here
                    assert Held.by(at.store) == held, here
                    tried.append(here)

        await asyncio.gather(*(attack(*each) for each in at.attackers.items()))
        check_log(caplog, tried)
        guest = at.attackers["a guest who is named as an admin"].id
        assert {deed.by for deed in [*at.store.deeds.values()][deeds:]} == {guest}


async def test_another_organisations_admin_is_none_here() -> None:
    """They may talk to the bot, and are in the channel by Slack Connect."""
    async with scene(slack_allow_strangers=True) as at:
        out = at.attackers["another organisation's"]
        out.is_admin = out.is_owner = True
        await at.fake.join(out, at.general)
        held, deeds = Held.by(at.store), len(at.store.deeds)
        for target in ("thread", "private"):
            for payload, why in gestures(at, out, *at.targets[target]):
                said = await shown_then(at, out, at.fake._interact(payload))
                assert why in said, payload
                assert SECRET not in said
        assert Held.by(at.store) == held
        assert len(at.store.deeds) == deeds


def crafted(team: str, channel: str, ts: str) -> Iterator[str]:
    """Yield texts that look like the key of a thread, and are that of none."""
    good, place = str(ThreadKey("slack", f"{team}/{channel}", ts)), quote(f"{team}/{channel}", "")
    wide = chr(ord(ts[-1]) + 0xFEE0)  # a digit of full width
    yield from ("x", "slack", ":::", "slack::", good.replace("slack", "discord"), f"{good}:x")
    yield from (f"{good}%00", f"{good}%20", f"{good}%0A", f"{good}{'0' * 1500}")
    yield from (good.replace(":", "\N{FULLWIDTH COLON}"), good[:-1] + wide, good[:-1] + quote(wide))
    yield from (f"slack:T0OTHER%2F{channel}:{ts}", f"slack:{channel}:{ts}", f"slack:{place}:")
    yield from (f"slack:{place}%2F{channel}:{ts}", f"slack:%2F{place}:{ts}", f"slack:{place}:..")
    yield from (
        f"slack:{place}:%ED%A0%80",
        f"slack:{place}%ED%A0%80:{ts}",
        f"slack:{place}%00:{ts}",
    )
    yield from (f"slack:{place}:{'9' * 1500}", f"slack:{place}{'A' * 1500}:{ts}")
    yield from (
        f"slack:{place}:{quote(odd, safe='')}" for odd in ("}x{", "1/2", "*", "-1", "1.2.3")
    )


NUMBERS = (
    *("0", "-1", "+1", "1 1", "1_0", "1.0", "", "x", "999", "0000000010", "9" * 30, "9" * 1500),
    *("\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT ONE}"),
)


async def test_a_value_that_no_version_had_is_refused_in_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is pressed by a person who may do all of it in the thread that the value is like."""
    caplog.set_level(logging.INFO)
    async with scene() as at:
        held, ann, tried = Held.by(at.store), at.ann, list[str]()
        caplog.clear()
        (thread, post), (dm, _) = at.targets["thread"], at.targets["dm"]

        async def refused(payload: Any, *why: str) -> None:
            said = await shown_then(at, ann, at.fake._interact(payload))
            here = f"{payload.get('actions', payload.get('view'))}: {said}"
            assert any(words in said for words in why), here
            assert Held.by(at.store) == held, here
            tried.append(here)

        for place in (thread, dm):
            channel = place.channel.partition("/")[2]
            for key in crafted(at.fake.team.id, channel, place.thread):
                pins = pressed(at.fake, ann, "pin_here", f"- {key}", carried=f"remember {FOREIGN}")
                await refused(pins, NOT_YOURS)
                await refused(submitted(at.fake, ann, views.CORRECT, key), NOT_YOURS)
                if place is thread:
                    press = pressed(at.fake, ann, "thread_reset", key)
                    await refused(press, NOT_MEMBER, _UNREAD)
                    forget = submitted(at.fake, ann, views.FORGET, f"whole {key}")
                    await refused(forget, NOT_YOURS, _UNREAD)
                    await refused(submitted(at.fake, ann, views.WHY, f"{post} {key}"), NOT_YOURS)
        for number in NUMBERS:
            message = pressed(at.fake, ann, "message_forget", f"{number} {thread}")
            await refused(message, NOT_YOURS, "I remember no message")
            await refused(pressed(at.fake, ann, "pin_remove", f"{number} {thread}"), NOT_PINNED)
            await refused(pressed(at.fake, ann, "pin_keep", f"{number} {thread}"), _GONE)
        check_log(caplog, tried)


async def test_what_one_types_breaks_nobodys_export_and_nobodys_memory() -> None:
    """Half a character, or NUL, in a reason or a pin would fail where it is written, each time."""
    async with scene() as at:
        fake, eve = at.fake, at.attackers["one who only looks on"]
        thread, post = at.targets["thread"]
        for who, callback, named in (
            (eve, views.WHY, f"{post} {thread}"),
            (at.ann, views.CORRECT, f"{thread}"),
        ):
            payload = submitted(fake, who, callback, named)
            field = payload["view"]["state"]["values"]["fact"]["fact"]
            field["value"] = f"{FOREIGN}\ud800\0."
            await shown_then(at, who, fake._interact(payload))
        dm = fake.dm(at.ann)
        for number, form in enumerate(("json", "md", "zip"), 1):
            await fake._interact(pressed(fake, at.ann, "thread_export", f"{thread} thread {form}"))
            await fake.until(lambda n=number: len(files_in(fake, dm)) == n)  # type: ignore[misc]
        for file in files_in(fake, dm)[:2]:
            assert file.data.decode().count(f"{FOREIGN}\ufffd\ufffd.") == 2
        asked = await fake.say(at.ann, at.general, f"{fake.at_bot} hello", at.asked.ts)
        await fake.until(lambda: fake.thread(at.general, at.asked.ts)[-1].text == "re: hello")
        assert asked
