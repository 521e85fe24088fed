"""The Web API: every way in which Slack takes arguments, and its answers to those it refuses."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.kit.server import faulted
from tests.fakes.slack.call import METHODS, Call, Method
from tests.fakes.slack.faults import Limited, Refused
from tests.fakes.slack.model import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.slack.events import Announcer
    from tests.fakes.slack.faults import Faults
    from tests.fakes.slack.limits import RateLimits
    from tests.fakes.slack.model import Install, Json
    from tests.fakes.slack.socket import SocketMode


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and the answer."""

    name: str
    args: Json
    answer: Json


class WebApi:
    """Takes the calls."""

    def __init__(
        self, slack: Announcer, socket: SocketMode, faults: Faults, limits: RateLimits
    ) -> None:
        self.slack, self.socket, self.faults, self.limits = slack, socket, faults, limits
        self.calls: list[Made] = []
        self.record = True

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a call."""
        name = request.match_info["method"]
        try:
            args, token = await _arguments(request)
        except SlackError as error:
            return _answer({"ok": False, "error": error.error})
        return await self.guarded(request, name, args, lambda: self._run(name, args, token))

    async def guarded(
        self, request: web.Request, name: str, args: Json, run: Callable[[], web.Response]
    ) -> web.Response:
        """Run a call, or let it go wrong as planned."""
        fault = self.faults.deal(name, sorted(args.items(), key=str))
        match fault:
            case Limited():
                return _limited(fault.retry_after)
            case Refused():
                return _answer({"ok": False, "error": fault.error})
        return await faulted(request, fault, run)

    def _run(self, name: str, args: Json, token: str) -> web.Response:
        date = formatdate(self.slack.now(), usegmt=True)  # the fake's own time, as it goes there
        headers = {"x-slack-req-id": "fake", "date": date}
        try:
            found = self._method(name)
            install = self._authorize(found, token)
            headers["x-oauth-scopes"] = ",".join(sorted(install.scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(found.scopes)
            place = str(args.get("channel", ""))
            wait = self.limits.check(name, found.tier, place, self.slack.now())
            if wait:
                return _limited(wait, self.slack.rules["rate-limit"].error)
            body: Json = {"ok": True} | found.handler(
                Call(self.slack, self.limits, self.socket, name, args, install)
            )
        except SlackError as error:
            body = {"ok": False, "error": error.error, **error.more}
        if self.record:
            self.calls.append(Made(name, args, body))
        return _answer(body, headers)

    def _method(self, name: str) -> Method:
        found = METHODS.get(name)
        if found is None or name in self.faults.unsupported:
            raise SlackError(self.slack.rules["method-unknown"].error)
        return found

    def _authorize(self, found: Method, token: str) -> Install:
        """Return whose token it is (docs: apis/web-api, authentication/tokens)."""
        if not found.token:
            return self.slack.install
        if not token:
            raise SlackError("not_authed")
        scopes, install = self._known(token)
        if not install.active:
            raise SlackError("account_inactive")
        if not token.startswith(found.token):
            raise SlackError("not_allowed_token_type")
        if found.scopes and not scopes & set(found.scopes):
            provided = ",".join(sorted(scopes))
            raise SlackError("missing_scope", needed=",".join(found.scopes), provided=provided)
        if len(found.scopes) == 1:  # else the method says itself which one it took
            install.used.update(found.scopes)
        return install

    def _known(self, token: str) -> tuple[set[str], Install]:
        """Return what a token may do, and where (docs: authentication/tokens)."""
        slack = self.slack
        if token == slack.app_token:
            return slack.app_scopes, slack.install
        if token == slack.config_token:
            return set(), slack.install
        if token in slack.tokens:
            return slack.tokens[token].scopes, slack.tokens[token]
        raise SlackError("invalid_auth")

    def made(self, name: str) -> list[Made]:
        """Return the calls of one method."""
        return [call for call in self.calls if call.name == name]


async def _arguments(request: web.Request) -> tuple[Json, str]:
    """Read what came in the query, as a form or as JSON (slack.md 3), and the token."""
    args: Json = dict(request.query)
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token.startswith("Basic "):  # the app's own secrets (docs: oauth.v2.access)
        both = base64.b64decode(token.removeprefix("Basic ")).decode()
        args["client_id"], _, args["client_secret"] = both.partition(":")
    if request.method == "POST" and request.content_type == "application/json":
        # A token in a JSON body isn't looked at (docs: apis/web-api).
        args.pop("token", None)
        data = await request.read()
        try:
            body = json.loads(data or b"{}")
        except ValueError as error:
            raise SlackError("invalid_json") from error
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        args |= {name: value for name, value in body.items() if value is not None}
        return args, token
    if request.method == "POST":
        args.update(await request.post())
    given = str(args.pop("token", ""))
    return args, token or given


def _limited(seconds: float, error: str = "ratelimited") -> web.Response:
    """Return what a person gets who calls too often (docs: apis/web-api/rate-limits)."""
    return _answer({"ok": False, "error": error}, {"retry-after": f"{seconds:g}"}, 429)


def _answer(body: Json, headers: dict[str, str] | None = None, status: int = 200) -> web.Response:
    data = json.dumps(body).encode()
    return web.Response(
        body=data, status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
