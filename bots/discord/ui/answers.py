"""Single answers on Discord: ending one that is being written, and rating one by a reaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.discord.ids import is_id, seconds
from bots.discord.inbound.events import NAME
from core.commands.answers import NO_ANSWER, THANKS
from core.domain.errors import ChatbotError, DeniedError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.ratings import BAD, GOOD, Opinion, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import Me
    from bots.discord.ui.interaction_context import InteractionContext
    from core.commands.answers import AnswerCommands
    from core.domain.clock import Clock
    from core.store.port import Store

log = logging.getLogger(__name__)

_VALUES: dict[str, Value] = {"\N{THUMBS UP SIGN}": GOOD, "\N{THUMBS DOWN SIGN}": BAD}
_SKINS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0f"
"""What may follow a thumb: the colour of its skin, or the sign that it is a picture."""


class AnswerInteractions:
    """Does what people ask for with an answer, for those who may at that moment."""

    def __init__(
        self,
        answers: AnswerCommands,
        store: Store,
        api: Api,
        channels: Channels,
        me: Me,
        clock: Clock,
    ) -> None:
        """Do it by `answers`.

        Args:
            answers: Checks rights, and does it.
            store: Knows which threads there are.
            api: Reads to what a message of the bot's replies.
            channels: Looks up where a message stands.
            me: The bot.
            clock: Dates reactions, of which Discord tells no time.
        """
        self._answers = answers
        self._store = store
        self._api = api
        self._channels = channels
        self._me = me
        self._clock = clock

    async def stop(self, context: InteractionContext, thread: ThreadKey, turn: str) -> None:
        """End the answer of a turn with what it has, and tell the person."""
        await context.show(await self._answers.stop(context.person, thread, turn))

    async def reasoned(self, context: InteractionContext, message: str, text: str) -> None:
        """Keep why an answer was not helpful, as a person typed it, and tell them."""
        why = Opinion(person=context.person, at=context.at, value=BAD, reason=text.strip())
        thread = await self._holding(context.channel, context.guild, message)
        kept = await self._answers.rate(thread, message, why, posted_at=seconds(message))
        await context.show(THANKS if kept else NO_ANSWER)

    def opinion_in(self, payload: Mapping[str, Any], *, taken_back: bool) -> Opinion | None:
        """Return what a person says by a reaction, or takes back; None if it says nothing to us.

        Discord states whose message it is, but only of a new reaction, and whether a member is a
        bot (docs: events/gateway-events, "Message Reaction Add").
        """
        emoji, person = dict_of(payload, "emoji"), str_of(payload, "user_id")
        value = None if emoji.get("id") else _VALUES.get(str_of(emoji, "name").rstrip(_SKINS))
        author = str_of(payload, "message_author_id") or self._me.user
        by_app = dict_of(dict_of(payload, "member"), "user").get("bot") is True
        is_known = is_id(person) and is_id(payload.get("message_id")) and author == self._me.user
        if value is None or not is_known or by_app or person == self._me.user:
            return None
        at = self._clock.now()
        return Opinion(person=person, at=at, value=value, taken_back=taken_back)

    async def reacted(self, payload: Mapping[str, Any], opinion: Opinion) -> None:
        """Keep what a person thinks of an answer, by their reaction to it; never raises."""
        channel, message = str_of(payload, "channel_id"), str_of(payload, "message_id")
        try:
            thread = await self._holding(channel, str_of(payload, "guild_id"), message)
            at = seconds(message)
            await self._answers.rate(thread, message, opinion, posted_at=at, seen=True)
        except DeniedError:
            log.info("a reaction of a person whom the bot does not listen to is ignored")
        except ChatbotError as error:
            log.warning("a reaction to an answer was not kept: %s", error)
        except Exception as error:  # noqa: BLE001 - nothing waits for it
            log.error("a reaction can't be read: %s", broke(error))  # noqa: TRY400 - no text

    async def _holding(self, channel_id: str, guild: str, message: str) -> ThreadKey:
        """Return the thread that holds a message of the bot's; raise `DeniedError` if none does.

        In threads and direct messages there is one conversation. In a channel it is the one that
        the message opened to which this one replies, so this one has to be read.
        """
        known = is_id(channel_id) and is_id(message)
        channel = await self._channels.find(channel_id, guild) if known else None
        if channel is None:
            raise DeniedError(NO_ANSWER)
        opener = await self._answered(channel_id, message) if channel.is_channel else ""
        thread = ThreadKey(NAME, channel.place, opener) if is_id(opener) else channel.whole
        return thread if await self._store.peek(thread) is not None else channel.whole

    async def _answered(self, channel: str, message: str) -> str:
        """Return the id of the message to which one of the bot's replies; empty if to none."""

        async def read() -> dict[str, Any]:
            found: Any = await self._api.http.get_message(int(channel), int(message))
            return found if isinstance(found, dict) else {}

        found = await self._api.call("look up an answer", read)
        return str_of(dict_of(found, "message_reference"), "message_id")
