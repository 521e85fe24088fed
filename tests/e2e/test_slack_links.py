"""Links to other threads on Slack: what they carry over, to whom, and what they never do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from core.domain.message import ThreadKey
from core.models.claude import ClaudeModel
from tests.e2e.linking import EMPTY, NOT_FOR_ALL, NOT_THEIRS, UNASKED, bare, closing, linked, sent
from tests.e2e.slack_bot import Bot, answers, bot_on
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.slack import FakeSlack, Limited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.fakes.slack import Channel, Message, User

CODE = "4711"


class Office(NamedTuple):
    """A workspace with a public and a private channel, and a thread in the private one."""

    fake: FakeSlack
    claude: FakeClaude
    bot: Bot
    ann: User
    bob: User
    eve: User
    general: Channel
    ops: Channel
    secret: Message
    """Ann's message in `ops`, which opened a thread."""

    async def ask(self, who: User, where: Channel, text: str, ts: str = "") -> str:
        """Say something to the bot, in a thread if one is given; return its answer's blocks."""
        fake, asked = self.fake, len(self.claude.requests)
        said = await fake.say(who, where, f"{fake.at_bot} {text}", ts or None)
        root = ts or said.ts
        before = len(answers(fake, where, root)) if ts else 0
        await fake.replies(where, root, before + 1)
        assert len(self.claude.requests) == asked + 1
        await self.settled()
        return str(answers(fake, where, root)[-1].blocks)

    def questions(self) -> int:
        """Return how often it was asked who may read what."""
        return len(self.fake.web.made("conversations.members"))

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while self.bot.worker._turns:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def office() -> AsyncGenerator[Office, None]:
    claude = FakeClaude(lambda _: Talk("Well."))
    async with claude, FakeSlack() as fake:
        ann, bob, eve = fake.person("ann"), fake.person("bob"), fake.person("eve")
        general = fake.channel("general", ann, bob, eve)
        ops = fake.channel("ops", ann, bob, kind="private")
        model = ClaudeModel(claude.key, base_url=claude.url)
        async with closing(model), bot_on(fake, model, ANTHROPIC_API_KEY=KEY) as bot:
            secret = await fake.say(ann, ops, f"{fake.at_bot} The launch code is {CODE}.")
            await fake.replies(ops, secret.ts)
            place = Office(fake, claude, bot, ann, bob, eve, general, ops, secret)
            await place.settled()
            yield place


def link(channel: Channel, ts: str, root: str = "", host: str = "acme.slack.com") -> str:
    """Return a permalink as people paste it, which Slack puts in angle brackets."""
    more = f"?thread_ts={root}&amp;cid={channel.id}" if root else ""
    return f"<https://{host}/archives/{channel.id}/p{ts.replace('.', '')}{more}>"


async def test_a_link_carries_a_thread_over_for_one_answer() -> None:
    async with office() as at:
        dm = at.fake.dm(at.ann)
        reply = answers(at.fake, at.ops, at.secret.ts)[-1]
        shown = await at.ask(at.ann, dm, f"What is the code? {link(at.ops, at.secret.ts)}")
        block = linked(at.claude)
        assert f"The launch code is {CODE}." in block
        assert 'in="#ops"' in block
        assert 'posted_by="ann"' in block
        assert "<chat_answer>\nWell.\n</chat_answer>" in block
        assert f"/p{at.secret.ts.replace('.', '')}|#ops>" in shown
        assert "Sources: " in shown
        root = (await at.bot.store.threads(person=at.ann.id)).threads
        mine = next(each.thread for each in root if dm.id in each.thread.channel)
        assert CODE not in str(await at.bot.store.history(mine))
        await at.ask(at.ann, dm, "And now?")
        assert CODE not in sent(at.claude)
        assert linked(at.claude) == ""
        # Of a message in the middle, the whole thread is read; a thread in a channel gets it, too,
        # if all who read there can read it, and then once, however often it is linked to.
        two = f"{link(at.ops, reply.ts, at.secret.ts)} {link(at.ops, at.secret.ts)}"
        pair = at.fake.channel("pair", at.ann, at.bob, kind="private")
        shown = await at.ask(at.bob, pair, f"See {two}.")
        assert linked(at.claude).count("<chat_linked ") == 1
        assert CODE in linked(at.claude)
        assert shown.count("|#ops>") == 1


async def test_a_link_gives_no_right() -> None:
    async with office() as at:
        dm, there = at.fake.dm(at.eve), link(at.ops, at.secret.ts)
        shown = await at.ask(at.eve, dm, there)
        refused = linked(at.claude)
        assert NOT_THEIRS in shown
        assert "that the person who posted it can't read" in refused
        assert CODE not in sent(at.claude)
        root = at.fake.person("root", admin=True)
        assert NOT_THEIRS in await at.ask(root, at.fake.dm(root), there)
        # Nobody is told whether there is a thread.
        other = await at.ask(at.eve, dm, link(at.ops, "1700000000.000100"))
        assert NOT_THEIRS in other
        assert bare(linked(at.claude)) == bare(refused)
        # Nor are those who could read it, if others read along.
        assert NOT_FOR_ALL in await at.ask(at.ann, at.general, there)
        assert CODE not in sent(at.claude)
        private = await at.fake.say(at.ann, at.fake.dm(at.ann), "Mine is 0815.")
        await at.fake.replies(at.fake.dm(at.ann), private.ts)
        mine = link(at.fake.dm(at.ann), private.ts)
        assert NOT_THEIRS in await at.ask(at.bob, at.fake.dm(at.bob), mine)
        assert NOT_FOR_ALL in await at.ask(at.ann, at.ops, mine)
        assert "0815" not in sent(at.claude)
        # Who has left a second ago is asked for again.
        assert "|#ops>" in await at.ask(at.bob, at.fake.dm(at.bob), there)
        await at.fake.leave(at.bob, at.ops)
        at.fake.faults.twice = True  # each event comes again, and changes nothing
        assert NOT_THEIRS in await at.ask(at.bob, at.fake.dm(at.bob), there)
        assert CODE not in linked(at.claude)


async def test_only_links_in_a_persons_own_words_count() -> None:
    async with office() as at:
        dm, there = at.fake.dm(at.ann), link(at.ops, at.secret.ts)
        foreign = link(at.ops, at.secret.ts, host="evil.slack.com")
        near = f"<https://acme.slack.com.evil.example/archives/{at.ops.id}/p1700000000000100>"
        await at.settled()
        calls = at.questions()
        for text in (foreign, near, f"`{there}`", f"```\n{there}\n```", f"&gt; {there}\nSo?"):
            await at.ask(at.ann, dm, f"Look: \n{text}")
            assert linked(at.claude) == ""
        file = at.fake.file(at.ann, f"{there[1:-1].replace('/', '_')}.txt", f"see {there[1:-1]}")
        asked = len(at.claude.requests)
        said = await at.fake.say(at.ann, dm, "Read it.", files=[file])
        await at.fake.replies(dm, said.ts)
        assert len(at.claude.requests) == asked + 1
        assert linked(at.claude) == ""
        assert CODE not in linked(at.claude)
        assert at.questions() == calls
        # A link to the thread that it stands in leads nowhere else.
        await at.ask(at.bob, at.ops, f"See {there}.", at.secret.ts)
        assert linked(at.claude) == ""
        # What is overheard is not asked.
        await at.fake.say(at.eve, at.general, f"See {there}.")
        told = await at.fake.say(at.ann, at.general, f"{at.fake.at_bot} hello")
        await at.fake.replies(at.general, told.ts)
        await at.fake.say(at.eve, at.general, f"I mean {there}", told.ts)
        await at.ask(at.ann, at.general, "Well?", told.ts)
        assert linked(at.claude) == ""


async def test_an_edit_may_add_a_link_and_forgetting_empties_it() -> None:
    async with office() as at:
        hello = await at.fake.say(at.ann, at.general, "hello")
        news = await at.fake.say(at.ann, at.general, f"{at.fake.at_bot} The fair is in May.")
        await at.fake.replies(at.general, news.ts)
        await at.settled()
        text = f"{at.fake.at_bot} When? {link(at.general, news.ts)}"
        await at.fake.edit(hello, text)
        await at.fake.replies(at.general, hello.ts)
        assert "The fair is in May." in linked(at.claude)
        await at.settled()
        # A public channel may be read by all, also by those who are not in it.
        private = await at.ask(at.bob, at.ops, f"So? {link(at.general, news.ts)}")
        assert "|#general>" in private
        await at.fake.edit(news, f"{at.fake.at_bot} The fair is in June.")
        await at.settled()
        await at.ask(at.bob, at.ops, f"So? {link(at.general, news.ts)}")
        assert "The fair is in June." in linked(at.claude)
        assert "in May" not in linked(at.claude)
        place = f"{at.fake.team.id}/{at.general.id}"
        await at.bot.store.erase(ThreadKey("slack", place, news.ts), at=2**31)
        shown = await at.ask(at.bob, at.ops, f"So? {link(at.general, news.ts)}")
        assert EMPTY in shown
        assert "June" not in linked(at.claude)


async def test_a_platform_that_does_not_answer_carries_nothing_over() -> None:
    async with office() as at:
        there = link(at.ops, at.secret.ts)
        at.fake.faults.next("conversations.members", *[Limited(60)] * 3)
        shown = await at.ask(at.ann, at.fake.dm(at.ann), there)
        assert UNASKED in shown
        assert CODE not in linked(at.claude)


async def test_a_shared_channel_gets_nothing_from_a_public_one() -> None:
    async with office() as at:
        stranger = at.fake.stranger("mallory")
        partners = at.fake.channel("partners", at.ann, stranger, shared=True)
        news = await at.fake.say(at.ann, at.general, f"{at.fake.at_bot} Sales fell by half.")
        await at.fake.replies(at.general, news.ts)
        await at.settled()
        shown = await at.ask(at.ann, partners, f"So? {link(at.general, news.ts)}")
        assert NOT_FOR_ALL in shown
        assert "half" not in sent(at.claude)


async def test_guests_groups_and_people_who_are_gone() -> None:
    async with office() as at:
        fake, there = at.fake, link(at.ops, at.secret.ts)
        news = await fake.say(at.ann, at.general, f"{fake.at_bot} The fair is in May.")
        await fake.replies(at.general, news.ts)
        await at.settled()
        public = link(at.general, news.ts)
        gus, new = fake.person("gus"), fake.person("new")
        gus.is_guest = True
        assert NOT_THEIRS in await at.ask(gus, fake.dm(gus), public)
        assert "|#general>" in await at.ask(new, fake.dm(new), public)
        group = fake.group_dm(at.ann, at.bob)
        assert "|#ops>" in await at.ask(at.ann, group, there)
        mixed = fake.group_dm(at.ann, at.eve)
        assert NOT_FOR_ALL in await at.ask(at.ann, mixed, there)
        # What is said in a group's direct messages goes nowhere else, but to its own people.
        said = await fake.say(at.bob, group, f"{fake.at_bot} The salary is 0815.")
        await fake.replies(group, said.ts)
        await at.settled()
        private = link(group, said.ts)
        assert NOT_FOR_ALL in await at.ask(at.bob, at.general, private)
        assert NOT_THEIRS in await at.ask(at.eve, fake.dm(at.eve), private)
        assert "0815" not in sent(at.claude)
        await at.ask(at.bob, fake.dm(at.bob), private)
        assert "0815" in linked(at.claude)
        at.bob.deleted = True
        assert NOT_THEIRS in await at.ask(at.bob, fake.dm(at.bob), there)
