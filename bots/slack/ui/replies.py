"""Replies to commands; implements `core.commands.in_thread.CommandReplies`.

Private replies go into a direct message or a modal. Nothing important is only ephemeral, since
Slack may not show such a message, and does not keep it (docs:
messaging/sending-and-scheduling-messages).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from bots.settings import privacy
from bots.slack.faults import CONTENT, RefusedError
from bots.slack.inbound.events import channel_of
from bots.slack.outbound import format as shape
from bots.slack.outbound.files_out import LARGEST, MOST_PARTS, share
from bots.slack.outbound.permalinks import link_in
from bots.slack.outbound.read_back import direct_channel, in_any_form, post_notice, say
from bots.slack.ui import views
from bots.slack.ui.commands import help_text
from bots.slack.ui.refusals import why
from core.commands.export.parts import about_parts, split_file
from core.commands.export.request import SEVERAL
from core.commands.export.writing import SO_FAR
from core.commands.in_thread import CommandReplies
from core.domain.errors import PlatformError, PostUnclearError
from core.domain.message import Kind
from core.store.keys import unique

if TYPE_CHECKING:
    from pathlib import Path

    from bots.settings.settings import Settings
    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from bots.slack.ui.directory import SlackDirectory
    from core.commands.export.writing import Progress, Tell
    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey

log = logging.getLogger(__name__)

_VIEW_REFUSED = {"invalid_arguments", "view_too_large", *CONTENT}
"""Errors about what a modal shows (docs: reference/methods/views.update)."""
_SENT = "Here is the conversation you asked for."
_NOT_ANNOUNCED = "I could not announce it in the thread, because I may not write there."
_SENT_SEVERAL = "Here are the conversations that you may have."
_ASK_WHY = "Thank you, I have noted your 👎. Only you see this."
_OFFER_PIN = "Shall I remember that for good, word for word? Only you see this."
_OFFERS = {
    "forget": "I ask before I forget anything. Press the button.",
    "memory": "Only you will see it. Press the button.",
    "reset": (
        "If this was meant for me: I ask before I reset a conversation, which is for everyone in "
        "it and removes its pins. Press the button."
    ),
}


class SlackReplies(CommandReplies):
    """Replies to commands, outside of the conversation."""

    def __init__(
        self, api: Api, me: Me, directory: SlackDirectory, clock: Clock, settings: Settings
    ) -> None:
        """Reply as `me`; help and privacy are by the settings."""
        self.help = help_text(overhears=settings.overhear)
        self.privacy = privacy.short(settings, "slack")
        self._api = api
        self._me = me
        self._directory = directory
        self._clock = clock

    @override
    def linked(self, link: str) -> ThreadKey | None:
        found = link_in(link)
        return None if found is None else self._directory.thread_at(found.channel, found.root)

    # --- in a thread ----------------------------------------------------------------------------

    @override
    async def answer(self, message: Message, text: str, name: str, *, button: str = "") -> None:
        """Say something under a message, visible to all; once under this name."""
        content = shape.message(text)
        if button:
            action, label = views.ACTIONS[button]
            press = views.button(action, label, str(message.thread))
            content["blocks"].append({"type": "actions", "elements": [press]})
        await say(self._api, self._me, message, content, name=name)

    @override
    async def offer(self, message: Message, name: str) -> None:
        """Post a button for a command in a thread: Slack opens a modal only for a gesture."""
        action, label = views.ACTIONS[name]
        content = shape.message(_OFFERS[name])
        press = views.button(action, label, str(message.thread), danger=name == "forget")
        content["blocks"].append({"type": "actions", "elements": [press]})
        await say(self._api, self._me, message, content, name=name)

    @override
    async def offer_pin(self, message: Message) -> None:
        """Offer a message's author to pin it, where only they see that; Slack does not keep it."""
        action, label = views.PIN_ACTIONS["keep"]
        press = views.button(action, label, f"{message.id} {message.thread}")
        content = shape.message(_OFFER_PIN)
        content["blocks"].append({"type": "actions", "elements": [press]})
        root = "" if message.kind is Kind.DM else message.answer_in
        channel = channel_of(message.thread.channel)
        await self._whispered(message.author.id, channel, content, root)

    async def ask_why(self, person: str, thread: ThreadKey, root: str, named: str) -> None:
        """Thank a person for a 👎 where only they see it, with a button to say why."""
        content = shape.message(_ASK_WHY)
        press = views.button(views.WHY, "Say why", named)
        content["blocks"].append({"type": "actions", "elements": [press]})
        await self._whispered(person, channel_of(thread.channel), content, root)

    async def announce(self, thread: ThreadKey, text: str, person: str) -> None:
        """Say in a thread what a person did there; to them alone if Slack does not take it."""
        channel = channel_of(thread.channel)
        root = "" if thread.thread == channel else thread.thread
        try:
            await post_notice(self._api, channel, shape.message(text), root=root)
        except PlatformError as error:
            log.warning("what a command did is said to one person alone: %s", error)
            await self.tell_or_whisper(person, f"{text} {_NOT_ANNOUNCED}", channel, root)

    # --- to one person --------------------------------------------------------------------------

    @override
    async def refuse(self, message: Message, text: str) -> None:
        """Say something to a message's author in a direct message, else where only they see it."""
        channel = channel_of(message.thread.channel)
        await self.tell_or_whisper(message.author.id, text, channel, message.answer_in)

    async def tell_or_whisper(self, person: str, text: str, channel: str, root: str = "") -> None:
        """Say something to a person in a direct message; if that is refused, in a channel.

        There, in the thread of `root` if it has one, only that person sees it.
        """
        try:
            await self.tell(person, text)
        except RefusedError as refused:
            if not channel:
                raise
            log.info("a person is answered where they asked: %s", refused)
            await self.whisper(person, channel, text, root)

    async def tell(self, person: str, text: str) -> None:
        """Say something to a person in a direct message."""
        dm = await direct_channel(self._api, person)
        await post_notice(self._api, dm, shape.message(text))

    @override
    async def send(self, person: str, file: Path) -> None:
        """Send a file to a person in a direct message, in parts if it is large; never twice."""
        parts = await asyncio.to_thread(split_file, file, LARGEST, MOST_PARTS)
        dm = await direct_channel(self._api, person)
        comment = (_SENT_SEVERAL if file.stem == SEVERAL else _SENT) + about_parts(parts)
        for part in parts:
            await share(self._api, self._clock, part, channel=dm, comment=comment)

    @override
    def progress(self, person: str) -> Tell:
        """Return what says it in one direct message, which it edits."""
        posted: list[tuple[str, str]] = []

        async def tell(progress: Progress) -> None:
            content = shape.message(SO_FAR.format(progress=progress))
            if not posted:
                dm = await direct_channel(self._api, person)
                posted.append((dm, await post_notice(self._api, dm, content)))
                return
            ((dm, ts),) = posted
            await self._api.call("chat.update", repeat=True, channel=dm, ts=ts, **content)

        return tell

    async def whisper(self, person: str, channel: str, text: str, root: str = "") -> None:
        """Say something in a channel that only one person sees, and Slack does not keep."""
        await self._whispered(person, channel, shape.message(text), root)

    async def _whispered(
        self, person: str, channel: str, content: dict[str, Any], root: str
    ) -> None:
        root_of = {"thread_ts": root} if root else {}
        await in_any_form(
            self._api, "chat.postEphemeral", content, channel=channel, user=person, **root_of
        )

    @override
    def why(self, error: PlatformError) -> str:
        return why(error)

    async def show(self, trigger: str, *, pushed: bool = False) -> str:
        """Open a modal at once, since a trigger is valid for three seconds; return its name.

        The name is ours, so the modal can be filled even if Slack's answer was lost.
        """
        method = "views.push" if pushed else "views.open"
        name = unique()
        view = views.words("One moment", ["…"]) | {"external_id": name}
        try:
            await self._api.call(method, trigger_id=trigger, view=view)
        except PostUnclearError:
            log.info("it is unknown whether a modal is open; it is filled if it is")
        return name

    async def fill(self, modal: str, view: dict[str, Any]) -> None:
        """Replace the content of an open modal; by less if Slack refuses what it shows."""
        for shown in (view, views.words_of(view)):
            named = shown | {"external_id": modal}
            try:
                await self._api.call("views.update", repeat=True, external_id=modal, view=named)
            except RefusedError as refused:
                if refused.code not in _VIEW_REFUSED:
                    raise
                log.warning("a modal is filled with less: %s", refused)
            else:
                return
        refusal = views.words(view["title"]["text"], [views.REFUSED]) | {"external_id": modal}
        await self._api.call("views.update", repeat=True, external_id=modal, view=refusal)

    async def refresh(self, view_id: str, view: dict[str, Any], *, unless: str = "") -> None:
        """Replace the content of an open modal by Slack's id of it.

        Args:
            view_id: The id.
            view: What the modal is to show.
            unless: The hash of what it shows now; Slack refuses the update if it shows something
                else (docs: reference/methods/views.update, `hash`). Empty for whatever it shows.
        """
        known: dict[str, Any] = {"hash": unless} if unless else {}
        await self._api.call("views.update", repeat=True, view_id=view_id, view=view, **known)
