"""Finding the bot's own messages again, and by that saying something only once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.slack.api import stated
from bots.slack.faults import METADATA, ContentError
from bots.slack.inbound.events import channel_of
from bots.slack.inbound.history import replies
from bots.slack.inbound.people import is_ours, is_ts
from bots.slack.outbound import format as shape
from bots.slack.outbound.post_keys import key_of, notice
from bots.slack.pace import Rank
from core.delivery.port import Posted
from core.domain.payload import dicts_of, str_of

if TYPE_CHECKING:
    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from core.delivery.port import DeliveryTarget
    from core.domain.message import Message

log = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds for a post outside of turns: no lease runs out meanwhile, and Slack may limit it.

With the reading before it, it stays below `core.commands.in_thread.SAID_SECONDS`.
"""


async def find(api: Api, me: Me, target: DeliveryTarget, *, unmarked: str) -> tuple[Posted, ...]:
    """Return our messages of a turn, oldest first; raises what `replies` does.

    `unmarked` is the token of the lease that messages without metadata belong to.
    """
    channel = channel_of(target.thread.channel)
    found = []
    async for message in replies(
        api, channel, target.answer_in, oldest=target.trigger, rank=Rank.TAKEOVER
    ):
        key = key_of(message, target, unmarked=unmarked) if is_ours(message, me) else None
        if key is not None:
            files = dicts_of(message, "files")  # a file is identified by its own id
            known = str_of(files[0], "id") if files else str_of(message, "ts")
            found.append(Posted(known, key, shape.text_of(message)))
    return tuple(found)


async def say(api: Api, me: Me, message: Message, content: shape.Json, name: str) -> None:
    """Say something under a message, once under this name across all processes.

    A crash may leave it unsaid. Raises `PlatformError` if it can't be said now.
    """
    channel = channel_of(message.thread.channel)
    await say_once(api, me, (channel, message.answer_in), message.id, content, name)


async def say_once(
    api: Api, me: Me, thread: tuple[str, str], after: str, content: shape.Json, name: str
) -> None:
    """Say something in a thread (its channel and root) after a message; see `say`."""
    channel, root = thread
    metadata = notice(f"{after}\n{name}")
    if is_ts(after):  # otherwise there is nowhere to look
        async for found in replies(api, channel, root, oldest=after, rank=Rank.COMMAND):
            if found.get("metadata") == metadata and is_ours(found, me):
                return
    await post_notice(api, channel, content, root=root, metadata=metadata)


async def post_notice(
    api: Api,
    channel: str,
    content: shape.Json,
    *,
    root: str = "",
    metadata: shape.Json | None = None,
) -> str:
    """Post a message outside of turns, in a channel or in its thread under `root`; return its id.

    Raises `PlatformError`.
    """
    answer = await in_any_form(
        api,
        "chat.postMessage",
        content,
        channel=channel,
        thread_ts=root or None,
        metadata=metadata or notice(),
        patience=PATIENCE,
    )
    return str_of(answer, "ts")


async def in_any_form(api: Api, method: str, content: shape.Json, **given: Any) -> shape.Json:
    """Post a notice; if Slack refuses its content, post its words alone, then that it was refused.

    Returns Slack's answer; raises `PlatformError`.
    """
    forms = shape.forms_of(content)
    while True:
        try:
            return await api.call(method, **shape.NO_PREVIEWS, **given, **forms[0])
        except ContentError as refused:
            if refused.code in METADATA and given.pop("metadata", None):
                log.warning("a notice is posted without its metadata: %s", refused)
            elif forms[1:]:
                forms = forms[1:]
                log.warning("a notice is posted in another form: %s", refused)
            else:
                raise


async def direct_channel(api: Api, person: str) -> str:
    """Return the channel of the direct messages with a person; raises `PlatformError`."""
    method = "conversations.open"
    answer = await api.call(method, repeat=True, rank=Rank.COMMAND, users=person)
    return stated(method, answer, "channel", "id")
