"""What is done with a thread on somebody's word: by whatever way the word came.

What is private goes into a direct message or a modal; nothing important is only ephemeral, since
Slack may not show such a message and forgets it (docs: messaging/sending-and-scheduling-messages).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bots.slack import format as shape
from bots.slack import views
from bots.slack.events import channel_of
from bots.slack.marks import notice
from core import audit
from core.access import Right, may_forget_own, may_forget_whole, may_reset, right
from core.commands import view_lines
from core.errors import PlatformError
from core.export import Form, export_to

if TYPE_CHECKING:
    from bots.slack.api import Api
    from bots.slack.names import Names
    from bots.slack.rights import Rights
    from core.clock import Clock
    from core.commands import Commands
    from core.message import ThreadKey
    from core.store.port import Store

log = logging.getLogger(__name__)

NOT_YOURS = "You can do this only with a thread that you took part in and can still see."
NOT_MEMBER = "You can begin anew only a thread that you took part in."
_UPLOAD_SECONDS = 300.0


class Desk:
    """Shows, exports, forgets and resets threads for those who may."""

    def __init__(
        self,
        api: Api,
        names: Names,
        rights: Rights,
        store: Store,
        commands: Commands,
        clock: Clock,
        *,
        open_private: bool,
    ) -> None:
        """Act on `store`; `open_private` lets admins reach other people's DMs."""
        self.rights = rights
        self.commands = commands
        self.clock = clock
        self._api = api
        self._names = names
        self._store = store
        self._open = open_private

    # --- showing --------------------------------------------------------------------------------

    async def show(self, trigger: str, *, pushed: bool = False) -> str:
        """Open a modal at once, as a trigger is good for three seconds; return its id."""
        method = "views.push" if pushed else "views.open"
        view = views.words("One moment", ["…"])
        answer = await self._api.call(method, trigger_id=trigger, view=view)
        return str(answer["view"]["id"])

    async def fill(self, modal: str, view: dict[str, Any]) -> None:
        """Put something else into an open modal."""
        await self._api.call("views.update", repeat=True, view_id=modal, view=view)

    async def remembered(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        """Return the modal with what is remembered of a thread, or with why not."""
        lines = await self.remembered_lines(user, thread)
        return views.words("What I remember", lines)

    async def remembered_lines(self, user: str, thread: ThreadKey) -> list[str]:
        """Return what is remembered of a thread in words, to who may read it."""
        if await self._right(user, thread) is not Right.OWN:
            return [NOT_YOURS]
        return view_lines(await self.commands.view(thread))

    async def chosen(self, user: str, command: str) -> dict[str, Any]:
        """Return the modal in which somebody chooses one of their threads."""
        return views.choose(command, await self.rights.threads(user), self.clock.now())

    # --- doing ----------------------------------------------------------------------------------

    async def export(self, user: str, thread: ThreadKey, form: str = "md") -> bool:
        """Send somebody a conversation as a file, privately; tell if they got it."""
        held = await self._right(user, thread)
        if held is Right.NONE:
            await self.tell(user, NOT_YOURS)
            return False
        if await self._store.peek(thread) is None:
            await self.tell(user, "I know of no conversation there.")
            return False
        if held is Right.ADMIN:
            audit.note("export", by=user, thread=thread, at=self.clock.now())
        with tempfile.TemporaryDirectory(prefix="chatbot-") as folder:
            name = f"conversation.{'json' if form == 'json' else 'md'}"
            path = Path(folder) / name
            kind = Form.JSON if form == "json" else Form.MARKDOWN
            await export_to(self._store, thread, str(path), at=self.clock.now(), form=kind)
            await self._send(user, path)
        return True

    async def asked_to_forget(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        """Return the modal that asks before anything is removed, or that says why not."""
        standing = await self.rights.standing(user, thread)
        if may_forget_whole(standing, open_private=self._open):
            return views.forget(thread, whole=True)
        if may_forget_own(standing):
            return views.forget(thread, whole=False)
        return views.words("Not forgotten", [NOT_YOURS])

    async def forget(self, user: str, thread: ThreadKey, *, whole: bool) -> None:
        """Remove a thread, or what somebody said in it, if they may still; and tell them."""
        standing = await self.rights.standing(user, thread)
        if whole and may_forget_whole(standing, open_private=self._open):
            if not (may_forget_own(standing) and standing.people == 1):
                audit.note("forget", by=user, thread=thread, at=self.clock.now())
            await self.tell(user, await self.commands.forget(thread))
        elif not whole and may_forget_own(standing):
            await self.tell(user, await self.commands.forget_own(thread, user))
        else:
            await self.tell(user, NOT_YOURS if not may_forget_own(standing) else _SHARED)

    async def reset(self, user: str, thread: ThreadKey) -> None:
        """Begin a thread anew, and say so in it."""
        if may_reset(await self.rights.standing(user, thread)):
            await self.begun(user, thread, await self.commands.reset(thread))
        else:
            await self.tell(user, NOT_MEMBER)

    async def begun(self, user: str, thread: ThreadKey, said: str) -> None:
        """Say in a thread who has begun it anew."""
        await self.announce(thread, f"{await self._names.of(user)} begins this anew. {said}")

    # --- saying ---------------------------------------------------------------------------------

    async def announce(self, thread: ThreadKey, text: str) -> None:
        """Say something in a thread, for all who are in it."""
        channel = channel_of(thread.place)
        root = None if thread.thread == channel else thread.thread
        await self._api.call(
            "chat.postMessage",
            channel=channel,
            thread_ts=root,
            metadata=notice(),
            **shape.message(text),
        )

    async def offer_button(self, channel: str, root: str, command: str, thread: ThreadKey) -> None:
        """Put a button for a command on a thread into it: a modal needs somebody's press."""
        action, label = views.ACTIONS[command]
        content = shape.message(_OFFERS[command])
        press = views.button(action, label, str(thread), danger=command == "forget")
        content["blocks"].append({"type": "actions", "elements": [press]})
        metadata = notice()
        await self._api.call(
            "chat.postMessage", channel=channel, thread_ts=root, metadata=metadata, **content
        )

    async def tell(self, user: str, text: str) -> None:
        """Say something to somebody alone, where it stays."""
        dm = await self._dm(user)
        await self._api.call(
            "chat.postMessage", channel=dm, metadata=notice(), **shape.message(text)
        )

    async def _right(self, user: str, thread: ThreadKey) -> Right:
        return right(await self.rights.standing(user, thread), open_private=self._open)

    async def _dm(self, user: str) -> str:
        answer = await self._api.call("conversations.open", repeat=True, users=user)
        return str(answer["channel"]["id"])

    async def _send(self, user: str, path: Path) -> None:
        """Upload a file into somebody's DM; never twice, as the client repeats nothing."""
        dm = await self._dm(user)
        try:
            async with asyncio.timeout(_UPLOAD_SECONDS):
                await self._api.client.files_upload_v2(
                    channel=dm,
                    file=str(path),
                    filename=path.name,
                    title=path.name,
                    initial_comment="Here is the conversation that you asked for.",
                )
        except (SlackApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformError(f"an export was not sent: {type(error).__name__}") from error


_SHARED = "Others have spoken in this thread meanwhile: ask again to forget your own messages."
_OFFERS = {
    "forget": "I ask before I forget anything: press the button.",
    "memory": "Only you will see it: press the button.",
}
