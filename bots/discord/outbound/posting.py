"""Posts, edits and deletions, which notify nobody and happen once however often they are sent."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import discord
from discord.http import MultipartParameters, handle_message_parameters
from discord.webhook.async_ import async_context

from bots.discord.faults import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, RefusedError
from bots.discord.outbound.files_out import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bots.discord.api import Api

FILE_NAME = "answer.md"
_FILE_SECONDS = 120.0
"""Seconds for one upload."""
_ARCHIVED = 50083
_NOT_AS_REPLY = {UNKNOWN_MESSAGE, 160002}
"""Codes for a reply to a message that was deleted, or without the right to read the history. The
first also means that the message with this nonce was deleted; then it comes again without a reply.

Source: github.com/NousResearch/hermes-agent, issue 11342.
"""
_NO_MENTIONS: Final = discord.AllowedMentions.none()
_FLAGS: Final = {
    silent: discord.MessageFlags(suppress_embeds=True, suppress_notifications=silent)
    for silent in (False, True)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message to be posted."""

    channel: str
    text: str
    nonce: str
    reply_to: str = ""
    """The message to which it is a reply, in the same channel; empty for none."""
    silent: bool = False
    """Whether it is posted without a sound on people's devices."""
    view: discord.ui.View | None = None
    """Buttons under it."""


async def send(api: Api, post: Post, *, optional: bool = False) -> str:
    """Post a message, or find the one that was posted with its nonce; return its id.

    Raises what `Api.call` does; for an optional post, what `Api.call_if_spare` does.
    """

    async def plain() -> str:
        sent = await api.http.send_message(int(post.channel), params=_params(post, replies=False))
        return str(sent["id"])

    async def reply() -> str:
        sent = await api.http.send_message(int(post.channel), params=_params(post, replies=True))
        return str(sent["id"])

    first = reply if post.reply_to else plain
    try:
        if optional:
            return await api.call_if_spare("show an answer", first, ("POST", post.channel))
        return await api.call("post an answer", first)
    except RefusedError as refused:
        if refused.code not in _NOT_AS_REPLY or not post.reply_to:
            raise
        return await api.call("post an answer", plain)


async def send_text_as_file(api: Api, channel: str, text: str, nonce: str) -> str:
    """Post a text as a file; see `send`."""
    target = api.client.get_partial_messageable(int(channel))

    async def upload() -> str:
        sent = await target.send(
            file=discord.File(io.BytesIO(text.encode()), filename=FILE_NAME),
            nonce=nonce,
            allowed_mentions=_NO_MENTIONS,
        )
        return str(sent.id)

    return await api.call("post a file", upload)


async def send_files(api: Api, post: Post, files: Sequence[Path]) -> None:
    """Post a message with files, which are read during the upload; see `send`."""
    target = api.client.get_partial_messageable(int(post.channel))

    async def upload() -> None:
        with opened(files) as attached:
            await target.send(
                post.text,
                files=attached,
                nonce=post.nonce,
                silent=post.silent,
                suppress_embeds=True,
                allowed_mentions=_NO_MENTIONS,
            )

    await api.call("post files", upload, _FILE_SECONDS)


async def edit(api: Api, channel: str, message: str, text: str, *, optional: bool) -> None:
    """Replace a message's text, in an archived thread after reopening it; raises as `send`.

    An edit that is not optional is an answer's last one, and takes the buttons away.
    """
    target = api.client.get_partial_messageable(int(channel)).get_partial_message(int(message))

    if optional:

        async def grow() -> None:
            await target.edit(content=text, allowed_mentions=_NO_MENTIONS)

        await api.call_if_spare("show an answer", grow, ("PATCH", channel))
        return

    async def change() -> None:
        await target.edit(content=text, view=None, allowed_mentions=_NO_MENTIONS)

    try:
        await api.call("edit an answer", change)
    except RefusedError as refused:
        if refused.code != _ARCHIVED:
            raise
        await api.call(
            "reopen an archived thread", lambda: api.http.edit_channel(int(channel), archived=False)
        )
        await api.call("edit an answer", change)


async def delete(api: Api, channel: str, message: str) -> None:
    """Delete a message; it is no error if it is gone already."""
    try:
        await api.call(
            "delete a message", lambda: api.http.delete_message(int(channel), int(message))
        )
    except RefusedError as refused:
        if refused.code not in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}:
            raise


async def react(api: Api, channel: str, message: str, emoji: str) -> None:
    """Put a reaction on a message, once."""
    target = api.client.get_partial_messageable(int(channel)).get_partial_message(int(message))
    await api.call("react to a message", lambda: target.add_reaction(emoji))


async def respond(
    interaction: discord.Interaction,
    text: str,
    view: discord.ui.View | None,
    files: Sequence[discord.File],
) -> None:
    """Answer a deferred interaction, without link previews.

    discord.py's own `edit_original_response` takes no flags; the rest is as there.
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


def _params(post: Post, *, replies: bool) -> MultipartParameters:
    """Return what discord.py sends for a post.

    Its own `send` would build objects from the answer, of which only the id is needed.
    """
    more: dict[str, Any] = {"view": post.view} if post.view is not None else {}
    if replies:
        more["message_reference"] = {
            "message_id": int(post.reply_to),
            "channel_id": int(post.channel),
            "fail_if_not_exists": False,
        }
    return handle_message_parameters(
        post.text,
        nonce=post.nonce,
        flags=_FLAGS[post.silent],
        allowed_mentions=_NO_MENTIONS,
        mention_author=False,
        **more,
    )
