"""Slack as a platform: posts that are found again, previews that stream, answers that are whole.

Implements `core.delivery.port.Platform`; what each method answers is described there. Slack has no
key that keeps a repeated post from standing twice, so each message carries a mark in its metadata
(`marks`), and nothing is posted again before it was looked for.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bots.slack.api import METADATA, ContentError, RefusedError, stated
from bots.slack.inbound.events import NAME, channel_of, deleted, edited, kind_of, said, unread
from bots.slack.inbound.people import is_stranger
from bots.slack.outbound import format as shape
from bots.slack.outbound.files_in import fetch, is_unchanged
from bots.slack.outbound.post_keys import mark, notice
from bots.slack.outbound.reactions import react
from bots.slack.outbound.read_back import PATIENCE, find, say, say_once
from bots.slack.outbound.status import Status
from bots.slack.outbound.stream import LIFE, Streams
from bots.slack.outbound.titles import Titles
from bots.slack.outbound.uploads import Uploads, is_file
from bots.slack.pace import Rank
from core.delivery.port import Capabilities, Form, PostKey
from core.domain.errors import (
    ContentRefusedError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    broke,
)
from core.domain.message import Kind
from core.domain.payload import dict_of, str_of
from core.domain.tasks import off_loop_if_long
from core.turn.notices import TRIM_MEANING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bots.slack.api import Api
    from bots.slack.inbound.events import Deleted, Me
    from core.delivery.port import DeliveryTarget, Posted
    from core.domain.clock import Clock
    from core.domain.message import Attachment, Message, ThreadKey
    from core.domain.session import Answer

log = logging.getLogger(__name__)

_Name = TypeVar("_Name")
_Value = TypeVar("_Value")
_GONE = {"cant_update_message", "channel_not_found", "edit_window_closed", "message_not_found"}
_STREAMING = {"cant_delete_message", "streaming_state_conflict"}
"""What Slack answers for a message that is still being streamed."""
_KEPT = 2000
"""Messages and turns that are remembered here; past that, it is done the longer way."""


class SlackPlatform:
    """One workspace."""

    name = NAME

    def __init__(
        self,
        api: Api,
        me: Me,
        clock: Clock,
        *,
        strangers: bool = False,
        most_messages: int = 0,
        edit_interval: float = 1.2,
        stream_life: float = LIFE,
    ) -> None:
        """Act as `me`; the interval is what Slack's limit for chat.update comes to.

        `strangers` says that people of other organisations are heard in shared channels. An
        answer has `most_messages` at most, and then a file; 0 is no limit.
        """
        self._strangers = strangers
        self._most_messages = most_messages
        self.api = api
        self.me = me
        self.status = Status(api, clock)
        self.titles = Titles(api)
        self._streams = Streams(api, clock, life=stream_life)
        self._uploads = Uploads(api, clock)
        self._begun: OrderedDict[str, str] = OrderedDict()
        """By turn: the token of the lease that began a stream here, which has no mark yet."""
        self._texts: OrderedDict[str, str] = OrderedDict()
        """By message: its text as it was posted here, for `finish` to add to."""
        self._plain: OrderedDict[str, str] = OrderedDict()
        """The same, of messages that were posted as plain text."""
        self._unclear: OrderedDict[PostKey, None] = OrderedDict()
        """Posts of which no answer came."""
        self.capabilities = Capabilities(call_timeout=api.timeout, edit_interval=edit_interval)

    def cut(self, text: str) -> tuple[int, ...]:
        """Return the ends of pieces that each fit a markdown block, of the first few messages."""
        return shape.cut(text, self._most_messages)

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece, in Markdown."""
        return shape.piece(text, cuts, index)

    def parts(self, text: str, form: Form) -> tuple[str, ...]:
        """Return a piece in parts that Slack takes as plain text."""
        return shape.parts(text, form)

    # --- posting --------------------------------------------------------------------------------

    async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
        """Post under a key; a preview is streamed where that can be."""
        if key.is_file:
            return await self._uploads.put(where, text)
        if key.is_preview and (streamed := await self._start(where, text, key)) is not None:
            return streamed
        is_plain = key.form is not Form.CUT
        content = shape.plain(text) if is_plain else shape.message(text)
        try:
            answer = await self._taken(
                "chat.postMessage",
                channel=self.channel_of(where.thread),
                thread_ts=where.answer_in,
                metadata=mark(key),
                **shape.NO_PREVIEWS,
                **content,
            )
        except PostUnclearError:
            _keep(self._unclear, key, None)
            raise
        ts = stated("chat.postMessage", answer, "ts")
        _keep(self._texts, ts, text)
        if is_plain:
            _keep(self._plain, ts, text)
        return ts

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        """Replace the text; a stream grows for as long as it can."""
        channel = self.channel_of(where.thread)
        if final:
            await self._streams.stop(channel, message)
            first = PostKey(where.thread, where.turn, piece=0)
            await self._replace(where, message, metadata=mark(first), **shape.message(text))
            _keep(self._texts, message, text)
            return
        if not await self._streams.grow(channel, message, shape.growing(text)):
            await self.api.courtesy(
                "chat.update", channel=channel, ts=message, **shape.message(text)
            )

    async def delete(self, where: DeliveryTarget, message: str) -> None:
        """Take a message away; one that streams is ended first."""
        if is_file(message):
            await self._uploads.take_back(where, message)
            return
        await self._streams.stop(self.channel_of(where.thread), message)
        try:
            await self._ended(where, message, "chat.delete")
        except RefusedError as refused:
            if refused.code != "message_not_found":
                raise

    async def read_back(self, where: DeliveryTarget) -> tuple[Posted, ...]:
        """Look through the thread, behind the message that is answered."""
        unmarked = self._begun.get(where.turn, "another's") if self._streams.supported else ""
        found = await find(self.api, self.me, where, unmarked=unmarked)
        if any(posted.key in self._unclear for posted in found):
            self.api.took_effect("chat.postMessage")
        for posted in found:
            self._unclear.pop(posted.key, None)
        return found

    async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
        """Fetch a file that came with a message."""
        del thread
        return await fetch(self.api, attachment.id)

    async def is_unchanged(self, thread: ThreadKey, attachment: Attachment) -> bool:
        """Ask whether a file is there, and can't have become another one meanwhile."""
        del thread
        return await is_unchanged(self.api, attachment.id)

    # --- around an answer -----------------------------------------------------------------------

    async def finish(self, where: DeliveryTarget, answer: Answer, posted: Sequence[str]) -> None:
        """Put the notes under the answer, and the ✂️ on it; name the session after its opening."""
        last = posted[-1]
        if answer.notes or answer.explain_trim:
            await self._replace(where, last, **await self._with_notes(last, answer))
        if answer.trimmed:
            await react(self.api, self.channel_of(where.thread), last, "scissors")
        self.titles.after(where)
        for message in posted:
            self._texts.pop(message, None)
            self._plain.pop(message, None)
        self._begun.pop(where.turn, None)

    async def _with_notes(self, message: str, answer: Answer) -> shape.Json:
        if message in self._plain:
            meaning = (TRIM_MEANING,) if answer.explain_trim else ()
            return shape.plain(self._plain[message], (*answer.notes, *meaning))
        text = self._texts.get(message)
        if text is None:
            text = await off_loop_if_long(len(answer.text), lambda: self._last_piece(answer))
        return shape.message(text, answer.notes, explain_trim=answer.explain_trim)

    async def tell(self, where: DeliveryTarget, text: str) -> bool:
        """Say it in the thread, else in a direct message to who asked."""
        thread = (self.channel_of(where.thread), where.answer_in)
        content = shape.message(text)
        try:
            await say_once(self.api, self.me, thread, where.trigger, content, name=text)
        except PlatformError as error:
            log.info("a sentence is said in a direct message: %s", error)
            return await self._tell_alone(where.asker_id, content)
        return True

    async def working(self, where: DeliveryTarget, *, working: bool) -> None:
        """Let the thread show it; the call is made beside the turn."""
        self.status.show(self.channel_of(where.thread), where.answer_in, working=working)

    # --- what is heard --------------------------------------------------------------------------

    def hears(self, body: Mapping[str, Any]) -> bool:
        """Tell whether an event's person may talk to the bot."""
        return self._strangers or not is_stranger(body, self.me)

    def changed(self, body: Mapping[str, Any]) -> Deleted | Message | None:
        """Return what was deleted, or a message as it is since it was edited."""
        try:
            return deleted(body, self.me) or edited(body, self.me)
        except Exception as error:  # noqa: BLE001 - one change must not stop what comes after it
            log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
            return None

    def heard(self, body: Mapping[str, Any]) -> Message | None:
        """Return what a person said to whom the bot listens.

        What can't be read is a message without words if it is said to the bot; else nothing.
        """
        try:
            message = said(body, self.me)
        except Exception as error:  # noqa: BLE001 - one message must not stop what comes after it
            log.error("%s could not be read: %s", kind_of(body), broke(error))  # noqa: TRY400
            message = unread(body, self.me)
        return message if message is not None and self.hears(body) else None

    # --- outside of turns -----------------------------------------------------------------------

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once, whoever says it; a crash may leave it unsaid."""
        await say(self.api, self.me, message, shape.message(text), name=text)

    @staticmethod
    def channel_of(thread: ThreadKey) -> str:
        """Return the channel that a thread is in."""
        return channel_of(thread.place)

    async def close(self) -> None:
        """Take back what is shown of work that goes on."""
        await self.titles.close()
        await self.status.close()

    # --- the steps ------------------------------------------------------------------------------

    async def _tell_alone(self, person: str, content: shape.Json) -> bool:
        if not person:
            return False
        try:
            opened = await self.api.call(
                "conversations.open", repeat=True, rank=Rank.COMMAND, users=person
            )
            dm = str_of(dict_of(opened, "channel"), "id")
            marked = {"metadata": notice(), **shape.NO_PREVIEWS, **content}
            await self.api.call("chat.postMessage", channel=dm, patience=PATIENCE, **marked)
        except PlatformError as error:
            log.warning("a sentence could not be said: %s", error)
            return False
        return True

    async def _taken(self, method: str, **given: Any) -> dict[str, Any]:
        """Post or change an answer; raise `ContentRefusedError` for a refusal of any other kind.

        What is refused for no reason known here may be so for what is in it. A mark that is
        refused is left out.
        """
        try:
            return await self.api.call(method, repeat=method != "chat.postMessage", **given)
        except ContentError as refused:
            if refused.code not in METADATA or "metadata" not in given:
                raise
            log.warning("an answer is posted without its mark: %s", refused)
            given.pop("metadata")
            return await self.api.call(method, repeat=method != "chat.postMessage", **given)
        except (PlatformBusyError, PostRefusedError):
            raise
        except RefusedError as refused:
            if refused.code in _GONE | _STREAMING | {"message_not_found"}:
                raise
            raise ContentRefusedError(str(refused)) from refused

    async def _start(self, where: DeliveryTarget, text: str, key: PostKey) -> str | None:
        """Begin a stream; None where it has to be a message that is edited."""
        if not (self._streams.supported and (where.kind is Kind.DM or where.reader)):
            return None
        _keep(self._begun, where.turn, key.token)
        to = (where.reader, self.me.team)
        try:
            return await self._streams.start(
                self.channel_of(where.thread), where.answer_in, shape.growing(text), to
            )
        except PostUnclearError:
            raise
        except PlatformError as error:
            log.info("posted rather than streamed: %s", error)
            return None

    async def _replace(self, where: DeliveryTarget, message: str, **content: Any) -> None:
        try:
            await self._ended(where, message, "chat.update", **content)
        except RefusedError as refused:
            if refused.code in _GONE:
                raise PostRefusedError(str(refused)) from refused
            raise

    async def _ended(
        self, where: DeliveryTarget, message: str, method: str, **content: Any
    ) -> None:
        """Make a call on a message, which may be another process's stream."""
        given = {"channel": self.channel_of(where.thread), "ts": message, **content}
        call = self._taken if method == "chat.update" else partial(self.api.call, repeat=True)
        try:
            await call(method, **given)
        except RefusedError as refused:
            if refused.code not in _STREAMING:
                raise
            await self._streams.stop(self.channel_of(where.thread), message, known=False)
            await call(method, **given)

    def _last_piece(self, answer: Answer) -> str:
        cuts = self.cut(answer.text)
        return self.piece(answer.text, cuts, len(cuts) - 1)


def _keep(known: OrderedDict[_Name, _Value], name: _Name, value: _Value) -> None:
    known[name] = value
    if len(known) > _KEPT:
        known.popitem(last=False)
