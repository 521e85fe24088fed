"""Signed HTTP delivery: events as JSON, interactions and slash commands as forms."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.delivery import Outcome

if TYPE_CHECKING:
    from tests.fakes.slack.delivery import Post
    from tests.fakes.slack.model import Json

PATIENCE = 3.0  # seconds for an answer (slack.md 2.1)


def sign(secret: str, body: str, timestamp: str) -> str:
    """Return a request's signature (docs: authentication/verifying-requests-from-slack)."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpPush:
    """Posts to the app's request URLs."""

    def __init__(self, secret: str, url: str) -> None:
        self.secret = secret
        self.urls = {"events_api": url, "interactive": url, "slash_commands": url}
        self.patience = PATIENCE
        self.skew = 0.0
        """Seconds by which our clock is ahead: the app must refuse what's five minutes old."""
        self.statuses: list[int] = []
        """What the app answered, in order."""
        self._session = aiohttp.ClientSession()

    async def attempt(self, post: Post, number: int, reason: str) -> Outcome:
        """Post it once."""
        headers = {}
        if number:
            headers = {"x-slack-retry-num": str(number), "x-slack-retry-reason": reason}
        if post.kind == "events_api":
            body, headers["content-type"] = json.dumps(post.payload), "application/json"
        else:
            form = post.payload if post.kind == "slash_commands" else _wrapped(post.payload)
            body, headers["content-type"] = urlencode(form), "application/x-www-form-urlencoded"
        return await self.send(self.urls[post.kind], body, headers)

    async def send(self, url: str, body: str, headers: dict[str, str]) -> Outcome:
        """Sign and send a body."""
        timestamp = str(int(time.time() + self.skew))
        signature = sign(self.secret, body, timestamp)
        headers |= {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
        try:
            async with (
                self._session.post(
                    url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(self.patience)
                ) as response,
            ):
                text = await response.text()
        except TimeoutError:
            return Outcome(ok=False, reason="http_timeout")
        except aiohttp.ClientError:
            return Outcome(ok=False, reason="connection_failed")
        self.statuses.append(response.status)
        # Stops the retries of an answer that isn't 2xx, not those of a timeout (slack.md 2.1).
        again = response.headers.get("x-slack-no-retry") != "1"
        ok = 200 <= response.status < 300
        return Outcome(ok=ok, reason="http_error", answer=_answer(text), again=again)

    async def verify(self) -> bool:
        """Ask the events URL for its challenge (docs: reference/events/url_verification)."""
        challenge = secrets.token_hex(16)
        body = {"token": "verification-token", "challenge": challenge, "type": "url_verification"}
        headers = {"content-type": "application/json"}
        outcome = await self.send(self.urls["events_api"], json.dumps(body), headers)
        given = outcome.answer.get("challenge") or outcome.answer.get("text")
        return outcome.ok and given == challenge

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()


def _wrapped(payload: Json) -> dict[str, str]:
    return {"payload": json.dumps(payload)}


def _answer(text: str) -> Json:
    if not text:
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"text": text}
    return parsed if isinstance(parsed, dict) else {"text": text}
