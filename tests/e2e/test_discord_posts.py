"""Posts in forums and media channels, and threads that are made from nothing.

A post's opening message stands in the post and has the post's id (docs: topics/threads).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.ui.commands import EXPORT_MENU
from core.domain.clock import SystemClock
from core.domain.session import Entry
from core.intake.missed import TOO_LATE
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.store.urls import open_store
from tests.e2e.discord_bot import TOKENS, bot_on, until_true
from tests.e2e.discord_hands import answer, settled, synced, use
from tests.e2e.slack_bot import echo
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord, Intent, Refused
from tests.fakes.discord.faults import POST

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.models.port import ModelRequest
    from core.store.port import Store
    from tests.e2e.discord_bot import Bot
    from tests.e2e.program import Program
    from tests.fakes.discord import Channel

TITLE = "How do I rotate a page in Rust?"
LONG = "A paragraph. " * 100
HALF = Talk("Half of an answer, and then no more. " * 3, then="hang")


def store_of() -> LocalStore:
    return LocalStore(SystemClock(), lease_seconds=15)


def texts(fake: FakeDiscord, where: Channel) -> list[str]:
    return [message.content for message in fake.said_by_bot(where)]


def seen(request: ModelRequest) -> str:
    return "\n".join(message.text for message in request.messages)


def opens(title: str, words: str = "") -> str:
    """Return how the model reads the message that opens a thread with this title."""
    return "\n".join(filter(None, (words, f'<chat_quote kind="title">\n{title}\n</chat_quote>')))


async def kept(bot: Bot, thread: ThreadKey) -> dict[str, str]:
    """Return the words and quotes that are kept of a thread, by the ids of its messages."""
    records = await bot.store.history(thread)
    entries = [record for record in records if isinstance(record, Entry)]
    return {each.id: "\n".join((each.text, *(q.text for q in each.quotes))) for each in entries}


def prepare(program: Program, fake: FakeDiscord, claude: FakeClaude) -> None:
    program.settings |= {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "CHATBOT_LEASE_SECONDS": "1",
        "CHATBOT_DISCORD_BASE_URL": fake.api_url,
        "CHATBOT_STORE": f"sqlite:///{program.home}/chat.db",
        TOKENS: fake.token,
    }


async def given_up(store: Store) -> bool:
    return bool(await store.buried())


async def heard(bot: Bot, fake: FakeDiscord) -> None:
    """Wait until it is kept how far the server was heard."""
    name = f"discord:{bot.discord.platform.me.user}:{fake.home.id}/"

    async def is_kept() -> bool:
        return bool(await bot.store.cursor(name))

    await until_true(is_kept)


async def known(bot: Bot) -> ThreadKey:
    (info,) = (await bot.store.threads()).threads
    return info.thread


@pytest.mark.parametrize("kind", ["forum", "media"])
@pytest.mark.parametrize("text", ["see title, thanks!", ""])
async def test_the_opening_message_of_a_post_is_answered_in_it(kind: str, text: str) -> None:
    model = ScriptedModel(["One, ", 0.6, "two."], reply=echo)
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.channel("help", kind=kind)
        forum.tags = {fake.snowflake(): "rust", fake.snowflake(): "pdf"}
        async with bot_on(fake, model) as bot:
            file = fake.file("page.txt", "It lies on its side.")
            words = f"{fake.at_bot} {text}"
            post = await fake.post(ann, forum, TITLE, words, tags=["pdf", "rust"], files=[file])
            await fake.until(lambda: texts(fake, post) == ["One, two."])
            await settled(bot)
            (said,) = fake.said_by_bot(post)
            assert said.reference is None
            assert said.edits >= 1
            await fake.say(ann, post, "and two pages?")
            assert [m.content for m in await fake.replies(post, 2)][1] == "re: and two pages?"
            assert await bot.store.buried() == ()
        assert fake.typing_in(post)
        assert fake.typing_in(forum) == 0
        assert len(fake.said_by_bot()) == 2
    first = seen(model.calls[0])
    assert opens(f"{TITLE}\nTags: rust, pdf", text) in first
    assert "It lies on its side." in first
    assert seen(model.calls[1]).count(f"\n{TITLE}\n") == 1
    assert f'<chat_place name="{TITLE} (#help in {fake.home.name})"/>' in seen(model.calls[1])


async def test_a_post_is_left_alone_unless_it_mentions_the_bot_and_is_known_when_it_does() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, ben, forum = fake.person("ann"), fake.person("ben"), fake.forum("help")
        robot = fake.other_bot("robot", fake.home)
        async with bot_on(fake, model):
            post = await fake.post(ann, forum, TITLE, "Mine lies on its side.")
            for number in range(120):
                await fake.say(ben, post, f"Try {number}!")
            await fake.say(ben, post, f"{fake.at_bot} what do you think?")
            await fake.replies(post)
            shown = await fake.post(robot, forum, "Version 2 is out", "New: pages.")
            await fake.say(ann, shown, f"{fake.at_bot} what is new?")
            await fake.replies(shown)
    assert opens(TITLE, "Mine lies on its side.") in seen(model.calls[0])
    assert "Try 119!" in seen(model.calls[0])
    assert opens("Version 2 is out", "New: pages.") in seen(model.calls[1])
    assert re.search(r'from="robot" person="\w+" app="yes" overheard="yes">', seen(model.calls[1]))


@pytest.mark.parametrize("overhears", [True, False])
async def test_the_title_of_a_thread_that_was_made_from_nothing_is_known(overhears: bool) -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake, model, overhear=overhears) as bot:
            thread = await fake.open_thread(ann, general, "Why does cargo fail with E0502?")
            await fake.say(ben, thread, "I know that one.")
            await fake.say(ann, thread, f"{fake.at_bot} ^ title")
            await fake.replies(thread)
            await settled(bot)
            await fake.rename(thread, "Why does cargo fail with E0499?")
            place = await known(bot)

            async def renamed() -> bool:
                return "E0499" in str(await kept(bot, place))

            await until_true(renamed)
            await fake.say(ann, thread, f"{fake.at_bot} and now?")
            await fake.replies(thread, 2)
    assert "Ann" in seen(model.calls[0])
    assert opens("Why does cargo fail with E0502?") in seen(model.calls[0])
    assert ("I know that one." in seen(model.calls[0])) == overhears
    assert "E0499" in seen(model.calls[1])
    assert "E0502" not in seen(model.calls[1])


async def test_commands_are_done_in_the_opening_message_of_a_post() -> None:
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        async with bot_on(fake) as bot:
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} help")
            await fake.until(lambda: "export" in "".join(texts(fake, post)))
            other = await fake.post(ann, forum, "Rust", f"{fake.at_bot} reset")
            await fake.until(lambda: fake.said_by_bot(fake.dm(ann)))
            third = await fake.post(ann, forum, "Memory", f"{fake.at_bot} memory")
            await fake.until(lambda: "Press the button" in "".join(texts(fake, third)))
            assert texts(fake, other) == []
            assert (await bot.store.threads()).threads == ()


async def test_the_opening_message_of_a_post_may_be_edited_renamed_and_deleted() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        async with bot_on(fake, model) as bot:
            post = await fake.post(ann, forum, TITLE, "see title")
            opening = fake.history(post)[0]
            await fake.edit(opening, f"{fake.at_bot} see title")
            await fake.replies(post)
            await settled(bot)
            place = await known(bot)

            async def said(*words: str) -> None:
                async def holds() -> bool:
                    found = str(await kept(bot, place))
                    return all(word in found for word in words)

                await until_true(holds)

            await fake.rename(post, "My PIN is 1234")
            await said("1234", "see title")
            await fake.edit(opening, f"{fake.at_bot} look above")
            await said("1234", "look above")
            await fake.rename(post, "A question")
            await said("A question", "look above")
            await fake.delete(opening)

            async def gone() -> bool:
                return (await kept(bot, place))[post.id] == ""

            await until_true(gone)
            await fake.rename(post, "My PIN is 1234")
            await fake.say(ann, post, f"{fake.at_bot} what do you know?")
            await fake.replies(post, 2)
    assert opens(TITLE, "see title") in seen(model.calls[0])
    assert "A question" not in seen(model.calls[-1])
    assert f"My PIN is 1234 (#help in {fake.home.name})" in seen(model.calls[-1]), "all see it"
    assert seen(model.calls[-1]).count("1234") == 1


@pytest.mark.parametrize("code", [40058, 0])
async def test_a_post_that_is_not_open_yet_is_waited_for(code: int) -> None:
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        fake.post_settles = 0 if code else 2.5
        if code:
            fake.faults.next(POST, *[Refused(code)] * 3)
        async with bot_on(fake, ScriptedModel(["One, ", 0.6, "two."])) as bot:
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            await fake.until(lambda: texts(fake, post) == ["One, two."])
            await settled(bot)
            assert await bot.store.buried() == ()
        assert len(fake.said_by_bot()) == 1


async def test_an_opening_message_that_is_put_in_again_is_answered_in_its_post() -> None:
    model = ScriptedModel("first", reply=echo)
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        fake.faults.next(POST, *[Refused(50013)] * 2)
        async with bot_on(fake, model) as bot:
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")

            await until_true(lambda: given_up(bot.store))
            await fake.say(ann, post, "anybody?")
            await fake.replies(post)
            await settled(bot)
            (found,) = await bot.store.buried()
            assert await bot.store.requeue(found.thread, found.entry.position)
            await fake.replies(post, 2)
            await settled(bot)
            assert await bot.store.buried() == ()
        assert texts(fake, post) == ["re: anybody?", "re: see title"]
        assert texts(fake, forum) == []


@pytest.mark.parametrize("nonces", [True, False])
async def test_a_killed_process_leaves_one_answer_in_a_post(program: Program, nonces: bool) -> None:
    async with FakeDiscord() as fake, FakeClaude() as claude:
        fake.nonce_in_history = nonces
        prepare(program, fake, claude)
        ann, forum = fake.person("ann"), fake.forum("help")
        claude.next(HALF, Talk("Whole."))
        running = await program.start("run")
        try:
            await fake.connected(within=30)
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            await fake.until(lambda: texts(fake, post), 30)
            await running.kill()
            running = await program.start("run")
            await fake.until(lambda: texts(fake, post) == ["Whole."], 30)
        finally:
            await running.kill()
        assert texts(fake, post) == ["Whole."]
        assert fake.said_by_bot(forum) == []


async def test_what_is_put_in_again_and_killed_takes_no_other_answer_away(
    program: Program,
) -> None:
    """An opening message is no reply's, so what stands behind it is told by its words alone."""
    async with FakeDiscord() as fake, FakeClaude() as claude:
        prepare(program, fake, claude)
        ann, forum = fake.person("ann"), fake.forum("help")
        claude.next(Talk("Unsaid."), Talk("Two."), Talk("Three."), HALF, Talk("Said."))
        fake.faults.next(POST, *[Refused(50013)] * 2)
        running = await program.start("run")
        try:
            await fake.connected(within=30)
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            url = program.settings["CHATBOT_STORE"]
            store = await open_store(url, clock=SystemClock(), lease_seconds=1)
            await until_true(lambda: given_up(store))
            for number, text in enumerate(("two?", "three?"), 1):
                await fake.say(ann, post, f"{fake.at_bot} {text}")
                await fake.replies(post, number)
            (found,) = await store.buried()
            assert await store.requeue(found.thread, found.entry.position)
            await store.close()
            await fake.replies(post, 3)
            await running.kill()
            running = await program.start("run")
            await fake.until(lambda: texts(fake, post)[-1] == "Said.", 30)
        finally:
            await running.kill()
        assert texts(fake, post) == ["Two.", "Three.", "Said."]


@pytest.mark.parametrize("archived", [True, False])
@pytest.mark.parametrize("named", [True, False])
async def test_posts_that_were_made_while_it_was_away_are_found(
    archived: bool, named: bool
) -> None:
    """In a forum that it knows, or that is named in the settings."""
    store = store_of()
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        general = fake.channel("general")
        async with bot_on(fake, model, store=store) as bot:
            asked = await fake.say(ann, general, f"{fake.at_bot} hello")
            await fake.replies(await fake.thread(asked))
            if not named:
                first = await fake.post(ann, forum, "First", f"{fake.at_bot} hi")
                await fake.replies(first)
            await settled(bot)
            await heard(bot, fake)
        post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
        other = await fake.post(ann, forum, "Not for it", "Hello, everybody.")
        later = await fake.post(ann, forum, "For it later", "Hello, everybody.")
        await fake.say(ann, later, f"{fake.at_bot} and you?")
        thread = await fake.open_thread(ann, general, "Beside")
        await fake.say(ann, thread, f"{fake.at_bot} and here?")
        for place in (post, other, later) if archived else ():
            await fake.archive(place)
        more: dict[str, Any] = {"discord_catch_up_channels": forum.id} if named else {}
        async with bot_on(fake, model, store=store, **more) as bot:
            for place in (post, later, thread):
                await fake.replies(place)
            await settled(bot)
        assert texts(fake, post) == ["re: see title"]
        assert texts(fake, later) == ["re: and you?"]
        assert texts(fake, thread) == ["re: and here?"]
        assert texts(fake, other) == []
        found = (await store.threads()).threads
        assert other.id not in {info.thread.thread for info in found}


async def test_a_post_that_is_too_old_gets_one_line() -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        async with bot_on(fake, store=store) as bot:
            first = await fake.post(ann, forum, "First", f"{fake.at_bot} hi")
            await fake.replies(first)
            await heard(bot, fake)
        post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
        for _ in range(2):
            async with bot_on(fake, store=store, discord_catch_up_hours=0):
                await fake.until(lambda: texts(fake, post) == [TOO_LATE])
        assert len(fake.said_by_bot()) == 2


async def test_a_post_is_known_by_its_link_and_its_menu_and_is_told_of_refusals() -> None:
    async with FakeDiscord() as fake:
        ann, forum, general = fake.person("ann"), fake.forum("help"), fake.channel("general")
        async with bot_on(fake) as bot:
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            await fake.replies(post)
            await settled(bot)
            await synced(fake)
            for link in (f"{post.id}/{post.id}", post.id):
                whole = f"https://discord.com/channels/{fake.home.id}/{link}"
                shown = await use(fake, ann, general, "export", message=whole)
                assert TITLE in shown.files[0].data.decode()
            asked = await fake.menu(ann, fake.history(post)[0], EXPORT_MENU)
            assert TITLE in (await answer(fake, asked)).files[0].data.decode()
            words = f"{fake.at_bot} {'word ' * 20_000}"
            long = await fake.post(ann, forum, "Long", words)
            await fake.until(lambda: "too long" in "".join(texts(fake, long)))


async def test_without_the_intent_a_post_that_mentions_it_is_answered() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        fake.granted = Intent(0)
        ann, forum = fake.person("ann"), fake.forum("help")
        async with bot_on(fake, model):
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            await fake.replies(post)
            other = await fake.post(ann, forum, "Another", "Hello.")
            await fake.say(ann, other, f"{fake.at_bot} see above")
            await fake.replies(other)
    assert opens(TITLE) in seen(model.calls[0])
    assert opens("Another") in seen(model.calls[1])


async def test_two_replicas_answer_a_post_once_while_it_is_written() -> None:
    store = store_of()
    gate = asyncio.Event()
    async with FakeDiscord() as fake:
        ann, forum = fake.person("ann"), fake.forum("help")
        fake.faults.twice, fake.faults.shuffle = True, 0.05
        model = ScriptedModel([LONG, gate, "The end."], reply=echo)
        async with bot_on(fake, model, store=store), bot_on(fake, model, store=store):
            await fake.connected(2)
            post = await fake.post(ann, forum, TITLE, f"{fake.at_bot} see title")
            await fake.replies(post)
            gate.set()
            await fake.until(lambda: texts(fake, post)[-1].endswith("The end."))
        assert len(fake.said_by_bot()) == 1
