"""Single answers on Discord: ending one that is being written, and rating one by a reaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.discord.ids import is_id, seconds
from core.domain.errors import ChatbotError, DeniedError, PlatformError, broke
from core.domain.payload import dict_of, str_of
from core.domain.ratings import BAD, GOOD, Opinion, Value

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from bots.discord.api import Api
    from bots.discord.inbound.events import ChannelInfo, Me
    from bots.discord.ui.interaction_context import InteractionContext
    from core.commands.answers import AnswerCommands
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey

log = logging.getLogger(__name__)

_VALUES: dict[str, Value] = {"\N{THUMBS UP SIGN}": GOOD, "\N{THUMBS DOWN SIGN}": BAD}
_SKINS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0f"
"""What may follow a thumb: the colour of its skin, or the sign that it is a picture."""


class AnswerInteractions:
    """Does what people ask for with an answer, for those who may at that moment."""

    def __init__(self, answers: AnswerCommands, api: Api, me: Me, clock: Clock) -> None:
        """Do it by `answers`.

        Args:
            answers: Checks rights, and does it.
            api: Reads to what a message of the bot's replies.
            me: The bot.
            clock: Dates reactions, of which Discord tells no time.
        """
        self._answers = answers
        self._api = api
        self._me = me
        self._clock = clock

    async def stop(self, context: InteractionContext, thread: ThreadKey, turn: str) -> None:
        """End the answer of a turn with what it has, and tell the person."""
        await context.show(await self._answers.stop(context.person, thread, turn))

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

    async def openers(self, channel: ChannelInfo, message: str) -> list[str]:
        """Return the message that opened the conversation in which an answer in a channel stands.

        In threads and direct messages there is one conversation, so nothing has to be read.
        """
        if not channel.is_channel:
            return []

        async def read() -> dict[str, Any]:
            found: Any = await self._api.http.get_message(int(channel.id), int(message))
            return found if isinstance(found, dict) else {}

        try:
            found = await self._api.call("look up an answer", read)
        except PlatformError:
            return []
        before = str_of(dict_of(found, "message_reference"), "message_id")
        return [before] if is_id(before) else []

    @staticmethod
    async def kept(rating: Coroutine[Any, Any, None]) -> None:
        """Keep a rating; log if that fails, since nobody waits for it."""
        try:
            await rating
        except DeniedError:
            log.info("a reaction of a person whom the bot does not listen to is ignored")
        except ChatbotError as error:
            log.warning("a reaction to an answer was not kept: %s", error)
        except Exception as error:  # noqa: BLE001 - nothing waits for it
            log.error("a reaction can't be read: %s", broke(error))  # noqa: TRY400 - no text

    async def rate(self, thread: ThreadKey, message: str, opinion: Opinion) -> None:
        """Keep what a person thinks of an answer, by their reaction to its message."""
        await self._answers.rate(thread, message, opinion, posted_at=seconds(message), seen=True)
