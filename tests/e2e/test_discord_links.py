"""Links to other threads on Discord: what they carry over, to whom, and what they never do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from core.domain.linked import Unread
from core.domain.message import ThreadKey
from core.models.claude import ClaudeModel
from tests.e2e.discord_bot import Bot, bot_on
from tests.e2e.discord_hands import MEMBER, settled, talk
from tests.e2e.linking import EMPTY, NOT_FOR_ALL, NOT_THEIRS, UNASKED, bare, closing, linked, sent
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord, Permission
from tests.fakes.discord.faults import Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.fakes.discord import Channel, Message, User

CODE = "4711"


class Server(NamedTuple):
    """A server with a public and a private channel, and a thread in the private one."""

    fake: FakeDiscord
    claude: FakeClaude
    bot: Bot
    ann: User
    bob: User
    eve: User
    general: Channel
    ops: Channel
    secret: Message
    """Ann's message in `ops`."""
    thread: Channel
    """The thread that was opened from it."""

    async def ask(self, who: User, where: Channel, text: str) -> str:
        """Say something to the bot in a thread or a DM; return all that it has posted there."""
        fake, asked = self.fake, len(self.claude.requests)
        before = len(fake.said_by_bot(where))
        await fake.say(who, where, f"{fake.at_bot} {text}")
        await fake.until(lambda: len(self.claude.requests) > asked)
        await fake.replies(where, before + 1)
        await settled(self.bot)
        return "\n".join(each.content for each in fake.said_by_bot(where)[before:])


@asynccontextmanager
async def server() -> AsyncGenerator[Server, None]:
    claude = FakeClaude(lambda _: Talk("Well."))
    async with claude, FakeDiscord() as fake:
        ann, bob, eve = fake.person("ann"), fake.person("bob"), fake.person("eve")
        general, ops = fake.channel("general"), fake.channel("ops")
        model = ClaudeModel(claude.key, base_url=claude.url)
        async with closing(model), bot_on(fake, model, ANTHROPIC_API_KEY=KEY) as bot:
            for who in (ann, bob, fake.bot):
                await fake.allow(ops, Permission.VIEW_CHANNEL, who)
            await fake.deny(ops, Permission.VIEW_CHANNEL, fake.home.roles[fake.home.id])
            secret, thread = await talk(fake, bot, ann, ops, f"The launch code is {CODE}.")
            yield Server(fake, claude, bot, ann, bob, eve, general, ops, secret, thread)


def link(message: Message, guild: str, host: str = "discord.com") -> str:
    return f"https://{host}/channels/{guild}/{message.channel}/{message.id}"


async def test_a_link_carries_a_thread_over_for_one_answer() -> None:
    async with server() as at:
        dm, guild = at.fake.dm(at.ann), at.ops.guild
        reply = at.fake.said_by_bot(at.thread)[-1]
        found = [
            link(at.secret, guild),  # the message that opened the thread
            link(reply, guild, "canary.discord.com"),  # one in it
            f"<https://ptb.discord.com/channels/{guild}/{at.thread.id}>",  # the thread itself
        ]
        for each in found:
            shown = await at.ask(at.ann, dm, f"What is the code? {each}")
            block = linked(at.claude)
            assert f"The launch code is {CODE}." in block
            assert 'in="#ops in ' in block
            assert 'posted_by="Ann"' in block
            assert "Sources: [#ops in " in shown
        mine = ThreadKey("discord", f"dm/{dm.id}", dm.id)
        assert CODE not in str(await at.bot.store.history(mine))
        await at.ask(at.ann, dm, "And now?")
        assert CODE not in sent(at.claude)
        # A thread gets it, too, if all who read there can read it; and then once.
        _, pair = await talk(at.fake, at.bot, at.bob, at.ops, "hello")
        shown = await at.ask(at.bob, pair, " ".join(found))
        assert linked(at.claude).count("<chat_linked ") == 1
        assert CODE in linked(at.claude)
        await at.ask(at.ann, at.thread, f"See {found[0]}")
        assert linked(at.claude) == ""  # it is this thread


async def test_a_link_gives_no_right() -> None:
    async with server() as at:
        dm, there = at.fake.dm(at.eve), link(at.secret, at.ops.guild)
        assert NOT_THEIRS in await at.ask(at.eve, dm, there)
        refused = linked(at.claude)
        assert CODE not in sent(at.claude)
        # Nobody is told whether there is a message, a channel or a server.
        for odd in (
            there[:-4] + "0000",
            f"https://discord.com/channels/{at.ops.guild}/123456789012345678/123456789012345678",
            f"https://discord.com/channels/123456789012345678/{at.ops.id}/{at.secret.id}",
        ):
            assert NOT_THEIRS in await at.ask(at.eve, dm, odd)
            assert bare(linked(at.claude)) == bare(refused)
        # Nor are those who could read it, if others read along.
        _, open_ = await talk(at.fake, at.bot, at.ann, at.general, "hello")
        assert NOT_FOR_ALL in await at.ask(at.ann, open_, there)
        private = await at.fake.say(at.ann, at.fake.dm(at.ann), "Mine is 0815.")
        await at.fake.replies(at.fake.dm(at.ann))
        mine = link(private, "@me")
        assert NOT_THEIRS in await at.ask(at.bob, at.fake.dm(at.bob), mine)
        assert NOT_FOR_ALL in await at.ask(at.ann, at.thread, mine)
        assert "0815" not in sent(at.claude)
        # Who may no longer see it is asked for again; so is who may not see what was said before.
        assert CODE in await read(at, at.bob, there)
        await at.fake.deny(at.ops, Permission.READ_MESSAGE_HISTORY, at.bob)
        assert NOT_THEIRS in await at.ask(at.bob, at.fake.dm(at.bob), there)
        links = at.bot.discord.platform.links
        assert links is not None
        for key in (await links.threads_at(there), await links.threads_at(mine)):
            # An app posted it for them, and who they are is unknown.
            assert await links.why_not("app 1", key[0], key[0]) is Unread.NOT_THEIRS
        await at.fake.ban(at.ann)
        assert NOT_THEIRS in await at.ask(at.ann, at.fake.dm(at.ann), there)
        assert CODE not in linked(at.claude)


async def read(at: Server, who: User, there: str) -> str:
    """Post a link in a direct message; return what the model is shown of it."""
    await at.ask(who, at.fake.dm(who), there)
    return linked(at.claude)


async def test_a_private_thread_is_for_those_who_are_in_it() -> None:
    async with server() as at:
        thread = await at.fake.open_thread(at.ann, at.general, "secret", private=True)
        for who in (at.fake.bot, at.bob):
            await at.fake.add_to_thread(who, thread)
        asked = await at.fake.say(at.ann, thread, f"{at.fake.at_bot} The party is on Friday.")
        await at.fake.replies(thread)
        await settled(at.bot)
        there = link(asked, at.general.guild)
        assert "Friday" in await read(at, at.bob, there)
        _, open_ = await talk(at.fake, at.bot, at.ann, at.general, "hello")
        assert NOT_FOR_ALL in await at.ask(at.ann, open_, there)  # in the same channel
        assert NOT_THEIRS in await at.ask(at.eve, at.fake.dm(at.eve), there)
        at.fake.leave_thread(thread, at.bob)
        assert NOT_THEIRS in await at.ask(at.bob, at.fake.dm(at.bob), there)
        # A channel for all is for those in the private thread, too.
        public = at.fake.history(open_)[0]
        shown = await at.ask(at.ann, thread, link(public, at.general.guild))
        assert "Sources: [#general in " in shown


async def test_only_links_in_a_persons_own_words_count() -> None:
    async with server() as at:
        dm, there = at.fake.dm(at.ann), link(at.secret, at.ops.guild)
        near = there.replace("discord.com", "discord.com.evil.example")
        for text in (near, f"`{there}`", f"```\n{there}\n```", f"> {there}\nSo?"):
            await at.ask(at.ann, dm, f"Look:\n{text}")
            assert linked(at.claude) == ""
        file = at.fake.file("link.txt", f"see {there}")
        asked = len(at.claude.requests)
        await at.fake.say(at.ann, dm, "Read it.", files=[file])
        await at.fake.until(lambda: len(at.claude.requests) > asked)
        assert linked(at.claude) == ""
        await settled(at.bot)
        # Nor what a stranger said, to whom somebody replies.
        said = await at.fake.say(at.eve, at.general, f"See {there}")
        asked = len(at.claude.requests)
        await at.fake.say(at.ann, at.general, f"{at.fake.at_bot} what is it?", reply_to=said)
        await at.fake.until(lambda: len(at.claude.requests) > asked)
        assert linked(at.claude) == ""
        assert CODE not in sent(at.claude)


async def test_what_is_forgotten_or_unanswered_is_not_carried_over() -> None:
    async with server() as at:
        dm, there = at.fake.dm(at.ann), link(at.secret, at.ops.guild)
        at.fake.faults.next(MEMBER, *[Status(503)] * 8)
        assert UNASKED in await at.ask(at.ann, dm, there)
        at.fake.faults.clear()
        assert CODE not in sent(at.claude)
        place = f"{at.ops.guild}/{at.ops.id}"
        await at.bot.store.erase(ThreadKey("discord", place, at.thread.id), at=2**31)
        assert EMPTY in await at.ask(at.ann, dm, there)
        assert CODE not in sent(at.claude)


async def test_channels_with_the_same_readers_share_what_is_remembered() -> None:
    async with server() as at:
        fake = at.fake
        hidden = Permission.VIEW_CHANNEL
        twin = await fake.add_channel("twin")
        for who in (at.ann, at.bob, fake.bot):
            await fake.allow(twin, hidden, who)
        await fake.deny(twin, hidden, fake.home.roles[fake.home.id])
        there = link(at.secret, at.ops.guild)
        _, beside = await talk(fake, at.bot, at.ann, twin, "hello")
        assert "Sources: [#ops in " in await at.ask(at.ann, beside, there)
        await fake.allow(twin, hidden, at.eve)
        assert NOT_FOR_ALL in await at.ask(at.ann, beside, there)
        # A public channel is for all who are on the server, unless a role is kept out of it.
        news, _ = await talk(fake, at.bot, at.eve, at.general, "The fair is in May.")
        public = link(news, at.general.guild)
        assert "Sources: [#general in " in await at.ask(at.ann, at.thread, public)
        await fake.deny(at.general, hidden, fake.role("muted", Permission(0), None))
        assert NOT_FOR_ALL in await at.ask(at.ann, at.thread, public)


async def test_another_server_gets_nothing() -> None:
    claude = FakeClaude(lambda _: Talk("Well."))
    async with claude, FakeDiscord() as fake:
        ann = fake.person("ann")
        other = fake.guild("other", ann)
        general, lobby = fake.channel("general"), fake.channel("lobby", other)
        model = ClaudeModel(claude.key, base_url=claude.url)
        async with closing(model), bot_on(fake, model, ANTHROPIC_API_KEY=KEY) as bot:
            asked, _ = await talk(fake, bot, ann, general, f"The code is {CODE}.")
            there = link(asked, general.guild)
            _, beyond = await talk(fake, bot, ann, lobby, f"What is it? {there}")
            await fake.until(lambda: NOT_FOR_ALL in str(fake.said_by_bot(beyond)))
            assert CODE not in sent(claude)
            crafted = there.replace(general.guild, lobby.guild)
            await fake.say(ann, beyond, f"{fake.at_bot} And {crafted}?")
            await fake.until(lambda: NOT_THEIRS in str(fake.said_by_bot(beyond)))
            assert CODE not in sent(claude)
