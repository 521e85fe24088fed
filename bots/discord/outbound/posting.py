"""Posts, edits and deletions, each with what keeps it from calling anybody or standing twice."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord
from discord.http import MultipartParameters, handle_message_parameters
from discord.webhook.async_ import async_context

from bots.discord.api import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, RefusedError
from bots.discord.outbound.files_out import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bots.discord.api import Api

FILE_NAME = "answer.md"
_FILE_SECONDS = 120.0
_ARCHIVED = 50083
_NO_HISTORY = 160002
"""Nobody may reply without the right to read the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message to be posted."""

    channel: str
    text: str
    nonce: str
    reply_to: str = ""
    """The message that it is a reply to, in the same channel; empty for none."""
    silent: bool = False
    """Nobody's device makes a sound."""
    view: discord.ui.View | None = None
    """Buttons below it."""


async def post(api: Api, made: Post, *, courtesy: bool = False) -> str:
    """Post a message, or find the one that was posted with its nonce; return its id.

    Raises what `Api.call` and, for a courtesy, `Api.courtesy` do.
    """

    async def send(*, replies: bool = False) -> str:
        sent = await api.http.send_message(int(made.channel), params=_params(made, replies=replies))
        return str(sent["id"])

    async def reply() -> str:
        return await send(replies=True)

    first = reply if made.reply_to else send
    try:
        if courtesy:
            return await api.courtesy("show an answer", first, method="POST", channel=made.channel)
        return await api.call("post an answer", first)
    except RefusedError as refused:
        if refused.code != _NO_HISTORY:
            raise
        return await api.call("post an answer", send)


async def post_file(api: Api, channel: str, text: str, nonce: str) -> str:
    """Post a text as a file; see `post`."""
    target = api.link.client.get_partial_messageable(int(channel))

    async def send() -> str:
        sent = await target.send(
            file=discord.File(io.BytesIO(text.encode()), filename=FILE_NAME),
            nonce=nonce,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        return str(sent.id)

    return await api.call("post a file", send)


async def post_files(api: Api, made: Post, files: Sequence[Path]) -> None:
    """Post a message with files, which are read while they are sent; see `post`."""
    target = api.link.client.get_partial_messageable(int(made.channel))

    async def send() -> None:
        with opened(files) as attached:
            await target.send(
                made.text,
                files=attached,
                nonce=made.nonce,
                silent=made.silent,
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )

    await api.call("post files", send, _FILE_SECONDS)


async def edit(api: Api, channel: str, message: str, text: str, *, courtesy: bool) -> None:
    """Replace a message's text; raises as `post`. An archived thread is opened again for it."""
    target = api.link.client.get_partial_messageable(int(channel)).get_partial_message(int(message))

    async def change() -> None:
        none = discord.AllowedMentions.none()
        await target.edit(content=text, allowed_mentions=none)

    if courtesy:
        await api.courtesy("show an answer", change, method="PATCH", channel=channel)
        return
    try:
        await api.call("edit an answer", change)
    except RefusedError as refused:
        if refused.code != _ARCHIVED:
            raise
        await _unarchive(api, channel)
        await api.call("edit an answer", change)


async def delete(api: Api, channel: str, message: str) -> None:
    """Take a message away; one that is gone already is no error."""
    try:
        await api.call(
            "delete a message", lambda: api.http.delete_message(int(channel), int(message))
        )
    except RefusedError as refused:
        if refused.code not in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}:
            raise


async def respond(
    interaction: discord.Interaction,
    text: str,
    view: discord.ui.View | None,
    files: Sequence[discord.File],
) -> None:
    """Answer an interaction that was deferred, without previews of links.

    discord.py's own `edit_original_response` takes no flags; the rest is as it does it.
    """
    with handle_message_parameters(
        text,
        view=view,
        attachments=files,
        flags=discord.MessageFlags(suppress_embeds=True),
        allowed_mentions=discord.AllowedMentions.none(),
    ) as params:
        await async_context.get().edit_original_interaction_response(
            interaction.application_id,
            interaction.token,
            session=interaction._session,  # noqa: SLF001 - see above
            payload=params.payload,
            multipart=params.multipart,
            files=params.files,
        )


async def react(api: Api, channel: str, message: str, emoji: str) -> None:
    """Put a reaction on a message, once."""
    target = api.link.client.get_partial_messageable(int(channel)).get_partial_message(int(message))
    await api.call("react to a message", lambda: target.add_reaction(emoji))


async def _unarchive(api: Api, channel: str) -> None:
    await api.call(
        "open an archived thread", lambda: api.http.edit_channel(int(channel), archived=False)
    )


def _params(made: Post, *, replies: bool) -> MultipartParameters:
    """Return what discord.py sends for a post.

    Its own `send` would make objects of the answer, of which only the id is wanted.
    """
    flags = discord.MessageFlags(suppress_embeds=True, suppress_notifications=made.silent)
    more: dict[str, Any] = {"view": made.view} if made.view is not None else {}
    if replies:
        more["message_reference"] = _reference(made)
    return handle_message_parameters(
        made.text,
        nonce=made.nonce,
        flags=flags,
        allowed_mentions=discord.AllowedMentions.none(),
        mention_author=False,
        **more,
    )


def _reference(made: Post) -> dict[str, Any]:
    found = discord.MessageReference(
        message_id=int(made.reply_to), channel_id=int(made.channel), fail_if_not_exists=False
    )
    return {**found.to_message_reference_dict()}
