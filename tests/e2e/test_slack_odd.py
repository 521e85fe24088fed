"""Whatever Slack sends: it is acknowledged at once, the rest goes on, and who spoke hears a word.

The corpus is ours: what the fake sends of what people do. Where Slack's own samples lie beside the
checkout (see `shared/data`), they go the same way.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bots.slack.ui.commands import COMMAND, EXPORT_SHORTCUT, FORGET_SHORTCUT
from core.domain.clock import SystemClock
from core.domain.limits import UNREAD
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.e2e.slack_hands import filled, talk
from tests.fakes.slack import FakeSlack
from tests.odd import GONE, HUGE, OTHERS, changed, each_change, nested, places

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from core.models.port import ModelRequest
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack import Channel, Json, Message, User
    from tests.fakes.slack.delivery import Post, Sort

both = pytest.mark.parametrize("transport", TRANSPORTS)
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "slack-samples"
SAID = {None, "", "file_share", "thread_broadcast", "me_message"}
ASKS = ("block_actions", "message_action", "view_submission")
ENDS = {"app_uninstalled", "tokens_revoked"}
"""Events that tell the bot to go."""


def answered(request: ModelRequest) -> str:
    text = request.messages[-1].text
    return "re: once" if "once" in text else "re"


@asynccontextmanager
async def odd_world(
    caplog: pytest.LogCaptureFixture, transport: str = "socket"
) -> AsyncGenerator[tuple[FakeSlack, Bot]]:
    """Run a bot before a fake; at the end it still answers, and nothing has left a trace."""
    async with FakeSlack() as fake:
        fake.delivery.pace = 0
        fake.socket.patience = 30
        last = fake.person("last")
        async with bot_on(fake, ScriptedModel(reply=answered), transport=transport) as bot:
            if fake.http is not None:
                fake.http.patience = 30
            yield fake, bot
            await fake.settled()
            asked = await fake.say(last, fake.dm(last), "still there?")
            await fake.replies(fake.dm(last), asked.ts)
    traces = [r for r in caplog.records if r.exc_info or r.name in {"asyncio", "slack_bolt"}]
    assert [(r.name, r.getMessage()) for r in traces] == []


async def all_taken(fake: FakeSlack, posts: list[Post]) -> None:
    """See that all was acknowledged, and at the first attempt."""
    await fake.settled()
    assert [post.payload for post in posts if not post.acked or post.attempts > 1] == []


async def all_heard(people: dict[str, Any], heard: Callable[[str], bool]) -> None:
    """Wait until all have had a word; `people` says of each what they did."""
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            while not all(heard(who) for who in people):
                await asyncio.sleep(0.05)
    assert {who: what for who, what in people.items() if not heard(who)} == {}


# --- what is said ---------------------------------------------------------------------------------


def is_said_to_us(payload: Any, who: User, channel: Channel, *, named: str = "") -> bool:
    """Return whether it is clear that a person speaks to the bot, and who and where."""
    event = payload.get("event")
    if not isinstance(event, dict) or event.get("bot_id"):
        return False
    if (event.get("user"), event.get("channel")) != (who.id, channel.id):
        return False
    subtype, text = event.get("subtype"), event.get("text")
    if isinstance(subtype, str) and subtype not in SAID:
        return False
    called = not named or (isinstance(text, str) and named in text)
    return event.get("type") == "app_mention" or (event.get("type") == "message" and called)


@both
async def test_a_direct_message_with_anything_in_it_gets_an_answer_or_a_word(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    people, posts = {}, []
    async with odd_world(caplog, transport) as (fake, _):
        ann = fake.person("ann")
        file = fake.file(ann, "a.txt", "hello")
        (model,) = await fake.unheard(ann, fake.dm(ann), "hello <@U0> &amp; <!here>", files=[file])
        changes = [*each_change(model)][TRANSPORTS.index(transport) :: 9]
        for number, (place, value) in enumerate(changes):
            who = fake.person(f"p{number}")
            (payload,) = await fake.unheard(who, fake.dm(who), "hello", files=[file])
            payload = changed(payload, place, value)
            posts.append(fake.tell(payload))
            if is_said_to_us(payload, who, fake.dm(who)):
                people[who.id] = (place, value)
            if number % 20 == 0:
                await fake.settled()
                await all_heard(people, lambda who: bool(fake.said_by_app(fake.dm(who))))
        await all_taken(fake, posts)
        await all_heard(people, lambda who: bool(fake.said_by_app(fake.dm(who))))
    assert len(people) > 100


async def test_a_mention_with_anything_in_it_gets_an_answer_or_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    people, posts = {}, []
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        told = await fake.unheard(ann, general, f"{fake.at_bot} hello")
        changes = [(i, *each) for i, model in enumerate(told) for each in each_change(model)]
        for number, (index, place, value) in enumerate(changes[::11]):
            where = fake.channel(f"c{number}", ann)
            payload = (await fake.unheard(ann, where, f"{fake.at_bot} hello"))[index]
            payload = changed(payload, place, value)
            posts.append(fake.tell(payload))
            if is_said_to_us(payload, ann, where, named=fake.at_bot):
                people[where.id] = (index, place, value)
            if number % 20 == 0:
                await fake.settled()
                await all_heard(people, lambda where: bool(fake.said_by_app(where)))
        await all_taken(fake, posts)
        await all_heard(people, lambda where: bool(fake.said_by_app(where)))
    assert len(people) > 100


@pytest.mark.parametrize("value", HUGE, ids=["text", "signs", "list"])
async def test_something_huge_is_taken_like_the_rest(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    people, posts = {}, []
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        (model,) = await fake.unheard(ann, fake.dm(ann), "hello")
        for number, place in enumerate(places(model)):
            who = fake.person(f"p{number}")
            (payload,) = await fake.unheard(who, fake.dm(who), "hello")
            payload = changed(payload, place, value)
            posts.append(fake.tell(payload))
            if is_said_to_us(payload, who, fake.dm(who)):
                people[who.id] = place
        await all_taken(fake, posts)
        await all_heard(people, lambda who: bool(fake.said_by_app(fake.dm(who))))


async def test_what_breaks_a_parser_is_named_by_its_kind_and_its_author_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it may be that a parser can't do: here, a text that it trips over."""

    def trips(text: str, *_: Any) -> str:
        if "trip" in text:
            raise LookupError(text)
        return text

    monkeypatch.setattr("bots.slack.inbound.content.readable", trips)
    async with odd_world(caplog) as (fake, _):
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        await fake.say(ann, general, "trip nobody")
        asked = await fake.say(ann, general, f"{fake.at_bot} trip secretly")
        (word,) = await fake.replies(general, asked.ts)
        dm = await fake.say(ann, fake.dm(ann), "trip secretly")
        await all_taken(fake, [p for p in fake.delivery.posts if p.event.get("user") == ann.id])
        (other,) = await fake.replies(fake.dm(ann), dm.ts)
        assert word.text == other.text == UNREAD
        assert len(fake.said_by_app(general)) == 1
    said = [r.getMessage() for r in caplog.records if "could not be read" in r.getMessage()]
    assert len(said) >= 4  # a mention comes as two events, and a name may be asked for in between
    assert all("event_callback/" in line and "LookupError at" in line for line in said)
    assert "secretly" not in caplog.text


async def test_what_breaks_further_in_comes_once_more_and_is_then_skipped_with_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_world(caplog) as (fake, bot):
        ann, bob = fake.person("ann"), fake.person("bob")
        broken, take = ["once", "for good"], bot.intake.take
        fake.socket.patience = 0.5

        async def breaks(message: Any) -> Any:
            if message.text in broken:
                broken.remove("once") if message.text == "once" else None
                raise ZeroDivisionError
            return await take(message)

        bot.intake.take = breaks  # type: ignore[method-assign]
        passing = await fake.say(ann, fake.dm(ann), "once")
        staying = await fake.say(bob, fake.dm(bob), "for good")
        assert (await fake.replies(fake.dm(ann), passing.ts))[0].text == "re: once"
        assert (await fake.replies(fake.dm(bob), staying.ts))[0].text == UNREAD
        await fake.settled()
        posts = [p for p in fake.delivery.posts if p.event.get("user") in {ann.id, bob.id}]
        assert [(post.acked, post.attempts) for post in posts] == [(True, 2), (True, 2)]


# --- what is done ---------------------------------------------------------------------------------


def offers(fake: FakeSlack, channel: Channel, asked: Message) -> list[Message]:
    """Return what stands in a thread with buttons."""
    said = answers(fake, channel, asked.ts)
    return [m for m in said if any(block["type"] == "actions" for block in m.blocks)]


async def everything_done(fake: FakeSlack, ann: User) -> list[Post]:
    """Let a person do what can be done with the bot; return what it was told."""
    general = fake.channel("general", ann)
    asked = await talk(fake, ann, general, "hello")
    reply = await fake.say(ann, general, "and this", asked.ts)
    await fake.edit(reply, "and that")
    await fake.unfurl(reply)
    await fake.delete(reply)
    await fake.delete(asked)
    await fake.open_dm(ann)
    await fake.open_home(ann)
    await fake.until(lambda: ann.id in fake.homes)
    await fake.say(ann, general, f"{fake.at_bot} forget", asked.ts)
    await fake.until(lambda: offers(fake, general, asked))
    (offer,) = offers(fake, general, asked)
    for action in ("thread_memory", "thread_reset"):
        await fake.press(ann, action, fake.homes[ann.id])
    await fake.press(ann, "thread_forget", offer)
    modal = await filled(fake, ann)
    await fake.submit(ann, modal)
    for shortcut in (EXPORT_SHORTCUT, FORGET_SHORTCUT):
        await fake.shortcut(ann, offer, shortcut)
    for line in ("help", "memory", "reset", "export", "stats", "forget"):
        await fake.slash(ann, fake.dm(ann), f"{COMMAND} {line}")
    await fake.settled()
    return [post for post in fake.delivery.posts if ann.id in json.dumps(post.payload)]


def as_another(fake: FakeSlack, post: Post, ann: User, who: User) -> Json:
    """Return what was told as if another person had done it."""
    text = json.dumps(post.payload).replace(ann.id, who.id)
    text = text.replace(fake.dm(ann).id, fake.dm(who).id)
    payload: Json = json.loads(text)
    if "trigger_id" in payload:
        payload["trigger_id"] = fake._trigger(who)
    return payload


def is_asked_of_us(post: Post, who: User) -> bool:
    """Return whether it is clear that a person waits for something, and who."""
    payload, user = post.payload, post.payload.get("user")
    if post.kind == "slash_commands":
        return payload.get("user_id") == who.id and payload.get("command") == COMMAND
    known = isinstance(user, dict) and user.get("id") == who.id
    return known and post.kind == "interactive" and payload.get("type") in ASKS


@both
async def test_whatever_somebody_does_is_taken_and_who_waits_for_something_hears(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(7)
    async with odd_world(caplog, transport) as (fake, _):
        ann = fake.person("ann")
        corpus = await everything_done(fake, ann)
        kinds = {post.event.get("type") or post.payload.get("type") for post in corpus}
        assert {"app_home_opened", "block_actions", "message_action", "view_submission"} <= kinds
        people: dict[str, Any] = {}
        posts: list[Post] = []
        for number, post in enumerate(corpus):
            found = [*places(post.payload)]
            for place in chance.sample(found, min(12, len(found))):
                if post.kind == "slash_commands" and transport == "http":
                    value = chance.choice((GONE, "", "x", "\0", "9" * 40))  # a form has but text
                else:
                    value = chance.choice(OTHERS)
                who = fake.person(f"p{number}-{len(posts)}")
                payload = changed(as_another(fake, post, ann, who), place, value)
                posts.append(fake.tell(payload, post.kind))
                if is_asked_of_us(posts[-1], who):
                    people[who.id] = (post.kind, len(posts) - 1, place, value)
            await fake.settled()
        await all_taken(fake, posts)

        def heard(who: str) -> bool:
            outcome = posts[people[who][1]].outcome
            said = fake.said_by_app(fake.dm(who)) or fake.modals(who)
            return bool(said or (outcome and outcome.answer.get("text")))

        await all_heard(people, heard)
    assert len(people) > 60


# --- Slack's own samples --------------------------------------------------------------------------


def samples() -> Iterator[tuple[Sort, Json]]:
    """Yield Slack's samples with a kind each, and with what is blank in them filled in."""
    kinds: dict[str, Sort] = {"events": "events_api", "slash-commands": "slash_commands"}
    for file in sorted(SAMPLES.glob("**/*.json")):
        if file.parent.name != "api":
            payload = json.loads(file.read_text(encoding="utf-8"))
            if file.parent.name == "events":
                payload["type"] = "event_callback"
            yield kinds.get(file.parent.name, "interactive"), payload


async def test_each_of_slacks_own_samples_is_taken_with_anything_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(8)
    async with odd_world(caplog) as (fake, bot):
        ann = fake.person("ann")
        known = {"user": ann.id, "channel": fake.dm(ann).id, "text": "hello", "ts": "1.000001"}
        posts = []
        for kind, sample in samples():
            event = sample.get("event")
            if isinstance(event, dict):
                event |= {name: known[name] for name in known.keys() & event.keys()}
            found = list(places(sample))
            changes = [(chance.choice(found), chance.choice(OTHERS)) for _ in range(20)]
            posts.append(fake.tell(sample, kind))
            posts += [fake.tell(changed(sample, *change), kind) for change in changes]
            await fake.settled()
        await all_taken(fake, posts)
        assert bot.slack.sockets is not None
        assert not any(r.levelname == "CRITICAL" for r in caplog.records)


# --- what is read back ----------------------------------------------------------------------------


def with_other(name: str, value: Any) -> Callable[[Json], Any]:
    return lambda found: changed(found, (name,), value)


def alterations() -> Iterator[Callable[[Json], Any]]:
    """Yield what makes of a message in a channel's history something that nobody has foreseen."""
    for name in ("ts", "text", "user", "thread_ts", "latest_reply", "metadata", "files", "edited"):
        for value in (GONE, None, 7, "x", [], {}, {"event_payload": 5}, "\ud800", nested(50)):
            yield with_other(name, value)
    yield lambda _: None
    yield lambda _: "x"
    yield lambda _: []
    yield lambda found: found | {"text": "SLO breached <|View in Kibana>"}


async def odd_messages(fake: FakeSlack, who: User, channel: Channel, root: Message) -> None:
    """Put all of them into a channel, and into a thread of it."""
    for alter in alterations():
        for thread in (None, root.ts):
            fake.delivery.hold()
            made = await fake.say(who, channel, "hello", thread)
            fake.delivery.withheld()
            fake.altered[made.ts] = alter


async def test_what_was_missed_is_answered_whatever_stands_beside_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, store=store):
            known = await talk(fake, ann, general, "first?")
            await fake.settled()
        await odd_messages(fake, bob, general, known)
        missed = await fake.say(ann, general, f"{fake.at_bot} second?", known.ts)
        dm = await fake.say(ann, fake.dm(ann), "third?")
        async with bot_on(fake, store=store):
            await fake.replies(fake.dm(ann), dm.ts)
            await fake.until(
                lambda: any("second?" in m.text for m in answers(fake, general, known.ts))
            )
            again = await fake.say(ann, fake.dm(ann), "fourth?")
            await fake.replies(fake.dm(ann), again.ts)
            fake.socket.drop()  # it looks once more for what was missed
            late = await fake.say(ann, fake.dm(ann), "fifth?")
            await fake.replies(fake.dm(ann), late.ts)
    assert missed.ts
    assert not [r for r in caplog.records if r.exc_info or r.name == "asyncio"]


async def test_what_was_said_before_is_read_whatever_stands_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_world(caplog) as (fake, bot):
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        root = await fake.say(bob, general, "Rex is my dog")
        await odd_messages(fake, bob, general, root)
        asked = await fake.say(ann, general, f"{fake.at_bot} who is Rex?", root.ts)
        await fake.until(lambda: answers(fake, general, root.ts))
        (thread,) = (await bot.store.threads(person=ann.id)).threads
        texts = [getattr(r, "text", "") for r in await bot.store.history(thread.thread)]
    assert texts[0] == "Rex is my dog"
    assert "SLO breached View in Kibana" in texts
    assert asked.ts


async def test_a_direct_message_that_was_missed_and_cant_be_read_gets_a_word() -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        async with bot_on(fake, store=store):
            first = await fake.say(ann, fake.dm(ann), "hello")
            await fake.replies(fake.dm(ann), first.ts)
            await fake.settled()
        missed = await fake.say(ann, fake.dm(ann), "hello")
        fake.altered[missed.ts] = lambda found: found | {"text": None, "blocks": None}
        for _ in range(2):
            async with bot_on(fake, store=store):
                (word,) = await fake.replies(fake.dm(ann), missed.ts)
                await asyncio.sleep(0.3)
        assert word.text == UNREAD


# --- the socket -----------------------------------------------------------------------------------

FRAMES = {
    "no JSON": "{oops",
    "text": "hello",
    "a list": "[1]",
    "null": "null",
    "an empty object": "{}",
    "another kind": '{"type": "surprise"}',
    "no type": '{"envelope_id": "E1", "payload": {}}',
    "a type that is none": '{"type": 7, "envelope_id": "E2", "payload": {}}',
    "no payload": '{"type": "events_api", "envelope_id": "E3", "payload": null}',
    "a list as a payload": '{"type": "events_api", "envelope_id": "E4", "payload": [1]}',
    "text as a payload": '{"type": "events_api", "envelope_id": "E5", "payload": "x"}',
    "no event": '{"type": "events_api", "envelope_id": "E6", "payload": {"event": [1]}}',
    "a name that is none": '{"type": "events_api", "envelope_id": 7, "payload": {}}',
    "deep": '{"envelope_id": "E7", "payload": ' + "[" * 50_000,
    "a hello without anything": '{"type": "hello", "connection_info": null}',
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_whatever_comes_over_the_socket_it_stays_open(
    frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with odd_world(caplog) as (fake, _):
        for _ in range(2):
            await fake.socket.frame(frame)
        ann = fake.person("ann")
        asked = await fake.say(ann, fake.dm(ann), "hello")
        await fake.replies(fake.dm(ann), asked.ts)
        assert fake.socket.opened == 2


# --- the door -------------------------------------------------------------------------------------

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODIES = {
    "no JSON": (JSON, b"{oops"),
    "half of it": (JSON, b'{"type": "event_callback", "event": {'),
    "text": (JSON, b"hello"),
    "a list": (JSON, b"[1]"),
    "null": (JSON, b"null"),
    "nothing": (JSON, b""),
    "no UTF-8": (JSON, b'{"type": "\xff\xfe"}'),
    "deep": (JSON, b'{"event": ' + b"[" * 50_000),
    "a form that is none": (FORM, b"\xff=%%%&payload"),
    "a payload that is no JSON": (FORM, b"payload=%7Boops"),
    "a payload that is a list": (FORM, b"payload=[1]"),
    "a form of another kind": ("multipart/form-data", b"--x"),
    "an unknown charset": (f"{JSON}; charset=klingon", b"{}"),
}


@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
async def test_what_is_signed_and_cant_be_read_is_acknowledged_and_what_isnt_signed_goes_no_further(
    kind: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with odd_world(caplog, "http") as (fake, bot), aiohttp.ClientSession() as session:
        assert bot.slack.server is not None
        url = f"http://127.0.0.1:{bot.slack.server.port}/slack/events"

        async def status(**more: str) -> int:
            headers = {"content-type": kind, **more}
            async with session.post(url, data=body, headers=headers) as response:
                return response.status

        now = str(int(time.time()))
        base = b"v0:" + now.encode() + b":" + body
        digest = hmac.new(fake.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        at, by = "x-slack-request-timestamp", "x-slack-signature"
        is_text = b"\xff" not in body  # of anything else Slack makes no signature
        assert await status(**{at: now, by: f"v0={digest}"}) == (200 if is_text else 401)
        for odd in ({}, {at: now}, {at: now, by: "v0=\u00e4"}, {at: "soon", by: f"v0={digest}"}):
            assert await status(**odd) == 401
