"""The day on Slack: a fake workspace, over either transport."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

from bots.slack.outbound.format import REMEMBER
from core.domain.message import ThreadKey
from core.turn.notices import TRIM_MEANING
from tests.day.diary import until
from tests.day.scenario import PEOPLE
from tests.day.stage import Sent, Shown
from tests.e2e.slack_hands import shown as words_of
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.store.port import Store
    from tests.day.stage import Paper
    from tests.e2e.program import Running
    from tests.fakes.slack import Channel, FakeSlack, Json, Message
    from tests.fakes.slack.model import View

_AGAIN = "That did not work just now."
_UNSURE = "The export may not have reached you"
_JOINER = "\N{WORD JOINER}"


class SlackStage:
    """Three people in a workspace, with one channel."""

    platform = "slack"
    words = frozenset({"export", "forget", "quiet", "reset", "stop"})

    def __init__(self, fake: FakeSlack, transport: str) -> None:
        self._fake = fake
        self._people = {name: fake.person(name) for name in PEOPLE}
        self._room = fake.channel("room", *self._people.values())
        self._roots: dict[str, str] = {}
        self._port = free_port() if transport == "http" else 0
        for person in self._people.values():
            fake.dm(person)

    def settings(self) -> dict[str, str]:
        """See `Stage`; nothing is held back for what Slack allows a second."""
        fake = self._fake
        found = {
            "CHATBOT_SLACK_BASE_URL": fake.api_url,
            "CHATBOT_SLACK_PACE": "0",
            "SLACK_BOT_TOKEN": fake.bot_token,
        }
        if self._port:
            more = {"CHATBOT_SLACK_PORT": str(self._port)}
            return found | more | {"SLACK_SIGNING_SECRET": fake.signing_secret}
        return found | {"SLACK_APP_TOKEN": fake.app_token}

    async def joined(self, running: Running, store: Store) -> None:
        """See `Stage`; whether something is stored can be told from what is acknowledged."""
        del store
        if self._port:
            await running.explained("/slack/events")
            if self._fake.http is None:
                await self._fake.use_http(f"http://127.0.0.1:{self._port}/slack/events")
        else:
            await self._fake.connected(2, within=30)

    def key(self, thread: str) -> ThreadKey:
        """See `Stage`."""
        channel = self._place(thread)
        place = f"{self._fake.team.id}/{channel.id}"
        return ThreadKey("slack", place, self._roots.get(thread, channel.id))

    # --- what people do -------------------------------------------------------------------------

    async def say(
        self, who: str, thread: str, text: str, *, mention: bool, files: Sequence[Paper]
    ) -> Message:
        """See `Stage`; in a DM each message is a thread of its own, as in the agent view."""
        fake, person = self._fake, self._people[who]
        papers = [fake.file(person, paper.name, paper.data) for paper in files]
        words = f"{fake.at_bot} {text}" if mention else text
        said = await fake.say(
            person, self._place(thread), words, self._roots.get(thread), files=papers
        )
        if thread not in self._people:
            self._roots.setdefault(thread, said.ts)
        return said

    async def edit(self, said: Any, text: str) -> None:
        """See `Stage`."""
        at = self._fake.at_bot
        await self._fake.edit(said, f"{at} {text}" if said.text.startswith(at) else text)
        await self.heard()

    async def delete(self, said: Any) -> None:
        """See `Stage`."""
        await self._fake.delete(said)
        await self.heard()

    async def command(self, who: str, thread: str, word: str) -> str:
        """See `Stage`: slash commands can't be used in threads."""
        before = len(self._said(thread))
        await self._command(who, thread, word)
        await self._until(lambda: len(self._said(thread)) > before, f"nothing said to {word}")
        return _text(self._said(thread)[before])

    async def stop(self, who: str, thread: str) -> None:
        """See `Stage`: the native Stop, which shows while the session is processing."""
        await self._until(lambda: self._session(thread) == "processing", "nothing to stop")
        root = self._roots[thread]
        await self._fake.press_stop(self._people[who], self._place(thread), root)

    async def memory(self, who: str, thread: str) -> str:
        """See `Stage`."""
        explained = next(m for m in self._said(thread) if REMEMBER in str(m.blocks))

        async def press() -> None:
            await self._fake.press(self._people[who], REMEMBER, explained)

        return words_of(await self._modal(who, press))

    async def export(self, who: str, thread: str, form: str) -> Sent:
        """See `Stage`."""
        before = len(self._files())

        async def ask() -> None:
            if thread in self._people:
                dm = self._place(who)
                await self._fake.slash(self._people[who], dm, f"/chatbot export {form}")
            else:
                await self._command(who, thread, f"export {form}")

        await self._until_done(who, ask, lambda: len(self._files()) > before)
        return self._files()[-1]

    async def forget(self, who: str) -> None:
        """See `Stage`."""
        fake, person = self._fake, self._people[who]

        async def ask() -> None:
            await fake.slash(person, fake.dm(person), "/chatbot forget")

        modal = await self._modal(who, ask)
        await fake.submit(person, modal)
        await self._until(
            lambda: self._told(who, "I have forgotten everything"), "nothing forgotten"
        )

    async def heard(self) -> None:
        """See `Stage`: the bot has stored what it has acknowledged."""
        await self._fake.settled()

    # --- what can be seen -----------------------------------------------------------------------

    def shown(self, thread: str) -> list[Shown]:
        """See `Stage`."""
        return [self._as_shown(message) for message in self._said(thread)]

    def notices(self) -> list[str]:
        """See `Stage`."""
        sent = "I have sent it to you in a direct message."
        return [sent, "I have forgotten everything", _AGAIN, _UNSURE]

    def working(self, thread: str) -> bool:
        """See `Stage`."""
        channel = self._place(thread)
        roots = [self._roots[thread]] if thread in self._roots else list(channel.messages)
        return any(
            self._fake.session(channel, root) == "processing" or self._fake.status(channel, root)
            for root in roots
        )

    # --- inside ---------------------------------------------------------------------------------

    async def _modal(self, who: str, ask: Callable[[], Awaitable[None]]) -> View:
        """Return the modal that comes of something, once it shows what it was opened for."""
        person, before = self._people[who], set(self._fake.views)

        def shown() -> list[View]:
            new = [view for view in self._fake.modals(person) if view.id not in before]
            return [view for view in new if view.body["title"]["text"] != "One moment"]

        await self._until_done(who, ask, shown)
        return shown()[-1]

    async def _until_done(
        self, who: str, ask: Callable[[], Awaitable[None]], done: Callable[[], object]
    ) -> None:
        """Ask for something until it is done: where Slack fails, the bot says so."""
        while not done():
            told = self._told(who, _AGAIN, _UNSURE)
            await ask()
            await self._until(
                lambda: done() or self._told(who, _AGAIN, _UNSURE) > told,  # noqa: B023
                "nothing came of it",
            )

    async def _command(self, who: str, thread: str, word: str) -> None:
        words = f"{self._fake.at_bot} {word}"
        await self._fake.say(self._people[who], self._room, words, self._roots[thread])

    def _place(self, thread: str) -> Channel:
        if thread in self._people:
            return self._fake.dm(self._people[thread])
        return self._room

    def _session(self, thread: str) -> str:
        return self._fake.session(self._place(thread), self._roots[thread])

    def _said(self, thread: str) -> list[Message]:
        """Return the app's messages in a thread, or in all threads of a DM."""
        if thread in self._people:
            return [m for m in self._fake.said_by_app(self._place(thread)) if not m.files]
        if thread not in self._roots:
            return []
        return [m for m in self._fake.thread(self._room, self._roots[thread]) if m.by_app]

    def _told(self, who: str, *words: str) -> int:
        """Return how often a person was told this, alone or in the room."""
        said = (*self._fake.said_by_app(self._place(who)), *self._fake.said_by_app(self._room))
        return sum(word in message.text for message in said for word in words)

    def _files(self) -> list[Sent]:
        names = {person.id: name for name, person in self._people.items()}
        return [
            Sent(
                seen_by=frozenset(
                    names[member]
                    for member in self._fake.channels[message.channel].members
                    if member in names
                ),
                name=file.name,
                text=file.data.decode(),
            )
            for message in self._fake.said_by_app()
            for file in message.files
        ]

    def _as_shown(self, message: Message) -> Shown:
        notes = [_plain(part["text"]) for part in _parts(message.blocks)]
        return Shown(
            text=_text(message),
            notes=tuple(note for note in notes if note != TRIM_MEANING),
            scissors="scissors" in message.reactions,
            explained=TRIM_MEANING in notes and REMEMBER in str(message.blocks),
            growing=self._fake.open_stream(message),
        )

    async def _until(self, holds: Callable[[], object], fault: str) -> None:
        await until(holds, fault, lambda: str(self._fake.faults.dealt[-9:]))


def _text(message: Message) -> str:
    """Return what people read: the markdown block where there is one, else the streamed text."""
    blocks = [block["text"] for block in message.blocks if block["type"] == "markdown"]
    return _plain("\n".join(blocks) if blocks else message.text)


def _plain(text: str) -> str:
    return unescape(text).replace(_JOINER, "")


def _parts(blocks: Sequence[Json]) -> list[Json]:
    return [part for block in blocks if block["type"] == "context" for part in block["elements"]]
