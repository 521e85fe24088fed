"""What Slack's tokens look like, and what one is that stands in another's place. Pure.

Prefixes: docs: authentication/tokens, authentication/using-token-rotation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bots.ops.finding import fine, note, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bots.ops.finding import Finding
    from bots.settings.settings import Settings

ABOUT = "Slack"
_KINDS = {
    "xoxb-": "a bot's token",
    "xapp-": "an app-level token",
    "xoxp-": "a user's token",
    "xoxe.xoxp-": "a configuration token",
    "xoxe.xoxb-": "a bot's token that expires",
    "xoxe-": "a refresh token",
    "xoxc-": "a browser's token",
    "xoxs-": "a browser's token",
    "xoxa-": "a token of an old kind",
    "xoxr-": "a refresh token of an old kind",
}
_SECRET = re.compile(r"[0-9a-f]{32}")
_APP = re.compile(r"xapp-\d-(A[A-Z0-9]+)-")
_BOT_MEND = (
    "Put the Bot User OAuth Token there: api.slack.com/apps, your app, OAuth & Permissions; it "
    "begins with xoxb-."
)
_APP_MEND = (
    "Put an app-level token with connections:write there: api.slack.com/apps, your app, Basic "
    "Information, App-Level Tokens; it begins with xapp-."
)
_SIGNING_MEND = (
    "Put the Signing Secret there: api.slack.com/apps, your app, Basic Information, App "
    "Credentials; it is 32 characters from 0 to 9 and a to f."
)
_WAY_MEND = (
    "Set SLACK_APP_TOKEN (Socket Mode: no address of your own is needed) or SLACK_SIGNING_SECRET "
    "(HTTP)."
)


def shapes(settings: Settings) -> Iterator[Finding]:
    """Yield what the tokens' shapes say, before any is used."""
    bot = settings.slack_bot_token.get_secret_value()
    app = settings.slack_app_token.get_secret_value()
    secret = settings.slack_signing_secret.get_secret_value()
    if not (bot or app or secret):
        return
    yield from _token("SLACK_BOT_TOKEN", bot, "xoxb-", _BOT_MEND)
    if app:
        yield from _token("SLACK_APP_TOKEN", app, "xapp-", _APP_MEND)
    if secret and not _SECRET.fullmatch(secret):
        what = f"is {kind_of(secret)}" if kind_of(secret) else "does not look like one"
        yield wrong(ABOUT, f"SLACK_SIGNING_SECRET {what}", _SIGNING_MEND)
    yield _way(app, secret)


def kind_of(token: str) -> str:
    """Return what a token is by its beginning; empty where it is none of Slack's."""
    return next((kind for begins, kind in _KINDS.items() if token.startswith(begins)), "")


def app_of(token: str) -> str:
    """Return the id of the app that an app-level token belongs to; empty where it names none."""
    found = _APP.match(token)
    return found[1] if found else ""


def _token(name: str, token: str, begins: str, mend: str) -> Iterator[Finding]:
    if not token:
        yield wrong(ABOUT, f"{name} is not set", mend)
    elif kind_of(token) == _KINDS["xoxe.xoxb-"]:
        text = f"{name} expires after 12 hours, and nothing here renews it (token rotation is on)"
        yield wrong(ABOUT, text, "Make the app anew from the manifest, which has it off.")
    elif not token.startswith(begins):
        what = kind_of(token) or "no token of Slack's"
        yield wrong(ABOUT, f"{name} holds {what}", mend)


def _way(app: str, secret: str) -> Finding:
    if app and secret:
        text = "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: Socket Mode is used"
        return note(ABOUT, text, "Remove SLACK_APP_TOKEN to be called by HTTP.")
    if app:
        return fine(ABOUT, "events come by Socket Mode")
    if secret:
        return fine(ABOUT, "events come by HTTP, signed")
    return wrong(ABOUT, "nothing says how events are to come", _WAY_MEND)
