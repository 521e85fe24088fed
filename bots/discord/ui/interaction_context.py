"""One use of a command, a menu or a button: acknowledged in time, and answered to one person.

Discord waits three seconds, and then tells the person that the bot does not respond. Once
acknowledged, an interaction can be answered for 15 minutes (docs:
interactions/receiving-and-responding). The answer edits the message that says that the bot is
thinking, so there is one answer, however often the edit is made.
"""

from __future__ import annotations

import io
import logging
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

import discord

from bots.discord.faults import UNKNOWN_MESSAGE, ContentError, RefusedError
from bots.discord.ids import is_id, seconds
from bots.discord.outbound import format as shape
from bots.discord.outbound import posting
from bots.discord.outbound.files_out import DEFAULT_LIMIT, opened
from core.domain.errors import PlatformError, PostUnclearError
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bots.discord.api import Api
    from bots.discord.ui.replies import DiscordReplies

log = logging.getLogger(__name__)

_ATTEMPTS, _ATTEMPT_SECONDS = 3, 0.9
"""All attempts end within Discord's three seconds."""
_FILE_SECONDS = 120.0
"""Seconds for an answer with files."""
_AS_FILE = "Discord refuses this as a message, so here it is as a file."
_EPHEMERAL = 1 << 6
"""The flag of a message that only one person sees (docs: resources/message, "Message Flags")."""
_TOKEN = re.compile(r"[\w.-]{1,512}", re.ASCII)
_ACKNOWLEDGED = 40060
_TOO_LATE = 10062
_OVER = {UNKNOWN_MESSAGE, 10015, _TOO_LATE, 50027}
"""Codes for an answer that is no longer possible: the token has expired, or its message is gone."""


class Acknowledgement(Enum):
    """Whether Discord knows that an answer will come."""

    OURS = "ours"
    UNCLEAR = "unclear"
    """Discord may know by us, or by another process that received the same interaction."""
    FAILED = "failed"


class InteractionContext:
    """An interaction until it is answered."""

    def __init__(
        self, interaction: discord.Interaction[Any], api: Api, replies: DiscordReplies
    ) -> None:
        """Answer through `api`, or by a direct message once it is too late for that."""
        self.interaction = interaction
        self.person = str(interaction.user.id) if interaction.user else ""
        """Who asked; empty if Discord does not say, as is the channel."""
        self.channel = str(interaction.channel_id or "")
        self.guild = str(interaction.guild_id or "")
        self.id = str(interaction.id)
        self.at = seconds(self.id)
        """When it was asked, by Discord's clock."""
        limit: object = interaction.filesize_limit
        self.limit = limit if isinstance(limit, int) and limit > 0 else DEFAULT_LIMIT
        """The most bytes of a file in the answer."""
        self._api = api
        self._replies = replies

    async def acknowledge(self) -> Acknowledgement:
        """Tell Discord in time that an answer will come, which only the person will see."""
        token: object = self.interaction.token
        if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            log.warning("a command can't be acknowledged: its token can't be read")
            return Acknowledgement.FAILED
        for _ in range(_ATTEMPTS):
            try:
                await self._api.call("acknowledge a command", self._defer, _ATTEMPT_SECONDS)
            except PostUnclearError as unclear:
                log.info("a command may not be acknowledged: %s", unclear)
            except RefusedError as refused:
                return self._meaning(refused)
            else:
                return Acknowledgement.OURS
        return await self._look_up()

    async def show(
        self, text: str, *, view: discord.ui.View | None = None, files: Sequence[Path] = ()
    ) -> None:
        """Answer; if Discord refuses that, with the text as a file, or in a direct message.

        Files that are refused are not sent in another way, so that the reason is told.

        Raises `PlatformError` if none of them is possible.
        """
        shown = shape.notice(text)
        try:
            await self._answer(shown, view, files)
        except RefusedError as refused:
            is_over = refused.code in _OVER
            if not self.person or (files and not is_over):
                raise
            if isinstance(refused, ContentError) and await self._answered_by_file(text):
                return
            log.info("a command is answered in a direct message: %s", refused)
            try:
                await self._replies.give(self.person, shown, files)
            except RefusedError:
                raise refused from None

    async def _answered_by_file(self, text: str) -> bool:
        """Answer with the text as a file; return False if Discord refuses that too."""

        async def answer() -> None:
            file = discord.File(io.BytesIO(text.encode()), filename=posting.FILE_NAME)
            await posting.respond(self.interaction, _AS_FILE, None, [file])

        try:
            await self._api.call("answer a command", answer, _FILE_SECONDS)
        except RefusedError as refused:
            log.info("an answer is refused as a file: %s", refused)
            return False
        return True

    async def _answer(self, text: str, view: discord.ui.View | None, files: Sequence[Path]) -> None:
        async def answer() -> None:
            with opened(files) as attached:
                await posting.respond(self.interaction, text, view, attached)

        await self._api.call("answer a command", answer, _FILE_SECONDS if files else 0)

    async def _defer(self) -> None:
        response, message = self.interaction.response, self.interaction.message
        if message is not None and message.flags.ephemeral:
            await response.defer()  # the answer replaces the message that only the person sees
        else:
            await response.defer(ephemeral=True, thinking=True)

    async def _look_up(self) -> Acknowledgement:
        """Ask whether Discord knows, after its answers were lost."""
        try:
            await self._api.call("look up an answer", self.interaction.original_response)
        except PlatformError as error:
            log.warning("a command could not be acknowledged: %s", error)
            return Acknowledgement.FAILED
        return Acknowledgement.UNCLEAR

    @staticmethod
    def _meaning(refused: RefusedError) -> Acknowledgement:
        if refused.code == _ACKNOWLEDGED:
            return Acknowledgement.UNCLEAR
        log.warning("a command came too late to be answered: %s", refused)
        return Acknowledgement.FAILED


async def answer_raw(api: Api, payload: Mapping[str, Any], text: str) -> bool:
    """Answer an interaction of which only the id and the token can be read.

    Returns whether it has both and was answered. Raises `PlatformError` if that is unknown.
    """
    data = {"content": text, "flags": _EPHEMERAL, "allowed_mentions": {"parse": []}}
    kind = discord.InteractionResponseType.channel_message
    return await _respond(api, payload, {"type": kind.value, "data": data})


async def open_modal(
    api: Api, interaction: discord.Interaction[Any], modal: Mapping[str, Any]
) -> bool:
    """Answer an interaction by a modal, as `answer_raw`.

    discord.py would keep the modal in memory until it is submitted, and in one process only.
    """
    payload = {"id": str(interaction.id), "token": interaction.token}
    body = {"type": discord.InteractionResponseType.modal.value, "data": modal}
    return await _respond(api, payload, body)


async def _respond(api: Api, payload: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    id_, token = str_of(payload, "id"), str_of(payload, "token")
    if not is_id(id_) or not _TOKEN.fullmatch(token):
        return False
    route = discord.http.Route(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        interaction_id=id_,
        interaction_token=token,
    )

    async def answer() -> None:
        await api.http.request(route, json=body)

    try:
        await api.call("answer a command", answer, _ATTEMPTS * _ATTEMPT_SECONDS)
    except RefusedError as refused:
        log.info("a command is answered in another way: %s", refused)
        return refused.code == _ACKNOWLEDGED
    return True
