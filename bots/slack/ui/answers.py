"""Single answers on Slack: rating one by a reaction, with a reason that only the bot gets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import thread_at
from bots.slack.inbound.people import is_id, is_ts, seconds
from bots.slack.ui import views
from core.commands.access import NOT_YOURS
from core.commands.answers import NO_ANSWER, THANKS
from core.domain.errors import ChatbotError, DeniedError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of
from core.domain.ratings import BAD, GOOD, Opinion, Value

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp

    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from bots.slack.inbound.names import Names
    from bots.slack.ui.replies import SlackReplies
    from core.commands.answers import AnswerCommands

log = logging.getLogger(__name__)

_VALUES: dict[str, Value] = {"+1": GOOD, "thumbsup": GOOD, "-1": BAD, "thumbsdown": BAD}
"""Slack's names of the reactions, without the colour of a skin (`+1::skin-tone-2`)."""


class AnswerInteractions:
    """Does what people ask for with an answer, for those who may at that moment."""

    def __init__(
        self, answers: AnswerCommands, replies: SlackReplies, api: Api, me: Me, names: Names
    ) -> None:
        """Do it by `answers`.

        Args:
            answers: Checks rights, and does it.
            replies: Reaches people.
            api: Reads in which thread a message stands.
            me: The bot.
            names: Know who is a person.
        """
        self._answers = answers
        self._replies = replies
        self._api = api
        self._me = me
        self._names = names

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners to Bolt's app."""
        bolt.event("reaction_added")(self._added)
        bolt.event("reaction_removed")(self._removed)

    async def reacted(self, event: dict[str, Any], *, taken_back: bool) -> None:
        """Keep what a person thinks of an answer, by their reaction; never raises.

        Slack may tell of a reaction twice, late, or in another order: its time counts.
        """
        try:
            await self._reacted(event, taken_back=taken_back)
        except DeniedError:
            log.info("a reaction of a person whom the bot does not listen to is ignored")
        except ChatbotError as error:
            log.warning("a reaction to an answer was not kept: %s", error)
        except Exception as error:  # noqa: BLE001 - nothing waits for it
            log.error("a reaction can't be read: %s", broke(error))  # noqa: TRY400 - no text

    async def ask(self, trigger: str, named: str) -> None:
        """Ask a person in a modal why an answer was not helpful."""
        _named_in(named)
        modal = await self._replies.show(trigger)
        await self._replies.fill(modal, views.reason(named))

    async def reasoned(self, body: dict[str, Any], user: str, at: float) -> None:
        """Keep the reason that a person typed in the modal of `ask`, and tell them."""
        view = dict_of(body, "view")
        post, thread = _named_in(str_of(view, "private_metadata"))
        opinion = Opinion(person=user, at=at, value=BAD, reason=views.typed(view).strip())
        kept = await self._answers.rate(thread, post, opinion, posted_at=seconds(post))
        await self._replies.tell(user, THANKS if kept else NO_ANSWER)

    async def _added(self, event: dict[str, Any]) -> None:
        await self.reacted(event, taken_back=False)

    async def _removed(self, event: dict[str, Any]) -> None:
        await self.reacted(event, taken_back=True)

    async def _reacted(self, event: dict[str, Any], *, taken_back: bool) -> None:
        item, user, when = dict_of(event, "item"), str_of(event, "user"), str_of(event, "event_ts")
        channel, post = str_of(item, "channel"), str_of(item, "ts")
        value = _VALUES.get(str_of(event, "reaction").partition("::")[0])
        readable = is_id(user) and is_id(channel) and is_ts(post) and is_ts(when)
        is_ours = str_of(event, "item_user") == self._me.user and user != self._me.user
        if value is None or not (readable and is_ours) or not await self._is_person(user):
            return
        root = await self._root_of(channel, post)
        thread = thread_at(channel, root, self._me)
        opinion = Opinion(person=user, at=seconds(when), value=value, taken_back=taken_back)
        kept = await self._answers.rate(thread, post, opinion, posted_at=seconds(post), seen=True)
        if kept and value == BAD and not taken_back:
            inside = root if not channel.startswith("D") else ""
            await self._replies.ask_why(user, thread, inside, f"{post} {thread}")

    async def _is_person(self, user: str) -> bool:
        if user not in self._names.people:
            await self._names.meet(user)
        return self._names.people.get(user, False)

    async def _root_of(self, channel: str, post: str) -> str:
        """Return the root of a message's thread, of which the event of a reaction says nothing.

        For the `ts` of a reply, Slack returns that reply (docs: reference/methods/
        conversations.replies, `ts`: "a thread's parent message or a message in the thread").
        """
        found = await self._api.call(
            "conversations.replies", repeat=True, channel=channel, ts=post, limit=1
        )
        message = next(iter(dicts_of(found, "messages")), {})
        return str_of(message, "thread_ts") or post


def _named_in(text: str) -> tuple[str, ThreadKey]:
    """Return the message and the thread that a button names; raise `DeniedError` if it does not."""
    post, _, thread = text.partition(" ")
    try:
        key = ThreadKey.parse(thread)
    except ValueError:
        raise DeniedError(NOT_YOURS) from None
    if not is_ts(post):
        raise DeniedError(NOT_YOURS)
    return post, key
