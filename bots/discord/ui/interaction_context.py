"""One use of a command, a menu or a button: taken in time, and answered to one person alone.

Discord waits for three seconds and then tells the person that the bot does not respond; once
taken, it can be answered for 15 minutes (docs: interactions/receiving-and-responding). The answer
is an edit of the message that says that the bot is thinking, so it stands once, however often it
is made.
"""

from __future__ import annotations

import logging
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

import discord

from bots.discord.api import RefusedError
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
    from bots.discord.ui.replies import DiscordVoice

log = logging.getLogger(__name__)

_TRIES, _TRY_SECONDS = 3, 0.9
"""So that all tries end within Discord's three seconds."""
_FILE_SECONDS = 120.0
_EPHEMERAL = 1 << 6
"""The flag of a message that only the person sees (docs: resources/message, "Message Flags")."""
_TOKEN = re.compile(r"[\w.-]{1,512}", re.ASCII)
_TAKEN = 40060
_TOO_LATE = 10062
_OVER = {10008, 10015, _TOO_LATE, 50027}
"""Codes for an answer that can't be given any more: the token is over, or its message is gone."""


class Taken(Enum):
    """Whether Discord knows that an answer will come."""

    BY_US = "by us"
    PERHAPS = "perhaps"
    """Or by another process, which was told of the same."""
    NO = "no"


class InteractionContext:
    """What somebody asked for, until it is answered."""

    def __init__(
        self, interaction: discord.Interaction[Any], api: Api, voice: DiscordVoice
    ) -> None:
        """Answer through `api`, and by `voice` once it is too late for that."""
        self.interaction = interaction
        self.person = str(interaction.user.id) if interaction.user else ""
        """Who asked; empty where Discord does not say, as is the channel."""
        self.channel = str(interaction.channel_id or "")
        self.guild = str(interaction.guild_id or "")
        self.id = str(interaction.id)
        self.at = seconds(self.id)
        """When it was asked, by Discord's clock."""
        limit: object = interaction.filesize_limit
        self.limit = limit if isinstance(limit, int) and limit > 0 else DEFAULT_LIMIT
        """Bytes that a file of the answer may have."""
        self._api = api
        self._voice = voice

    async def take(self) -> Taken:
        """Let Discord know in time that an answer will come, which only the person will see."""
        for _ in range(_TRIES):
            try:
                await self._api.call("take a command", self._defer, _TRY_SECONDS)
            except PostUnclearError as unclear:
                log.info("a command is perhaps not taken: %s", unclear)
            except RefusedError as refused:
                return self._meaning(refused)
            else:
                return Taken.BY_US
        return await self._looked()

    async def show(
        self, text: str, *, view: discord.ui.View | None = None, files: Sequence[Path] = ()
    ) -> None:
        """Answer; where it is too late for that, in a direct message.

        Raises `PlatformError` where neither can be done.
        """
        said = shape.notice(text)

        async def answer() -> None:
            with opened(files) as attached:
                await posting.respond(self.interaction, said, view, attached)

        try:
            await self._api.call("answer a command", answer, _FILE_SECONDS if files else 0)
        except RefusedError as refused:
            if refused.code not in _OVER or not self.person:
                raise
            log.info("a command is answered in a direct message: %s", refused)
            await self._voice.give(self.person, said, files)

    async def _defer(self) -> None:
        response, message = self.interaction.response, self.interaction.message
        if message is not None and message.flags.ephemeral:
            await response.defer()  # what the person sees alone is changed into the answer
        else:
            await response.defer(ephemeral=True, thinking=True)

    async def _looked(self) -> Taken:
        """Look whether Discord knows, where its answers were lost."""
        try:
            await self._api.call("look at an answer", self.interaction.original_response)
        except PlatformError as error:
            log.warning("a command could not be taken: %s", error)
            return Taken.NO
        return Taken.PERHAPS

    @staticmethod
    def _meaning(refused: RefusedError) -> Taken:
        if refused.code == _TAKEN:
            return Taken.PERHAPS
        log.warning("a command came too late to be answered: %s", refused)
        return Taken.NO


async def answer_raw(api: Api, payload: Mapping[str, Any], text: str) -> bool:
    """Answer an interaction of which nothing but its id and its token can be read.

    Returns whether it has both, and was answered. Raises `PlatformError` where that is not known.
    """
    id_, token = str_of(payload, "id"), str_of(payload, "token")
    if not is_id(id_) or not _TOKEN.fullmatch(token):
        return False
    route = discord.http.Route(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        interaction_id=id_,
        interaction_token=token,
    )
    data = {"content": text, "flags": _EPHEMERAL, "allowed_mentions": {"parse": []}}
    body = {"type": discord.InteractionResponseType.channel_message.value, "data": data}

    async def answer() -> None:
        await api.http.request(route, json=body)

    try:
        await api.call("answer a command", answer, _TRIES * _TRY_SECONDS)
    except RefusedError as refused:
        log.info("a command is answered otherwise: %s", refused)
        return refused.code == _TAKEN
    return True
