"""Slack as a platform: posts that can be found again, previews that stream, whole answers.

Implements `core.delivery.port.Platform`, which describes what each method returns. Slack has no
key that prevents a repeated post from appearing twice. So each message carries its key in its
metadata (`post_keys`), and nothing is posted again before it was looked for.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache
from typing_extensions import override

from bots.slack.api import stated
from bots.slack.faults import METADATA, ContentError, RefusedError
from bots.slack.inbound.events import NAME, channel_of
from bots.slack.outbound import format as shape
from bots.slack.outbound.files_in import fetch, is_unchanged
from bots.slack.outbound.files_out import Uploads, is_file
from bots.slack.outbound.permalinks import link_to
from bots.slack.outbound.post_keys import mark
from bots.slack.outbound.read_back import direct_channel, find, post_notice, say, say_once
from bots.slack.outbound.status import Status
from bots.slack.outbound.stream import LIFE, Streams
from bots.slack.outbound.titles import Titles
from core.delivery.port import LEFT_OVER, Capabilities, Form, Platform, PostKey
from core.domain.errors import (
    ContentRefusedError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
)
from core.domain.message import Kind
from core.domain.tasks import off_loop_if_long
from core.turn.notices import TRIM_MEANING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from bots.slack.inbound.names import Names
    from core.delivery.port import DeliveryTarget, FileContent, Links, Posted
    from core.domain.clock import Clock
    from core.domain.message import Attachment, Message, ThreadKey
    from core.domain.session import Answer

log = logging.getLogger(__name__)

_GONE = {"cant_update_message", "channel_not_found", "edit_window_closed", "message_not_found"}
_STREAMING = {"cant_delete_message", "streaming_state_conflict"}
"""Errors about a message that is still being streamed."""
_EDIT_SECONDS = 1.2
"""Seconds between two edits of a preview, by the limit for chat.update."""
_KEPT = 2000
"""Messages and turns remembered here; for others, the information is read or built again."""


class SlackPlatform(Platform):
    """One workspace."""

    name = NAME

    def __init__(
        self,
        api: Api,
        me: Me,
        clock: Clock,
        names: Names,
        *,
        links: Links | None = None,
        most_messages: int = 0,
        stream_life: float = LIFE,
    ) -> None:
        """Act as `me`.

        Args:
            api: Slack's Web API.
            me: The bot.
            clock: The clock.
            names: Know what channels are called.
            links: The links to its conversations; None to follow none.
            most_messages: Messages of one answer at most, before a file; 0 means no limit.
            stream_life: Seconds after which a stream is ended.
        """
        self._most_messages = most_messages
        self._links = links
        self.api = api
        self.me = me
        self._names = names
        self.status = Status(api, clock)
        self.titles = Titles(api)
        self._streams = Streams(api, clock, life=stream_life)
        self._uploads = Uploads(api, clock)
        self._begun: LRUCache[str, str] = LRUCache(_KEPT)
        """By turn: the token of the lease that began a stream here, which has no metadata yet."""
        self._texts: LRUCache[str, str] = LRUCache(_KEPT)
        """By message: its text as it was posted here, for `finish` to add to."""
        self._plain: LRUCache[str, str] = LRUCache(_KEPT)
        """The same, of messages that were posted as plain text."""
        self._unclear: LRUCache[PostKey, bool] = LRUCache(_KEPT)
        """Posts whose answer was lost."""
        self._capabilities = Capabilities(
            call_timeout=api.timeout, edit_interval=_EDIT_SECONDS, formatting=shape.FORMATTING
        )

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @override
    async def place_of(self, thread: ThreadKey) -> str:
        return await self._names.place(channel_of(thread.channel))

    @property
    @override
    def links(self) -> Links | None:
        return self._links

    @override
    def cut(self, text: str) -> tuple[int, ...]:
        """Return the ends of pieces that each fit a markdown block, for the allowed messages."""
        return shape.cut(text, self._most_messages)

    @override
    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        return shape.piece(text, cuts, index)

    @override
    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        return shape.parts(text, form)

    @override
    def link_to(self, thread: ThreadKey, message: str, number: int) -> str:
        """Return a message's permalink; `thread.thread` is its root, or in a DM the channel."""
        return link_to(self.me.url, self.channel_of(thread), message, thread.thread)

    # --- posting --------------------------------------------------------------------------------

    @override
    async def post(self, target: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post under a key; stream a preview if possible."""
        if key.is_file:
            return await self._uploads.put(target, text)
        if key.is_preview and (streamed := await self._start(target, text, key)) is not None:
            return streamed
        is_plain = key.form is not Form.CUT
        content = shape.plain(text) if is_plain else shape.message(text)
        try:
            answer = await self._taken(
                "chat.postMessage",
                channel=self.channel_of(target.thread),
                thread_ts=target.answer_in,
                metadata=mark(key),
                **shape.NO_PREVIEWS,
                **content,
            )
        except PostUnclearError:
            self._unclear[key] = True
            raise
        ts = stated("chat.postMessage", answer, "ts")
        self._texts[ts] = text
        if is_plain:
            self._plain[ts] = text
        return ts

    @override
    async def edit(self, target: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace the text; append to a stream as long as possible."""
        channel = self.channel_of(target.thread)
        if final:
            await self._streams.stop(channel, message)
            first = PostKey(target.thread, target.turn, piece=0)
            await self._replace(target, message, metadata=mark(first), **shape.message(text))
            self._texts[message] = text
            return
        if not await self._streams.grow(channel, message, shape.growing(text)):
            await self.api.courtesy(
                "chat.update", channel=channel, ts=message, **shape.message(text)
            )

    @override
    async def delete(self, target: DeliveryTarget, message: str) -> None:
        """Delete a message, and first end its stream if it has one."""
        if is_file(message):
            await self._uploads.take_back(target, message)
            return
        await self._streams.stop(self.channel_of(target.thread), message)
        try:
            await self._ended(target, message, "chat.delete")
        except PlatformBusyError:
            raise
        except RefusedError as refused:
            if refused.code != "message_not_found":
                await self._disown(target, message, refused)

    @override
    async def read_back(self, target: DeliveryTarget) -> tuple[Posted, ...]:
        """Look through the thread, after the message that is answered."""
        unmarked = self._begun.get(target.turn, "another's") if self._streams.supported else ""
        found = await find(self.api, self.me, target, unmarked=unmarked)
        if any(posted.key in self._unclear for posted in found):
            self.api.took_effect("chat.postMessage")
        for posted in found:
            self._unclear.pop(posted.key, None)
        return found

    @override
    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
        del thread
        return await fetch(self.api, attachment.id)

    @override
    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Ask Slack whether a file exists, and can't have been edited."""
        del thread
        return await is_unchanged(self.api, attachment.id)

    # --- around an answer -----------------------------------------------------------------------

    @override
    async def finish(self, target: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Put the notes under the answer and the ✂️ on it; name the session after its first turn."""
        last = posted[-1]
        if answer.notes or answer.explain_trim:
            await self._replace(target, last, **await self._with_notes(last, answer))
        if answer.trimmed:
            await self._react(target, last, "scissors")
        self.titles.after(target)
        for message in posted:
            self._texts.pop(message, None)
            self._plain.pop(message, None)
        self._begun.pop(target.turn, None)

    async def _with_notes(self, message: str, answer: Answer) -> shape.Json:
        if message in self._plain:
            meaning = (TRIM_MEANING,) if answer.explain_trim else ()
            return shape.plain(self._plain[message], (*answer.notes, *meaning))
        text = self._texts.get(message)
        if text is None:
            text = await off_loop_if_long(len(answer.text), lambda: self._last_piece(answer))
        return shape.message(text, answer.notes, explain_trim=answer.explain_trim)

    @override
    async def tell(self, target: DeliveryTarget, text: str) -> bool:
        """Say it in the thread, or else in a direct message to the person who asked."""
        thread = (self.channel_of(target.thread), target.answer_in)
        content = shape.message(text)
        try:
            await say_once(self.api, self.me, thread, target.trigger, content, name=text)
        except PlatformError as error:
            log.info("a notice goes into a direct message instead: %s", error)
            return await self._tell_alone(target.asker_id, content)
        return True

    @override
    async def working(self, target: DeliveryTarget, *, working: bool, again: bool = False) -> None:
        """Show it in the thread; the turn does not wait for the call."""
        channel = self.channel_of(target.thread)
        self.status.show(channel, target.answer_in, working=working, again=again)

    # --- outside of turns -----------------------------------------------------------------------

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once across all processes; a crash may leave it unsaid."""
        await say(self.api, self.me, message, shape.message(text), name=text)

    @staticmethod
    def channel_of(thread: ThreadKey) -> str:
        """Return the channel of a thread."""
        return channel_of(thread.channel)

    async def close(self) -> None:
        """Finish titles, and clear the status of threads in which the bot works."""
        await self.titles.close()
        await self.status.close()

    # --- steps ----------------------------------------------------------------------------------

    async def _react(self, target: DeliveryTarget, message: str, name: str) -> None:
        """Add a reaction to a message, once; if Slack refuses it, the message goes without.

        Raises `PlatformError` if it can't be done now.
        """
        channel = self.channel_of(target.thread)
        try:
            await self.api.call(
                "reactions.add", repeat=True, channel=channel, timestamp=message, name=name
            )
        except RefusedError as refused:
            if refused.code != "already_reacted":
                log.warning("an answer has no %s on it: %s", name, refused.code)

    async def _tell_alone(self, person: str, content: shape.Json) -> bool:
        if not person:
            return False
        try:
            await post_notice(self.api, await direct_channel(self.api, person), content)
        except PlatformError as error:
            log.warning("a notice was not posted: %s", error)
            return False
        return True

    async def _taken(self, method: str, **given: Any) -> dict[str, Any]:
        """Post or change an answer; raise `ContentRefusedError` for a refusal of an unknown kind.

        Its content may be the cause. Metadata that Slack refuses is left out.
        """
        try:
            return await self.api.call(method, repeat=method != "chat.postMessage", **given)
        except ContentError as refused:
            if refused.code not in METADATA or "metadata" not in given:
                raise
            log.warning("an answer is posted without its metadata: %s", refused)
            given.pop("metadata")
            return await self.api.call(method, repeat=method != "chat.postMessage", **given)
        except (PlatformBusyError, PostRefusedError):
            raise
        except RefusedError as refused:
            if refused.code in _GONE | _STREAMING | {"message_not_found"}:
                raise
            raise ContentRefusedError(str(refused)) from refused

    async def _start(self, target: DeliveryTarget, text: str, key: PostKey) -> str | None:
        """Start a stream; return None if the preview has to be a message that is edited."""
        if not (self._streams.supported and (target.kind is Kind.DM or target.reader)):
            return None
        self._begun[target.turn] = key.token
        to = (target.reader, self.me.team)
        try:
            return await self._streams.start(
                self.channel_of(target.thread), target.answer_in, shape.growing(text), to
            )
        except PostUnclearError:
            raise
        except PlatformError as error:
            log.info("a preview is posted, not streamed: %s", error)
            return None

    async def _disown(self, target: DeliveryTarget, message: str, refused: RefusedError) -> None:
        """Let a message that Slack does not delete say that it is no answer.

        An administrator may have forbidden to delete messages, or a stream does not end: text may
        still be appended to that. Raises `PostRefusedError` if Slack refuses this as well.
        """
        log.warning("a left-over message is changed, since it can't be deleted: %s", refused)
        try:
            await self._ended(target, message, "chat.update", **shape.message(LEFT_OVER))
        except RefusedError:
            channel = self.channel_of(target.thread)
            if not await self._streams.end_with(channel, message, f"\n\n{LEFT_OVER}"):
                raise PostRefusedError(str(refused)) from refused

    async def _replace(self, target: DeliveryTarget, message: str, **content: Any) -> None:
        try:
            await self._ended(target, message, "chat.update", **content)
        except RefusedError as refused:
            if refused.code in _GONE | _STREAMING:
                raise PostRefusedError(str(refused)) from refused
            raise

    async def _ended(
        self, target: DeliveryTarget, message: str, method: str, **content: Any
    ) -> None:
        """Make a call on a message; if it is another process's stream, end that first."""
        given = {"channel": self.channel_of(target.thread), "ts": message, **content}
        call = self._taken if method == "chat.update" else partial(self.api.call, repeat=True)
        try:
            await call(method, **given)
        except RefusedError as refused:
            if refused.code not in _STREAMING:
                raise
            await self._streams.stop(self.channel_of(target.thread), message, known=False)
            await call(method, **given)

    def _last_piece(self, answer: Answer) -> str:
        cuts = self.cut(answer.text)
        return self.piece(answer.text, cuts, len(cuts) - 1)
