"""The day on Discord: a fake server with one channel, threads in it, a forum and DMs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.discord.inbound.events import NAME, place_of
from bots.discord.outbound.format import WRITING
from bots.discord.outbound.read_back import is_silent
from core.domain.message import ThreadKey
from core.domain.session import Entry, Status
from core.turn.notices import SCISSORS, TRIM_MEANING
from tests.day.diary import PATIENCE
from tests.day.scenario import PEOPLE
from tests.day.stage import Sent, Shown
from tests.fakes.discord.model import Overwrite
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import message_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store.port import Store
    from tests.day.stage import Paper
    from tests.e2e.program import Running
    from tests.fakes.discord import Channel, FakeDiscord, Message

POSTS, CORNER = "post", "corner"
"""The thread that is a post in a forum, and the one that is a channel without threads."""
REMEMBERED = "What I remember"
"""What is on the button under an explained ✂️."""
_JOINER = "\N{WORD JOINER}"
_SMALL = "-# "
_FORMATS = {"json": "json", "md": "markdown"}


@dataclass(eq=False)
class Spoken:
    """What a person said, and where."""

    thread: str
    message: Message
    for_bot: bool
    """It mentions the bot, or is in a DM with it."""


class DiscordStage:
    """Three people on a server, with a channel, a forum, and a channel that has no threads."""

    platform = NAME
    words = frozenset({"export", "forget", "quiet", "reset"})

    def __init__(self, fake: FakeDiscord) -> None:
        self.fake = fake
        self.people = {name: fake.person(name) for name in PEOPLE}
        self._room, self._forum = fake.channel("room"), fake.forum("forum")
        self._corner = fake.channel(CORNER)
        nothing = Overwrite(fake.bot.id, 1, deny=Permission.CREATE_PUBLIC_THREADS)
        self._corner.overwrites[fake.bot.id] = nothing
        self._roots: dict[str, Message] = {}
        """What the threads in the room were made from, by their names."""
        self._post: Channel | None = None
        self._unheard: list[Spoken] = []
        self._sessions = 0
        self._running: Running
        self._store: Store
        for person in self.people.values():
            fake.dm(person)

    def settings(self) -> dict[str, str]:
        """See `Stage`; no answer is a file, so that all of it can be read in its place."""
        return {
            "CHATBOT_DISCORD_ANSWER_MESSAGES": "50",
            "CHATBOT_DISCORD_BASE_URL": self.fake.api_url,
            "DISCORD_BOT_TOKEN": self.fake.token,
        }

    async def joined(self, running: Running, store: Store) -> None:
        """See `Stage`."""
        self._running, self._store = running, store
        gateway = self.fake.gateway
        await self.fake.until(lambda: len(gateway.identified) > self._sessions, PATIENCE)
        self._sessions = len(gateway.identified)

    def key(self, thread: str) -> ThreadKey:
        """See `Stage`."""
        home = self.fake.home.id
        if thread in self.people:
            channel = self.fake.dm(self.people[thread]).id
            return ThreadKey(NAME, place_of("", channel), channel)
        if thread == CORNER:
            return ThreadKey(NAME, place_of(home, self._corner.id), self._corner.id)
        if thread == POSTS:
            assert self._post is not None
            return ThreadKey(NAME, place_of(home, self._forum.id), self._post.id)
        return ThreadKey(NAME, place_of(home, self._room.id), self._roots[thread].id)

    # --- what people do -------------------------------------------------------------------------

    async def say(
        self, who: str, thread: str, text: str, *, mention: bool, files: Sequence[Paper]
    ) -> Spoken:
        """See `Stage`: who mentions the bot gets a thread from it, others open one themselves."""
        fake, person = self.fake, self.people[who]
        words = f"{fake.at_bot} {text}" if mention else text
        papers = [fake.file(paper.name, paper.data) for paper in files]
        if thread == POSTS and self._post is None:
            self._post = await fake.post(person, self._forum, "A post", words, files=papers)
            message = self._post.messages[self._post.id]
        else:
            place = await self._place_to_say(who, thread)
            message = await fake.say(person, place, words, files=papers)
            if place is self._room:
                self._roots[thread] = message
        said = Spoken(thread, message, mention or thread in self.people)
        self._unheard.append(said)
        return said

    async def edit(self, said: Any, text: str) -> None:
        """See `Stage`."""
        at = self.fake.at_bot
        mentions = said.message.content.startswith(at)
        await self.fake.edit(said.message, f"{at} {text}" if mentions else text)
        self._unheard.append(said)
        await self.heard()

    async def delete(self, said: Any) -> None:
        """See `Stage`."""
        await self.fake.delete(said.message)
        self._unheard.append(said)
        await self.heard()

    async def command(self, who: str, thread: str, word: str) -> str:
        """See `Stage`; the bot can be told to be quiet by words alone."""
        if word != "quiet":
            return (await self._slash(who, thread, word)).content
        before, place = len(self._said(thread)), self.place(thread)
        assert place is not None
        await self.fake.say(self.people[who], place, f"{self.fake.at_bot} {word}")
        await self.fake.until(lambda: len(self._said(thread)) > before, PATIENCE)
        return self._said(thread)[before].content

    async def stop(self, who: str, thread: str) -> None:
        """See `Stage`."""
        raise AssertionError(f"{who} can stop nothing in {thread}: Discord has no such thing")

    async def memory(self, who: str, thread: str) -> str:
        """See `Stage`."""
        under = next(m for m in self._said(thread) if TRIM_MEANING in m.content)
        asked = await self.fake.press(self.people[who], under, REMEMBERED)
        return "\n".join(m.content for m in await self.fake.answered(asked, within=PATIENCE))

    async def export(self, who: str, thread: str, form: str) -> Sent:
        """See `Stage`."""
        message = await self._slash(who, thread, "export", format=_FORMATS[form])
        names = {person.id: name for name, person in self.people.items()}
        readers = [message.shown_to] if message.ephemeral else list(names)
        (file,) = message.files
        seen_by = frozenset(names[reader] for reader in readers)
        return Sent(seen_by=seen_by, name=file.name, text=file.data.decode())

    async def forget(self, who: str) -> None:
        """See `Stage`."""
        told = await self._slash(who, who, "forget")
        await self.fake.press(self.people[who], told, "Forget")
        await self.fake.until(
            lambda: told.content.startswith("I have forgotten everything"), PATIENCE
        )
        # It was taken in, since it was answered, and is not kept any more.
        self._unheard = [said for said in self._unheard if said.thread != who]

    async def heard(self) -> None:
        """See `Stage`: Discord is told of nothing, so what is stored has to tell."""
        deadline = time.monotonic() + PATIENCE
        while self._unheard:
            said = self._unheard[-1]
            if self._running.process.returncode is not None or await self._is_kept(said):
                if said in self._unheard:  # another who waits may have seen it meanwhile
                    self._unheard.remove(said)
                continue
            assert time.monotonic() < deadline, f"{said.thread}: never heard {said.message.content}"
            await asyncio.sleep(0.01)

    # --- what can be seen -----------------------------------------------------------------------

    def shown(self, thread: str) -> list[Shown]:
        """See `Stage`; what stands under an answer is a message of its own."""
        found: list[Shown] = []
        for message in self._said(thread):
            if not self._is_silent(message):
                found.append(_as_shown(message))
            elif message.content.startswith(_SMALL) and found:
                found[-1] = _with_notes(found[-1], message)
            else:
                found.append(Shown(text=message.content))
        return found

    def notices(self) -> list[str]:
        """See `Stage`: what comes of commands is seen by one person only."""
        return []

    def working(self, thread: str) -> bool:
        """See `Stage`: it types on after its last word; what it once said goes by itself."""
        place = self.place(thread)
        if place is None:
            return False
        typed = [when for channel, when in self.fake.typing if channel == place.id]
        wrote = [m.edited or m.created for m in self.fake.said_by_bot(place)]
        return bool(typed) and max(typed) > max(wrote, default=0) + 1

    def place(self, thread: str) -> Channel | None:
        """Return where a thread is read; None before there is such a place."""
        if thread in self.people:
            return self.fake.dm(self.people[thread])
        if thread in {CORNER, POSTS}:
            return self._corner if thread == CORNER else self._post
        return self.fake.thread_of(self._roots[thread]) if thread in self._roots else None

    # --- inside ---------------------------------------------------------------------------------

    async def _place_to_say(self, who: str, thread: str) -> Channel:
        place, root = self.place(thread), self._roots.get(thread)
        if place is not None:
            return place
        if root is None:
            return self._room
        if self.fake.at_bot in root.content:
            return await self.fake.thread(root, PATIENCE)
        return await self.fake.open_thread(self.people[who], root, thread)

    async def _slash(self, who: str, thread: str, line: str, **options: str) -> Message:
        """Use a command, and return the answer, which this person alone sees."""
        place = self.place(thread)
        assert place is not None
        await self.fake.until(lambda: self.fake.commands, PATIENCE)
        asked = await self.fake.slash(self.people[who], place, f"chatbot {line}", **options)
        return (await self.fake.answered(asked, within=PATIENCE))[0]

    def _said(self, thread: str) -> list[Message]:
        place = self.place(thread)
        return self.fake.said_by_bot(place) if place is not None else []

    def _is_silent(self, message: Message) -> bool:
        return is_silent(message_json(self.fake, message))

    async def _is_kept(self, said: Spoken) -> bool:
        """Return whether the store has something as it stands, or is not going to have it.

        What people say among themselves where the bot is not is read when it is asked in.
        """
        key, message = self.key(said.thread), said.message
        if not said.for_bot and await self._store.peek(key) is None:
            return True
        records, after = [], -1
        while page := await self._store.history(key, after=after):
            records += [each for each in page if isinstance(each, Entry)]
            after = page[-1].position
        entry = next((each for each in records if each.id == message.id), None)
        if entry is None:
            return False
        if message.deleted:
            return entry.status is Status.DELETED
        return bool(entry.text) and entry.text in message.content


def _as_shown(message: Message) -> Shown:
    text = message.content.replace(_JOINER, "")
    return Shown(
        text=text.removesuffix(WRITING),
        scissors=SCISSORS in message.reactions,
        growing=text.endswith(WRITING),
    )


def _with_notes(shown: Shown, under: Message) -> Shown:
    lines = [line.removeprefix(_SMALL) for line in under.content.splitlines()]
    explained = TRIM_MEANING in lines and REMEMBERED in str(under.components)
    notes = tuple(line for line in lines if line != TRIM_MEANING)
    return Shown(
        text=shown.text,
        notes=notes,
        scissors=shown.scissors,
        explained=explained,
        growing=shown.growing,
    )
