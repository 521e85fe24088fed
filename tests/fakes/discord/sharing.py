"""What people and apps show beside words: forwards, polls, stickers, invitations, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.discord import compose
from tests.fakes.discord.driver import People
from tests.fakes.discord.mentions import meant
from tests.fakes.discord.model import COMPONENTS_V2, FORWARD, HAS_SNAPSHOT, Message, User
from tests.fakes.discord.shapes import message_json, time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.discord.model import File, Json
    from tests.fakes.discord.state import Where, Who

SNAPSHOT = (
    *("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags"),
    *("mentions", "mention_roles", "components", "sticker_items"),
)
"""What a forward has of a message; not who wrote it ("Message Snapshot Structure")."""


class Sharing(People):
    """People who share things, and apps that post."""

    async def forward(self, who: Who, message: Message, where: Where) -> Message:
        """Forward a message; Discord's client posts the words that go with it as a second one."""
        reference: Json = {
            "type": FORWARD,
            "channel_id": message.channel,
            "message_id": message.id,
        }
        if self.channels[message.channel].guild:
            reference["guild_id"] = self.channels[message.channel].guild
        shown = message_json(self, message)
        snapshot = {name: shown[name] for name in SNAPSHOT if name in shown}
        return self._share(
            who,
            where,
            flags=HAS_SNAPSHOT,
            reference=reference,
            more={"message_snapshots": [{"message": snapshot}]},
        )

    async def poll(self, who: Who, where: Where, question: str, *answers: str) -> Message:
        """Ask for votes."""
        poll: Json = {
            "question": {"text": question},
            "answers": [
                {"answer_id": number, "poll_media": {"text": answer}}
                for number, answer in enumerate(answers, 1)
            ],
            "expiry": time_text(self.now() + 86400),
            "allow_multiselect": False,
            "layout_type": 1,
            "results": {"answer_counts": [], "is_finalized": False},
        }
        return self._share(who, where, more={"poll": poll})

    async def vote(self, who: Who, message: Message, answer: int, *, removed: bool = False) -> None:
        """Vote in a poll, or take the vote back; Discord tells who, and no counts."""
        user, results = self.user(who), message.more["poll"]["results"]
        counts = {each["id"]: each["count"] for each in results["answer_counts"]}
        counts[answer] = counts.get(answer, 0) + (-1 if removed else 1)
        results["answer_counts"] = [
            {"id": id_, "count": count, "me_voted": False} for id_, count in counts.items()
        ]
        place = self.channels[message.channel]
        vote: Json = {"user_id": user.id, "channel_id": place.id, "message_id": message.id}
        vote |= {"answer_id": answer} | ({"guild_id": place.guild} if place.guild else {})
        self.emit(f"MESSAGE_POLL_VOTE_{'REMOVE' if removed else 'ADD'}", vote, place)

    async def end_poll(self, message: Message) -> None:
        """Let a poll end: Discord updates its message, with the final counts."""
        message.more["poll"]["results"]["is_finalized"] = True
        self.changed(message)

    async def stick(self, who: Who, where: Where, name: str) -> Message:
        """Send a sticker."""
        sticker = {"id": self.snowflake(), "name": name, "format_type": 1}
        return self._share(who, where, more={"sticker_items": [sticker]})

    async def invite(self, who: Who, where: Where, app: str, kind: int = 3) -> Message:
        """Invite people to an activity, by default to listen along."""
        application = {"id": self.snowflake(), "name": app, "icon": None, "description": ""}
        more: Json = {"activity": {"type": kind, "party_id": "party:1"}}
        more["application"] = application | {"type": None}
        return self._share(who, where, more=more)

    async def webhook(
        self,
        name: str,
        where: Where,
        text: str = "",
        *,
        embeds: Sequence[Json] = (),
        components: Sequence[Json] = (),
        files: Sequence[File] = (),
        app: str = "",
        hook: str = "",
    ) -> Message:
        """Post as a webhook does: under a name of its choice, and as no member.

        It is a new webhook unless `hook` is the id of another, and the application `app` owns it.
        """
        place, number = self.where(where), hook or self.snowflake()
        user = self.users[number] = User(number, name, None, bot=True)
        message = Message(self.snowflake(), place.id, user, text, self.now(), webhook=number)
        message.application, message.files = app, list(files)
        message.embeds, message.components = list(embeds), compose.components(list(components))
        message.flags = COMPONENTS_V2 if components else 0
        compose.noted(self, message, meant(text), replied=False)
        self.add(message)
        return message

    def _share(self, who: Who, where: Where, **fields: Any) -> Message:
        user, place = self.user(who), self.where(where)
        self._may_write(user, place)
        message = Message(self.snowflake(), place.id, user, "", self.now(), **fields)
        self.add(message)
        return message
