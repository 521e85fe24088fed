"""Our real client copes with each answer that was recorded: the same kind of result each time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bots.slack.api import Api, web_client
from bots.slack.faults import LimitedError, RefusedError
from bots.slack.inbound.events import Me
from bots.slack.inbound.names import Names
from bots.slack.outbound.platform import SlackPlatform
from bots.slack.pace import Pace
from core.delivery.port import DeliveryTarget, PostKey
from core.domain.clock import SystemClock
from core.domain.errors import PlatformError
from core.domain.message import Kind
from tests.live.slack.calls import DOWNLOAD, LIMITED, UPLOAD
from tests.live.slack.probes_messages import KEY, MARK, TABLE
from tests.replay.recording import SLACK, Recording, load, recordings
from tests.replay.server import Replay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.live.recording import Exchange

PATHS = recordings(SLACK)


@asynccontextmanager
async def client() -> AsyncIterator[tuple[Replay, Api]]:
    clock = SystemClock()
    async with (
        Replay("/api/", lambda _, method: method) as server,
        aiohttp.ClientSession() as session,
    ):
        web = web_client("xoxb-replay", server.url, session)
        yield server, Api(web, Pace(clock, seconds=0), clock, timeout=0.5)


def calls(recording: Recording) -> list[Exchange]:
    files = {UPLOAD, DOWNLOAD}
    return [exchange for exchange in recording.exchanges if exchange.method not in files]


def where(answer_in: str) -> DeliveryTarget:
    return DeliveryTarget(
        thread=KEY.thread,
        kind=Kind.DM,
        turn=KEY.turn,
        trigger="0",
        answer_in=answer_in,
        reader="U1",
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_each_answer_becomes_what_it_is(path: Path) -> None:
    async with client() as (server, api):
        for exchange in calls(load(path)):
            server.put(exchange)
            # What is called so soon after another, Slack has not asked to be held back.
            api.pace = Pace(SystemClock(), seconds=0)
            if exchange.status == LIMITED:
                with pytest.raises(LimitedError) as limited:
                    await api.call(exchange.method, **exchange.arguments)
                told = float(exchange.headers["retry-after"])
                assert limited.value.seconds == pytest.approx(told, abs=1)
            elif exchange.error:
                with pytest.raises(RefusedError) as refused:
                    await api.call(exchange.method, **exchange.arguments)
                assert refused.value.code == exchange.error
            else:
                given = exchange.arguments
                assert await api.call(exchange.method, **given) == exchange.answer
                asked = server.asked[-1][1]
                assert asked.keys() == {name for name, value in given.items() if value is not None}


async def _platform(api: Api, recording: Recording) -> SlackPlatform:
    roles = recording.roles
    me, clock = Me(user=roles["bot"], team=roles["team"]), SystemClock()
    return SlackPlatform(api, me, clock, Names(api, clock, me))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_what_was_posted_under_a_key_is_found_again(path: Path) -> None:
    recording = load(path)
    reads = [e for e in calls(recording) if e.method == "conversations.replies" and not e.error]
    async with client() as (server, api):
        platform = await _platform(api, recording)
        found, texts = 0, set()
        for exchange in reads:
            server.put(exchange)
            marked = [m for m in exchange.answer["messages"] if m.get("metadata") == MARK]
            posted = await platform.read_back(where(exchange.arguments["ts"]))
            ours = [each for each in posted if each.key == KEY]
            assert {each.id for each in ours} >= {m["ts"] for m in marked}
            found += len(marked)
            texts |= {each.text for each in ours}
        assert found
        assert TABLE in texts


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_the_platform_copes_with_what_was_answered(path: Path) -> None:
    recording = load(path)
    async with client() as (server, api):
        platform = await _platform(api, recording)
        preview = PostKey(KEY.thread, KEY.turn, token="t")
        for exchange in calls(recording):
            server.put(exchange)
            api.pace = Pace(SystemClock(), seconds=0)
            there = where(str(exchange.arguments.get("thread_ts", "")))
            steps: dict[str, Any] = {
                "chat.postMessage": partial(platform.post, there, "Hello.", KEY),
                "chat.startStream": lambda: platform.post(where("1"), "Hello.", preview),
                "chat.update": lambda: platform.edit(where("1"), "2.0", "Hello.", final=True),
                "chat.delete": lambda: platform.delete(where("1"), "2.0"),
            }
            if exchange.method not in steps:
                continue
            try:
                made = await steps[exchange.method]()
            except PlatformError:
                assert exchange.error
            else:
                assert made is None or made in {e.answer.get("ts") for e in calls(recording)}
