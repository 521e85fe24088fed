"""The request that Claude gets near the end of a conversation of sixty turns, part by part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from core.domain.clock import SystemClock
from core.models.claude import ClaudeModel
from core.prompt.tags import (
    CORRECTIONS,
    PINS,
    RECALLED,
    SCENE,
    SUMMARY,
)
from tests.e2e.slack_bot import bot_on
from tests.e2e.test_long_talk import OnSlack
from tests.fakes.claude import KEY, FakeClaude
from tests.fakes.slack import FakeSlack
from tests.long_talk import QUESTIONS, SETTINGS, is_reply, mind, take_place
from tests.pictures.scene import fixed_time
from tests.prompts import newest_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = 14
_NAMES: Final = {
    SUMMARY: "the summary",
    PINS: "pins",
    CORRECTIONS: "corrections",
    RECALLED: "recalled messages, oldest first",
    SCENE: "the scene, which changes from turn to turn",
}
_DAY = re.compile(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d")
_TIME = re.compile(r"(?<=[ \"])\d\d:\d\d(?=[ \"])")


async def printed() -> str:
    """Let the conversation take place; return the request for the first question in its end."""
    with fixed_time():
        return await _printed()


async def _printed() -> str:
    # Slack's times are the program's, so that no line of a new hour or day comes in between.
    async with FakeClaude(mind) as claude, FakeSlack(now=SystemClock().now) as fake:
        model = ClaudeModel(claude.key, base_url=claude.url)
        people = {name: fake.person(name) for name in ("ann", "bob")}
        channel = fake.channel("trip", *people.values())
        async with bot_on(fake, model, **SETTINGS, ANTHROPIC_API_KEY=KEY) as bot:
            await take_place(OnSlack(fake, bot.worker, people, channel))
        await model.close()
        replies = [body for body in claude.requests if is_reply(body)]
    asked = next(body for body in replies if QUESTIONS["correction"] in newest_in(body))
    return "\n\n".join(_parts(asked))


def _parts(body: dict[str, Any]) -> Iterator[str]:
    for part in body["system"]:
        yield _part("system prompt", part)
    *turns, last = body["messages"]
    said = [(message["role"], part) for message in turns for part in message["content"]]
    lead = [each for each in said if _name(each[1]["text"])]
    window = [each for each in said if each not in lead]
    for _, part in lead:
        yield _part(_name(part["text"]), part)
    for role, part in window[:2]:
        yield _part(f"the window, {role}", part)
    yield f"… {len(window) - 4} more messages of the window …"
    for role, part in window[-2:]:
        yield _part(f"the window, {role}", part)
    for part in last["content"]:
        yield _part(_name(part["text"]) or "the new words", part)


def _name(text: str) -> str:
    found = [name for tag, name in _NAMES.items() if f"<{tag}>\n" in text[:200]]
    if text.endswith(f"</{SUMMARY}>") and not found:
        return "the rest of the summary"
    return found[0] if found else ""


def _part(name: str, part: dict[str, Any]) -> str:
    lines = _TIME.sub("14:05", _DAY.sub("Mon 2026-11-23", part["text"])).splitlines()
    shown = lines[:_LINES]
    if len(lines) > len(shown):
        shown.append(f"… {len(lines) - len(shown)} more lines …")
    mark = ", and a cache breakpoint behind it" if "cache_control" in part else ""
    return "\n".join([f"**{name[0].upper()}{name[1:]}**{mark}:", "", "```text", *shown, "```"])
