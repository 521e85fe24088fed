"""response_url: answers to an interaction, five of them within half an hour (slack.md 2.4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.slack.blocks import check_blocks
from tests.fakes.slack.model import Ephemeral, Hook, Message, SlackError
from tests.fakes.slack.shapes import message_json

if TYPE_CHECKING:
    from tests.fakes.slack.events import Announcer
    from tests.fakes.slack.model import Json
    from tests.fakes.slack.web import WebApi

USES, LIFE = 5, 1800.0  # slack.md 2.4


async def respond(api: WebApi, request: web.Request) -> web.Response:
    """Take an answer."""
    known = request.match_info["id"]
    try:
        body = json.loads(await request.read())
    except ValueError:
        return web.Response(status=400, text="invalid_payload")

    def run() -> web.Response:
        hook = api.slack.hooks.get(known)
        if hook is None or api.slack.now() > hook.until:
            return web.Response(status=404, text="expired_url")
        if hook.uses >= USES:
            return web.Response(status=404, text="used_url")
        try:
            answer(api.slack, hook, body)
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.error}, status=400)
        hook.uses += 1
        return web.Response(text="ok")

    return await api.guarded(request, "response_url", body, run)


def answer(slack: Announcer, hook: Hook, body: Json) -> None:
    """Show what an app answered to an interaction (docs: interactivity/handling-user-interaction).

    Raises:
        SlackError: It can't be shown.
    """
    text, blocks = body.get("text") or "", check_blocks(body.get("blocks") or [], slack.rules)
    if body.get("delete_original"):
        _delete(slack, hook)
        return
    if not (text or blocks):
        raise SlackError(slack.rules["post-empty"].error)
    if len(text) > slack.rules["text-length"].limit:
        raise SlackError(slack.rules["text-length"].error)
    if body.get("replace_original"):
        _replace(slack, hook, text, blocks)
    elif body.get("response_type") == "in_channel":
        bot = slack.installs[slack.channels[hook.channel].team].bot
        ts = slack.stamp()
        slack.add(Message(ts, hook.channel, bot.id, text, bot_id=bot.bot_id, blocks=blocks))
    else:
        thread = body.get("thread_ts")
        shown = Ephemeral(hook.channel, hook.user, text, blocks, thread, slack.stamp())
        slack.ephemerals.append(shown)
    slack.touch()


def _original(slack: Announcer, hook: Hook) -> Ephemeral | None:
    return next((shown for shown in slack.ephemerals if shown.ts == hook.message), None)


def _replace(slack: Announcer, hook: Hook, text: str, blocks: list[Json]) -> None:
    if (shown := _original(slack, hook)) is not None:
        shown.text, shown.blocks = text, blocks
        return
    message = slack.find(hook.channel, hook.message)
    before = message_json(slack, message)
    message.text, message.blocks = text, blocks
    slack.changed(message, before)


def _delete(slack: Announcer, hook: Hook) -> None:
    if (shown := _original(slack, hook)) is not None:
        slack.ephemerals.remove(shown)
    else:
        slack.remove(slack.find(hook.channel, hook.message))
