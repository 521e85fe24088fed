"""Discord as a platform: answers that are complete and posted once, previews that are edited.

Implements `core.delivery.port.Platform`, which describes what each method returns. A post carries
a nonce made from its key, which Discord enforces for some minutes; after that, `read_back` finds
the post.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache
from typing_extensions import override

from bots.discord.faults import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, LimitedError, RefusedError
from bots.discord.ids import is_id, seconds
from bots.discord.inbound.events import NAME, channel_of
from bots.discord.inbound.history import after
from bots.discord.outbound import format as shape
from bots.discord.outbound import posting
from bots.discord.outbound.files_in import fetch, is_there
from bots.discord.outbound.permalinks import link_into
from bots.discord.outbound.post_keys import nonce_of, notice_nonce
from bots.discord.outbound.posting import Post
from bots.discord.outbound.read_back import find, is_ours, is_silent
from bots.discord.outbound.status import Status
from bots.discord.outbound.threads import Threads
from core.delivery.port import LEFT_OVER, Capabilities, Form, Platform
from core.domain.errors import (
    ContentRefusedError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    ReadBackRefusedError,
)
from core.turn.notices import SCISSORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import aiohttp
    import discord

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import Me
    from core.delivery.port import DeliveryTarget, FileContent, Links, Posted, PostKey
    from core.domain.clock import Clock
    from core.domain.message import Attachment, Message, ThreadKey
    from core.domain.session import Answer

log = logging.getLogger(__name__)

_UNCHANGEABLE = {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL, 30046, 50005, 50021}
"""Codes for a message that can no longer be edited (docs: topics/opcodes-and-status-codes)."""
_OLD = 3600.0
"""Seconds after which Discord limits how often a message may be edited (30046)."""
_EDIT_SECONDS = 1.5
"""Seconds between two edits of a preview."""
_KEPT = 2000
"""Turns whose previews are remembered."""


class Buttons(NamedTuple):
    """What makes the buttons under the bot's messages."""

    memory: Callable[[], discord.ui.View]
    """Goes under the first ✂️ of a thread: it shows what the bot remembers."""
    stop: Callable[[str, str], discord.ui.View]
    """Goes under a preview: it ends the answer of a turn, given by its thread's id and its own."""


class DiscordPlatform(Platform):
    """One bot on Discord."""

    name = NAME

    def __init__(
        self,
        api: Api,
        channels: Channels,
        me: Me,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        most_messages: int = 0,
        buttons: Buttons | None = None,
    ) -> None:
        """Post as `me`.

        Args:
            api: Discord's REST API.
            channels: Looks up channels.
            me: The bot.
            session: Fetches files.
            clock: Times edits and the typing indicator.
            most_messages: The most messages of an answer; 0 for any number.
            buttons: Makes what goes under a message; None for nothing.
        """
        self.api = api
        self.channels = channels
        self.me = me
        self._links: Links | None = None
        self._capabilities = Capabilities(
            call_timeout=api.timeout, edit_interval=_EDIT_SECONDS, formatting=shape.FORMATTING
        )
        self._session = session
        self._clock = clock
        self._most = most_messages
        self._buttons = buttons
        self._threads = Threads(api, channels, clock)
        self._status = Status(api, clock)
        self._previews: LRUCache[str, str] = LRUCache(_KEPT)
        """By turn: the token of the lease whose preview was begun here."""

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @override
    async def place_of(self, thread: ThreadKey) -> str:
        return self.channels.called(thread.channel, thread.thread)

    @override
    def cut(self, text: str) -> tuple[int, ...]:
        return shape.cut(text, self._most)

    @override
    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        return shape.piece(text, cuts, index)

    @override
    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return a piece in parts; its words are already the plainest form."""
        return shape.parts(text, form)

    @override
    def link_to(self, thread: ThreadKey, message: str, number: int) -> str:
        """Return the link to a message, which opens the thread or else stands in it."""
        forum = self.channels.is_forum(channel_of(thread.channel))
        return link_into(thread, message, forum=forum)

    @property
    @override
    def links(self) -> Links | None:
        return self._links

    def follow(self, links: Links) -> None:
        """Follow these links from now on."""
        self._links = links

    # --- posting --------------------------------------------------------------------------------

    @override
    async def post(self, target: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post under a key; the first message of a turn replies to its trigger."""
        channel = await self._threads.open_for(target)
        nonce = nonce_of(key)
        try:
            if key.is_file:
                return await posting.send_text_as_file(self.api, channel, text, nonce)
            first = key.is_preview or key.position == (0, Form.CUT, 0)
            buttons = self._buttons if key.is_preview else None
            post = Post(
                channel=channel,
                text=shape.preview(text) if key.is_preview else text,
                nonce=nonce,
                reply_to=target.trigger if first and _replies(target, channel) else "",
                view=buttons and buttons.stop(target.thread.thread, target.turn),
            )
            return await posting.send(self.api, post, optional=key.is_preview)
        except RefusedError as refused:
            if refused.code == UNKNOWN_MESSAGE and not key.is_preview:
                return ""  # the message with this nonce was deleted
            raise _as_content_error(refused) from refused
        finally:
            if key.is_preview:
                self._previews[target.turn] = key.token

    @override
    async def edit(self, target: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace a message's text; a preview only while its rate limit leaves enough."""
        channel = await self._threads.of(target)
        if not final:
            shown = shape.preview(text)
            await posting.edit(self.api, channel, message, shown, optional=True)
            return
        try:
            await posting.edit(self.api, channel, message, text, optional=False)
        except RefusedError as refused:
            if refused.code in _UNCHANGEABLE:
                raise PostRefusedError(str(refused)) from refused
            raise _as_content_error(refused) from refused
        except LimitedError as limited:
            if self._clock.now() - seconds(message) > _OLD:
                raise PostRefusedError(str(limited)) from limited
            raise

    @override
    async def delete(self, target: DeliveryTarget, message: str) -> None:
        channel = await self._threads.of(target)
        try:
            await posting.delete(self.api, channel, message)
        except PlatformBusyError:
            raise
        except RefusedError as refused:
            log.warning("a left-over message is changed, since it can't be deleted: %s", refused)
            try:
                await posting.edit(self.api, channel, message, LEFT_OVER, optional=False)
            except RefusedError:
                raise PostRefusedError(str(refused)) from refused

    @override
    async def read_back(self, target: DeliveryTarget) -> tuple[Posted, ...]:
        try:
            channel = await self._threads.of(target)
        except RefusedError as refused:
            raise ReadBackRefusedError(str(refused)) from refused
        if not self.channels.may_read(channel):
            raise ReadBackRefusedError("the bot may not read what was said there")
        found = [each async for each in after(self.api, channel, target.trigger)]
        mine = [each for each in found if is_ours(each, self.me.user) and not is_silent(each)]
        token = self._previews.get(target.turn, "")
        return find(mine, target, token=token, replies=_replies(target, channel))

    @override
    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
        del thread
        return await fetch(self.api, self._session, attachment.id)

    @override
    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Return whether a message still has a file; a file's content can't change."""
        del thread
        return await is_there(self.api, attachment.id)

    # --- around an answer -----------------------------------------------------------------------

    @override
    async def finish(self, target: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Post the notes under an answer, and put the ✂️ on it."""
        if not answer.is_bare:
            await self._post_notes(target, answer, posted)
        self._previews.pop(target.turn, None)

    @override
    async def tell(self, target: DeliveryTarget, text: str) -> bool:
        """Say it where the answer belongs, else to the asker in a direct message."""
        nonce = notice_nonce(f"{target.thread}\n{target.turn}\n{text}")
        post = Post(channel="", text=shape.notice(text), nonce=nonce, silent=True)
        try:
            channel = await self._threads.of(target)
            await self._say_once(replace(post, channel=channel), behind=target.trigger)
        except PlatformError as error:
            log.info("a sentence is said in a direct message: %s", error)
            return await self._tell_alone(target.asker_id, post)
        return True

    @override
    async def working(self, target: DeliveryTarget, *, working: bool, again: bool = False) -> None:
        """Show that the bot is typing; the calls run beside the turn."""
        self._status.show(self._threads.known(target), working=working, at_once=again)

    # --- outside of turns -----------------------------------------------------------------------

    async def say(
        self, message: Message, text: str, *, view: discord.ui.View | None = None
    ) -> None:
        """Say something under a message, once in all processes.

        It may stay unsaid after a crash. Raises `PlatformError`.
        """
        above, channel = channel_of(message.thread.channel), message.answer_in
        if channel == message.id and not await self.channels.look_up_forum(above):
            channel = above  # its thread may not exist
        post = Post(
            channel=channel,
            text=shape.notice(text),
            nonce=notice_nonce(f"{message.id}\n{text}"),
            reply_to=message.id if message.id != channel else "",
            silent=True,
            view=view,
        )
        await self._say_once(post, behind=message.id)

    async def say_in(self, thread: ThreadKey, text: str, *, behind: str) -> None:
        """Say something in a thread, once after this message id; in its channel if it has none.

        Raises `PlatformError`.
        """
        nonce = notice_nonce(f"{thread}\n{text}\n{behind}")
        post = Post(channel=thread.thread, text=shape.notice(text), nonce=nonce, silent=True)
        try:
            await self._say_once(post, behind=behind)
        except RefusedError as refused:
            channel = channel_of(thread.channel)
            if refused.code != UNKNOWN_CHANNEL or channel == thread.thread:
                raise
            await self._say_once(replace(post, channel=channel), behind=behind)

    async def direct_channel(self, person: str) -> str:
        """Return the channel of a person's direct messages, opened if necessary."""
        if not is_id(person):  # an app posts for them, and who they are is unknown
            raise PlatformError("Discord knows no direct messages of this author")
        http = self.api.http

        async def opened() -> str:
            return str((await http.start_private_message(int(person)))["id"])

        return await self.api.call("open a direct message", opened)

    async def close(self) -> None:
        """Stop showing that the bot is typing."""
        await self._status.close()

    # --- the steps ------------------------------------------------------------------------------

    async def _post_notes(
        self, target: DeliveryTarget, answer: Answer, posted: Sequence[str]
    ) -> None:
        channel = await self._threads.of(target)
        text = shape.under(answer.notes, explain_trim=answer.explain_trim)
        if text:
            buttons = self._buttons if answer.explain_trim else None
            nonce = notice_nonce(f"{target.thread}\n{target.turn}\nunder")
            post = Post(
                channel=channel,
                text=text,
                nonce=nonce,
                silent=True,
                view=buttons and buttons.memory(),
            )
            await self._say_once(post, behind=target.trigger)
        if answer.trimmed and posted:
            try:
                await posting.react(self.api, channel, posted[-1], SCISSORS)
            except RefusedError as refused:
                log.warning("an answer has no ✂️ on it: %s", refused)

    async def _tell_alone(self, person: str, post: Post) -> bool:
        if not person:
            return False
        try:
            channel = await self.direct_channel(person)
            await posting.send(self.api, replace(post, channel=channel))
        except PlatformError as error:
            log.warning("a sentence could not be said: %s", error)
            return False
        return True

    async def _say_once(self, post: Post, *, behind: str) -> None:
        """Post something beside the answers: silently, which tells it from them."""
        try:
            async for each in after(self.api, post.channel, behind):
                same = str(each.get("content", "")).strip() == post.text.strip()
                if same and is_ours(each, self.me.user) and is_silent(each):
                    return
        except ReadBackRefusedError:
            log.info("what was said there can't be read: only the nonce prevents a second post")
        try:
            await posting.send(self.api, post)
        except RefusedError as refused:
            if refused.code != UNKNOWN_MESSAGE:  # it was said, and deleted since
                raise


def _replies(target: DeliveryTarget, channel: str) -> bool:
    """Return whether answers reply to their trigger; they don't if it opens the thread."""
    return target.trigger != channel


def _as_content_error(refused: RefusedError) -> PlatformError:
    """Return a refusal of an answer; an unknown reason may be the answer's content."""
    if isinstance(refused, ContentRefusedError | PlatformBusyError | PostRefusedError):
        return refused
    return ContentRefusedError(str(refused))
