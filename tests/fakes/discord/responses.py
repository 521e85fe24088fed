"""How the app answers interactions (docs: interactions/receiving-and-responding)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.discord.call import Call, route
from tests.fakes.discord.component_rules import check_modal
from tests.fakes.discord.compose import composed
from tests.fakes.discord.errors import DiscordError, invalid
from tests.fakes.discord.messages import rewrite
from tests.fakes.discord.model import CHAT_INPUT, CONTEXT_MENU, EPHEMERAL, LOADING, Message
from tests.fakes.discord.shapes import message_json, user_json

if TYPE_CHECKING:
    from tests.fakes.discord.model import Channel, Interaction, Json

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL = WEBHOOK + "/messages/@original"
FOLLOWUP = WEBHOOK + "/messages/{message_id}"
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
COMMAND, COMPONENT, SUBMIT = 2, 3, 5
DEADLINE = 3.0  # seconds for the first response (discord.md 2, "Interactions")


@route("POST", CALLBACK, token=False)
def respond(call: Call) -> Json | None:
    """Take the first response; with its message where that is asked for."""
    found = call.discord.interactions.get(call.params["interaction_token"])
    if found is None or found.id != call.params["interaction_id"]:
        raise DiscordError(10062)
    if found.ack:
        raise DiscordError(40060)
    now = call.discord.now()
    if now - found.created > DEADLINE:
        raise DiscordError(10062)
    kind = int(call.json.get("type") or 0)
    _fits(found, kind)
    _take(call, found, kind, call.json.get("data") or {})
    found.ack, found.acked = kind, now
    call.discord.touch()
    if call.query.get("with_response") in {"1", "true", "True"}:
        return _told(call, found, kind)
    return None


def _fits(found: Interaction, kind: int) -> None:
    allowed = {
        COMMAND: {MESSAGE, DEFER, MODAL},
        COMPONENT: {MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL},
        SUBMIT: {MESSAGE, DEFER} | ({DEFER_UPDATE, UPDATE} if found.message else set()),
    }[found.kind]
    if kind not in allowed:
        raise invalid("type", "INTERACTION_TYPE_INVALID", f"Value must be one of {sorted(allowed)}")


def _take(call: Call, found: Interaction, kind: int, data: Json) -> None:
    channel = call.discord.channels[found.channel]
    found.ephemeral = bool(int(data.get("flags") or 0) & EPHEMERAL)
    if kind == MESSAGE:
        found.original = _said(call, found, channel, data)
    elif kind == DEFER:
        found.original = _loading(call, found, channel)
    elif kind == MODAL:
        check_modal(data)
        found.modal = data
    else:
        assert found.message is not None
        found.original = found.message
        found.ephemeral = found.message.ephemeral
        if kind == UPDATE:
            _rewritten(call, found.message, data)


def _said(call: Call, found: Interaction, channel: Channel, data: Json) -> Message:
    """Make a message: for all to see, or for the one who asked."""
    message = composed(call, channel, data, parse=("users",), flags=EPHEMERAL)
    _sign(call, found, message)
    _stand(call, found, message)
    return message


def _loading(call: Call, found: Interaction, channel: Channel) -> Message:
    """Make what says that the bot is thinking; whether it's ephemeral is fixed by it."""
    flags = LOADING | (EPHEMERAL if found.ephemeral else 0)
    me, discord = call.discord.bot, call.discord
    message = Message(discord.snowflake(), channel.id, me, "", discord.now(), flags=flags)
    _sign(call, found, message)
    _stand(call, found, message)
    return message


def _sign(call: Call, found: Interaction, message: Message) -> None:
    """Say whose gesture it answers."""
    if found.kind == COMMAND:
        message.kind = CHAT_INPUT if found.data.get("type", 1) == 1 else CONTEXT_MENU
    message.webhook = call.discord.bot.id
    message.interaction = {
        "id": found.id,
        "type": found.kind,
        "user": user_json(found.user),
        "authorizing_integration_owners": {"0": call.discord.channels[found.channel].guild or "0"},
    }
    if found.kind == COMPONENT and found.message is not None:
        message.interaction["interacted_message_id"] = found.message.id
    elif found.kind == SUBMIT:
        inner = {**message.interaction, "type": COMMAND}
        message.interaction["triggering_interaction_metadata"] = inner


def _stand(call: Call, found: Interaction, message: Message) -> None:
    if message.ephemeral:  # seen by one, and in no history (discord.md 2)
        message.shown_to = found.user.id
        call.discord.ephemerals.append(message)
        call.discord.touch()
    else:
        call.discord.add(message)


def _rewritten(call: Call, message: Message, body: Json) -> None:
    """Change a response; what was loading shows."""
    loading = bool(message.flags & LOADING)
    channel = call.discord.channels[message.channel]
    # A response that isn't there yet notifies as a new one does.
    rewrite(call, channel, message, {"allowed_mentions": {"parse": ["users"]}, **body})
    message.flags &= ~LOADING
    if loading:
        message.edited = None
    if message.ephemeral:
        call.discord.touch()
    else:
        call.discord.changed(message)


def _told(call: Call, found: Interaction, kind: int) -> Json:
    """Return the callback's object; discord.py needs it (discord.md 2, "discord.py detail")."""
    about: Json = {"id": found.id, "type": found.kind}
    body: Json = {"interaction": about}
    if found.original is not None:
        about["response_message_id"] = found.original.id
        about["response_message_loading"] = kind == DEFER
        about["response_message_ephemeral"] = found.ephemeral
        if kind != DEFER_UPDATE:
            shown = message_json(call.discord, found.original)
            body["resource"] = {"type": MESSAGE if kind == DEFER else kind, "message": shown}
    return body


def _live(call: Call) -> Interaction:
    if call.params["webhook_id"] != call.discord.bot.id:
        raise DiscordError(10015)
    return call.interaction()


@route("POST", WEBHOOK, token=False)
def follow_up(call: Call) -> Json | None:
    """Say more; after a deferral the first of it is the response itself."""
    found = _live(call)
    if not found.ack:
        raise DiscordError(10015)
    channel = call.discord.channels[found.channel]
    if found.ack == DEFER and found.original and found.original.flags & LOADING:
        message = found.original
        _rewritten(call, message, call.json)
    else:
        message = _said(call, found, channel, call.json)
        found.followups.append(message)
        call.discord.touch()
    waits = call.query.get("wait") in {"1", "true", "True"}
    return message_json(call.discord, message) if waits else None


def _standing(call: Call) -> Message:
    found = _live(call)
    known = [found.original] if found.original else []
    name = call.params.get("message_id")
    if name is not None:
        known = [one for one in (*known, *found.followups) if one.id == name]
    if not known or known[0].deleted:
        raise DiscordError(10008)
    return known[0]


def _read(call: Call) -> Json:
    return message_json(call.discord, _standing(call))


def _edit(call: Call) -> Json:
    message = _standing(call)
    _rewritten(call, message, call.json)
    return message_json(call.discord, message)


def _delete(call: Call) -> None:
    message = _standing(call)
    if message.ephemeral:
        message.deleted = True
        call.discord.touch()
    else:
        call.discord.remove(message)


for path in (ORIGINAL, FOLLOWUP):
    route("GET", path, token=False)(_read)
    route("PATCH", path, token=False)(_edit)
    route("DELETE", path, token=False)(_delete)
