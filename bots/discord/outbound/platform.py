"""Discord as a platform: posts that stand once, previews that are edited, answers that are whole.

Implements `core.delivery.port.Platform`; what each method answers is described there. A post
bears a nonce made from its key, which Discord enforces for some minutes; past those it is
looked for.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from bots.discord.api import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, LimitedError, RefusedError
from bots.discord.ids import seconds
from bots.discord.inbound.events import NAME, channel_of
from bots.discord.inbound.history import after
from bots.discord.inbound.places import Places
from bots.discord.outbound import format as shape
from bots.discord.outbound import posting
from bots.discord.outbound.files_in import fetch, is_there
from bots.discord.outbound.post_keys import nonce_of, notice_nonce
from bots.discord.outbound.posting import Post
from bots.discord.outbound.read_back import find, is_silent, ours
from bots.discord.outbound.status import Status
from bots.discord.outbound.threads import Threads
from core.delivery.port import Capabilities, Form
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
    from bots.discord.inbound.events import Me
    from core.delivery.port import DeliveryTarget, Posted, PostKey
    from core.domain.clock import Clock
    from core.domain.message import Attachment, Message, ThreadKey
    from core.domain.session import Answer

log = logging.getLogger(__name__)

_UNCHANGEABLE = {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL, 30046, 50005, 50021}
"""Codes for a message that can't be edited any more (docs: topics/opcodes-and-status-codes)."""
_OLD = 3600.0
"""Seconds after which a message may be edited only now and then (30046)."""
_KEPT = 2000


class DiscordPlatform:
    """One bot on Discord."""

    name = NAME

    def __init__(
        self,
        api: Api,
        me: Me,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        most_messages: int = 0,
        edit_interval: float = 1.5,
    ) -> None:
        """Act as `me`; answers have `most_messages` at most, if any number is given."""
        self.api = api
        self.me = me
        self.places = Places(api, clock)
        self.remember: Callable[[], discord.ui.View] | None = None
        """What goes under the first ✂️ of a thread: a button that shows what is remembered."""
        self.capabilities = Capabilities(call_timeout=api.timeout, edit_interval=edit_interval)
        self._threads = Threads(api, self.places, clock)
        self._session = session
        self._clock = clock
        self._most = most_messages
        self._typing = Status(api, clock)
        self._begun: OrderedDict[str, str] = OrderedDict()
        """By turn: the token of the lease that began a preview here."""

    def cut(self, text: str) -> tuple[int, ...]:
        """Return the ends of pieces that each fit a message."""
        return shape.cut(text, self._most)

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece, as it is posted."""
        return shape.piece(text, cuts, index)

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return a piece in parts: there is no plainer form than its words."""
        return shape.parts(text, form)

    # --- posting --------------------------------------------------------------------------------

    async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post under a key; the first message of a turn is a reply to what it answers."""
        channel = await self._threads.open_for(where)
        nonce = nonce_of(key)
        try:
            if key.is_file:
                return await posting.post_file(self.api, channel, text, nonce)
            first = key.is_preview or key.position == (0, Form.CUT, 0)
            made = Post(
                channel=channel,
                text=shape.preview(text) if key.is_preview else text,
                nonce=nonce,
                reply_to=where.trigger if first and self._replies(where, channel) else "",
            )
            return await posting.post(self.api, made, courtesy=key.is_preview)
        except RefusedError as refused:
            if refused.code == UNKNOWN_MESSAGE and not key.is_preview:
                return ""  # Discord's word for a nonce whose message was deleted
            raise _of_content(refused) from refused
        finally:
            if key.is_preview:
                self._begin(where, key)

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace the text: at once for the answer, as Discord likes it for a preview."""
        channel = await self._threads.of(where)
        if not final:
            shown = shape.preview(text)
            await posting.edit(self.api, channel, message, shown, courtesy=True)
            return
        try:
            await posting.edit(self.api, channel, message, text, courtesy=False)
        except RefusedError as refused:
            if refused.code in _UNCHANGEABLE:
                raise PostRefusedError(str(refused)) from refused
            raise _of_content(refused) from refused
        except LimitedError as limited:
            if self._clock.now() - seconds(message) > _OLD:
                raise PostRefusedError(str(limited)) from limited
            raise

    async def delete(self, where: DeliveryTarget, message: str) -> None:
        """Take a message away."""
        await posting.delete(self.api, await self._threads.of(where), message)

    async def read_back(self, where: DeliveryTarget) -> tuple[Posted, ...]:
        """Look behind the message that is answered."""
        try:
            channel = await self._threads.of(where)
        except RefusedError as refused:
            raise ReadBackRefusedError(str(refused)) from refused
        if not self.places.may_read(channel):
            raise ReadBackRefusedError("the bot may not read what was said there")
        found = [each async for each in after(self.api, channel, where.trigger)]
        mine = [each for each in found if ours(each, self.me.user) and not is_silent(each)]
        token = self._begun.get(where.turn, "")
        return find(mine, where, token=token, replies=self._replies(where, channel))

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
        """Fetch a file that came with a message."""
        del thread
        return await fetch(self.api, self._session, attachment.id)

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Ask whether a file is still with its message; it can't become another one."""
        del thread
        return await is_there(self.api, attachment.id)

    # --- around an answer -----------------------------------------------------------------------

    async def finish(self, where: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Put the notes under the answer, and the ✂️ on it."""
        if answer.is_bare:
            self._begun.pop(where.turn, None)
            return
        channel = await self._threads.of(where)
        text = shape.under(answer.notes, explain_trim=answer.explain_trim)
        if text:
            view = self.remember() if self.remember and answer.explain_trim else None
            nonce = notice_nonce(f"{where.thread}\n{where.turn}\nunder")
            made = Post(channel=channel, text=text, nonce=nonce, view=view, silent=True)
            await self._say_once(made, behind=where.trigger)
        if answer.trimmed and posted:
            try:
                await posting.react(self.api, channel, posted[-1], SCISSORS)
            except RefusedError as refused:
                log.warning("an answer has no ✂️ on it: %s", refused)
        self._begun.pop(where.turn, None)

    async def tell(self, where: DeliveryTarget, text: str) -> bool:
        """Say it where the answer belongs, else in a direct message to who asked."""
        nonce = notice_nonce(f"{where.thread}\n{where.turn}\n{text}")
        made = Post(channel="", text=shape.notice(text), nonce=nonce, silent=True)
        try:
            channel = await self._threads.of(where)
            await self._say_once(replace(made, channel=channel), behind=where.trigger)
        except PlatformError as error:
            log.info("a sentence is said in a direct message: %s", error)
            return await self._tell_alone(where.asker_id, made)
        return True

    async def working(self, where: DeliveryTarget, *, working: bool) -> None:
        """Let the channel show that the bot types; the calls are made beside the turn."""
        self._typing.show(self._threads.shown(where), working=working)

    # --- outside of turns -----------------------------------------------------------------------

    async def say(
        self, message: Message, text: str, *, view: discord.ui.View | None = None
    ) -> None:
        """Say something under a message, once, whoever says it; a crash may leave it unsaid."""
        above, channel = channel_of(message.thread.place), message.answer_in
        if channel == message.id and not await self.places.takes_posts(above):
            channel = above  # its thread may not be there
        made = Post(
            channel=channel,
            text=shape.notice(text),
            nonce=notice_nonce(f"{message.id}\n{text}"),
            reply_to=message.id if message.id != channel else "",
            silent=True,
            view=view,
        )
        await self._say_once(made, behind=message.id)

    async def say_in(self, thread: ThreadKey, text: str, *, behind: str) -> None:
        """Say something in a thread, once behind an id; beside it where it never was opened."""
        nonce = notice_nonce(f"{thread}\n{text}\n{behind}")
        made = Post(channel=thread.thread, text=shape.notice(text), nonce=nonce, silent=True)
        try:
            await self._say_once(made, behind=behind)
        except RefusedError as refused:
            channel = channel_of(thread.place)
            if refused.code != UNKNOWN_CHANNEL or channel == thread.thread:
                raise
            await self._say_once(replace(made, channel=channel), behind=behind)

    async def close(self) -> None:
        """Take back what is shown of work that goes on."""
        await self._typing.close()
        await self.api.close()

    # --- the steps ------------------------------------------------------------------------------

    async def _tell_alone(self, person: str, made: Post) -> bool:
        if not person:
            return False
        try:
            await posting.post(self.api, replace(made, channel=await self.dm(person)))
        except PlatformError as error:
            log.warning("a sentence could not be said: %s", error)
            return False
        return True

    async def dm(self, person: str) -> str:
        """Return the channel of the direct messages with a person, opened if need be."""
        http = self.api.http

        async def opened() -> str:
            return str((await http.start_private_message(int(person)))["id"])

        return await self.api.call("open a direct message", opened)

    @staticmethod
    def _replies(where: DeliveryTarget, channel: str) -> bool:
        """Tell whether answers reply to what they answer: not where a thread opens with it."""
        return where.trigger != channel

    def _begin(self, where: DeliveryTarget, key: PostKey) -> None:
        self._begun[where.turn] = key.token
        if len(self._begun) > _KEPT:
            self._begun.popitem(last=False)

    async def _say_once(self, made: Post, *, behind: str) -> None:
        """Say something beside the answers: silently, which is how it is told from them."""
        try:
            async for each in after(self.api, made.channel, behind):
                same = str(each.get("content", "")).strip() == made.text.strip()
                if same and ours(each, self.me.user) and is_silent(each):
                    return
        except ReadBackRefusedError:
            log.info("what was said there can't be read: only the nonce keeps it from coming twice")
        try:
            await posting.post(self.api, made)
        except RefusedError as refused:
            if refused.code != UNKNOWN_MESSAGE:  # it was said, and deleted since
                raise


def _of_content(refused: RefusedError) -> PlatformError:
    """Return a refusal of an answer; for no reason known here, it may be so for what is in it."""
    if isinstance(refused, ContentRefusedError | PlatformBusyError | PostRefusedError):
        return refused
    return ContentRefusedError(str(refused))
