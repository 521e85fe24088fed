"""Making a message out of what the bot asks for, or refusing it as Discord does."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from tests.fakes.discord.component_rules import SELECT, check_select
from tests.fakes.discord.errors import DiscordError, invalid
from tests.fakes.discord.mentions import allowed
from tests.fakes.discord.model import (
    COMPONENTS_V2,
    REPLY,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    WRITTEN,
    File,
    Message,
)
from tests.fakes.discord.permissions import Permission
from tests.live.discord.rules import RULES

if TYPE_CHECKING:
    from tests.fakes.discord.call import Call
    from tests.fakes.discord.mentions import Meant
    from tests.fakes.discord.model import Channel, Json
    from tests.fakes.discord.writing import Writing

LONGEST = RULES["content-length"].limit  # characters (discord.md 2, "Sizes")
LONGEST_DESCRIPTION = 4096
LONGEST_EMBEDS = 6000  # all of a message's together (docs: resources/message, "Embed Limits")
MOST_ROWS, MOST_BUTTONS = 5, 5
CONTAINER = 17  # docs: components/reference, "Component Types"
SETTABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
EVERYTHING = ("users", "roles", "everyone")


def composed(
    call: Call, channel: Channel, body: Json, *, parse: tuple[str, ...] = EVERYTHING, flags: int = 0
) -> Message:
    """Return a message that isn't anywhere yet.

    Args:
        call: The call, for its files.
        channel: Where it is to stand.
        body: What it is to be.
        parse: Whom it may notify where it doesn't say.
        flags: More flags than anybody may set.
    """
    discord = call.discord
    given = int(body.get("flags") or 0) & (SETTABLE | flags)
    message = Message(
        discord.snowflake(),
        channel.id,
        discord.bot,
        content(body.get("content"), given),
        discord.now(),
        flags=given,
        embeds=embeds(body.get("embeds")),
        components=components(body.get("components")),
        nonce=body.get("nonce"),
    )
    message.files = attached(call, channel, body)
    if not any((message.content, message.embeds, message.components, message.files)):
        raise DiscordError(50006)
    _refer(call, message, body)
    mention(discord, message, body.get("allowed_mentions"), parse)
    return message


def content(text: Any, flags: int = 0) -> str:
    """Return the text as it's stored: without white space around it."""
    found = str(text or "").strip()
    if len(found) > LONGEST:
        words = f"Must be {LONGEST} or fewer in length."
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", words)
    if found and flags & COMPONENTS_V2:
        words = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        raise invalid("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", words)
    return found


def embeds(given: list[Json] | None) -> list[Json]:
    """Return the embeds as Discord tells of them."""
    total = 0
    for index, embed in enumerate(given or ()):
        text = str(embed.get("description") or "")
        total += len(text) + len(str(embed.get("title") or ""))
        if len(text) > LONGEST_DESCRIPTION:
            words = f"Must be {LONGEST_DESCRIPTION} or fewer in length."
            raise invalid(f"embeds/{index}/description", "BASE_TYPE_MAX_LENGTH", words)
    if total > LONGEST_EMBEDS:
        words = f"Embed size exceeds maximum size of {LONGEST_EMBEDS}"
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", words)
    return [{"type": "rich", **embed, "content_scan_version": 0} for embed in given or ()]


def components(given: list[Json] | None) -> list[Json]:
    """Return the components, each with its number."""
    if len(given or ()) > MOST_ROWS and all(row.get("type") == 1 for row in given or ()):
        words = f"Must be {MOST_ROWS} or fewer in length."
        raise invalid("components", "BASE_TYPE_MAX_LENGTH", words)
    seen: set[str] = set()
    count = 0

    def numbered(part: Json, path: str) -> Json:
        nonlocal count
        count += 1
        name = part.get("custom_id")
        if name is not None and name in seen:
            words = "Component custom id cannot be duplicated"
            raise invalid(f"{path}/custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", words)
        seen.add(name or "")
        if part.get("type") == SELECT:
            check_select(part, path)
        found = {key: value for key, value in part.items() if value is not None} | {"id": count}
        if part.get("type") == CONTAINER:
            found = {"accent_color": None, "spoiler": False} | found
        if "components" in part:
            inner = part["components"]
            if part.get("type") == 1 and len(inner) > MOST_BUTTONS:
                raise invalid(f"{path}/components", "BASE_TYPE_BAD_LENGTH", "Must be 1 to 5.")
            found["components"] = [
                numbered(one, f"{path}/components/{i}") for i, one in enumerate(inner)
            ]
        return found

    return [numbered(row, f"components/{index}") for index, row in enumerate(given or ())]


def attached(call: Call, channel: Channel, body: Json) -> list[File]:
    """Store the files that came with a message (docs: reference, "Uploading Files")."""
    described = {str(one.get("id")): one for one in body.get("attachments") or ()}
    found = []
    for index, part in sorted(call.files.items()):
        if len(part.data) > call.discord.upload_limit:
            raise DiscordError(40005)
        about = described.get(str(index), {})
        name = about.get("filename") or part.name
        kind = mimetypes.guess_type(name)[0] or part.mimetype
        file = File(call.discord.snowflake(), name, part.data, kind, channel.id)
        file.description = about.get("description") or ""
        call.discord.files[file.id] = file
        found.append(file)
    return found


def _refer(call: Call, message: Message, body: Json) -> None:
    """Make it a reply where it's asked to be."""
    reference = body.get("message_reference")
    if not reference:
        return
    channel = call.discord.channels[message.channel]
    if not call.may(channel, Permission.READ_MESSAGE_HISTORY):
        raise DiscordError(160002)
    original = channel.messages.get(str(reference["message_id"]))
    if original is None:
        if reference.get("fail_if_not_exists", True) is not False:
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return
    if original.kind not in WRITTEN:
        words = "Cannot reply to a system message"
        raise invalid("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", words)
    message.kind = REPLY
    message.reference = {"type": 0, "channel_id": channel.id, "message_id": original.id}
    if channel.guild:
        message.reference["guild_id"] = channel.guild


def mention(
    discord: Writing, message: Message, rules: Json | None, parse: tuple[str, ...] = EVERYTHING
) -> None:
    """Note whom a message means and notifies (discord.md 2, "Mentions")."""
    for kind in ("users", "roles"):
        if rules and kind in (rules.get("parse") or ()) and rules.get(kind):
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            raise invalid("allowed_mentions", code, words)
    found = allowed(message.content, rules, parse)
    replied = True if rules is None else bool(rules.get("replied_user"))
    noted(discord, message, found, replied=replied)


def noted(discord: Writing, message: Message, found: Meant, *, replied: bool) -> None:
    """Write down whom a message means, as far as its author may."""
    place = discord.channels[message.channel]
    guild = discord.guild_of(place)
    may = discord.may(message.author, place) if guild else Permission(0)
    message.mentions = [user for user in found.users if user in discord.users]
    message.mention_roles, message.mention_everyone = [], False
    if guild is not None:
        anyone = bool(may & Permission.MENTION_EVERYONE)
        roles = [guild.roles[role] for role in found.roles if role in guild.roles]
        message.mention_roles = [role.id for role in roles if anyone or role.mentionable]
        message.mention_everyone = bool(found.everyone) and anyone
    original = place.messages.get((message.reference or {}).get("message_id", ""))
    if original is not None and message.kind == REPLY and replied:
        message.mentions = list(dict.fromkeys([*message.mentions, original.author.id]))
    message.pings |= {*message.mentions, *message.mention_roles}
    if message.mention_everyone:
        message.pings |= set(found.everyone)
