"""Our real client copes with what Discord answered: the same kind of result each time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from discord.http import Route

from bots.discord.api import Api
from bots.discord.connection.gateway import GatewayConnection, redirected
from bots.discord.faults import LimitedError, RefusedError
from bots.discord.inbound.channels import Channels
from bots.discord.inbound.events import Me
from bots.discord.outbound import posting
from bots.discord.outbound.platform import DiscordPlatform
from bots.discord.pace import Pace
from bots.settings.settings import Settings
from core.delivery.port import DeliveryTarget, PostKey
from core.domain.clock import SystemClock
from core.domain.errors import PlatformError
from core.domain.message import Attachment, Kind, ThreadKey
from tests.live.discord.calls import DOWNLOAD, LIMITED
from tests.live.discord.record import route
from tests.replay.recording import DISCORD, Recording, load, recordings
from tests.replay.server import Replay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.live.recording import Exchange

PATHS = recordings(DISCORD)
POST, EDIT = "POST /channels/{id}/messages", "PATCH /channels/{id}/messages/{id}"
DELETE, READ = "DELETE /channels/{id}/messages/{id}", "GET /channels/{id}/messages"
ONE, REACT = f"{READ}/{{id}}", "PUT /channels/{id}/messages/{id}/reactions/{emoji}/@me"
PATIENCE = 0.01
"""Seconds; a limit that is longer is not waited for."""


@asynccontextmanager
async def client(recording: Recording) -> AsyncIterator[tuple[Replay, Api]]:
    clock = SystemClock()
    pace = Pace(clock)
    async with Replay("/api/v10", route) as server:
        with redirected(server.url):
            settings = Settings.model_validate({"discord_base_url": server.url})
            gateway = GatewayConnection(settings, pace, clock, patience=PATIENCE)
            server.put(recording.exchanges[0])  # what is asked first at a login
            await gateway.client.http.static_login("replay")
            try:
                yield server, Api(gateway, pace, clock, timeout=5)
            finally:
                await gateway.client.http.close()


def platform_of(recording: Recording, api: Api, session: aiohttp.ClientSession) -> DiscordPlatform:
    clock = SystemClock()
    me = Me(user=recording.roles["bot"])
    return DiscordPlatform(api, Channels(api, clock), me, session, clock)


def calls(recording: Recording) -> Iterator[Exchange]:
    """Yield all calls of the API that Discord has decided on."""
    for exchange in recording.exchanges:
        if exchange.method != DOWNLOAD and exchange.status < 500:
            yield exchange


def where(channel: str, *pieces: str) -> DeliveryTarget:
    """Return a thread that was made from the message that is answered."""
    thread = ThreadKey("discord", "1", channel)
    return DeliveryTarget(
        thread=thread, kind=Kind.THREAD, turn="t", trigger=channel, answer_in="", pieces=pieces
    )


def place(exchange: Exchange) -> tuple[str, str]:
    """Return the channel and the message that a call is about."""
    parts = [*exchange.method.split("/"), ""]
    return parts[2], parts[4]


async def made(api: Api, exchange: Exchange) -> Any:
    given: dict[str, Any] = {}
    if "json" in exchange.arguments:
        given["json"] = exchange.arguments["json"]
    if "query" in exchange.arguments:
        given["params"] = exchange.arguments["query"]
    return await api.call(
        "try it", lambda: api.http.request(Route(exchange.verb, exchange.method), **given)
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_each_answer_becomes_what_it_is(path: Path) -> None:
    recording = load(path)
    async with client(recording) as (server, api):
        for exchange in calls(recording):
            server.put(exchange)
            if exchange.status == LIMITED:
                with pytest.raises(LimitedError):
                    await made(api, exchange)
            elif exchange.error:
                with pytest.raises(RefusedError) as refused:
                    await made(api, exchange)
                assert refused.value.status == exchange.status
                assert str(refused.value.code) == exchange.error
            else:
                assert await made(api, exchange) == (exchange.answer or "")
            assert server.asked[-1][0] == exchange.route


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_the_platform_copes_with_what_was_answered(path: Path) -> None:
    recording, seen = load(path), set()
    async with client(recording) as (server, api), aiohttp.ClientSession() as session:
        platform = platform_of(recording, api, session)
        for exchange in calls(recording):
            server.put(exchange)
            error, result = await tried(platform, exchange)
            if error is not None:
                assert exchange.error
                assert exchange.status == LIMITED or exchange.error in str(error)
            elif exchange.route == POST:
                assert result == ("" if exchange.error == "10008" else exchange.answer["id"])
            elif exchange.route == DELETE:
                assert exchange.error in {"", "10008", "10003"}
            seen.add((exchange.route, bool(exchange.error)))
    # Of each, something that was done, and something that was not.
    assert seen >= {(POST, True), (POST, False), (EDIT, True), (EDIT, False), (DELETE, True)}
    assert seen >= {(DELETE, False), (REACT, True), (REACT, False), (READ, False)}


async def tried(
    platform: DiscordPlatform, exchange: Exchange
) -> tuple[PlatformError | None, object]:
    if exchange.route not in {POST, EDIT, DELETE, REACT}:
        return None, None
    channel, message = place(exchange)
    there = where(channel)
    key = PostKey(there.thread, there.turn, piece=0)
    api = platform.api
    steps: dict[str, Any] = {
        POST: lambda: platform.post(there, "Hello.", key),
        EDIT: lambda: platform.edit(there, message, "Hello.", final=True),
        DELETE: lambda: platform.delete(there, message),
        REACT: lambda: posting.react(api, channel, message, "✂️"),
    }
    try:
        return None, await steps[exchange.route]()
    except PlatformError as error:
        return error, None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_what_was_posted_is_found_again(path: Path) -> None:
    recording, found = load(path), set()
    async with client(recording) as (server, api), aiohttp.ClientSession() as session:
        platform = platform_of(recording, api, session)
        for exchange in calls(recording):
            if exchange.route == READ and not exchange.error:
                server.put(exchange)
                two = next((m["id"] for m in exchange.answer if m["content"] == "Two."), "")
                posted = await platform.read_back(where(place(exchange)[0], "Two."))
                assert [each.id for each in posted if each.text == "Two."] == [two] * bool(two)
                found.add(two)
    assert found - {""}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_a_file_is_fetched_from_where_its_message_says(path: Path) -> None:
    recording = load(path)
    download = next(each for each in recording.exchanges if each.method == DOWNLOAD)
    read = next(
        each
        for each in recording.exchanges
        if each.route == ONE and each.answer["attachments"] and not each.error
    )
    (file,) = read.answer["attachments"]
    assert file["url"] == download.arguments["url"]
    async with client(recording) as (server, api), aiohttp.ClientSession() as session:
        platform = platform_of(recording, api, session)
        here = file | {"url": server.url + DOWNLOAD}
        server.put(replace(read, answer=read.answer | {"attachments": [here]}))
        server.put(replace(download, answer="what is in it"))
        known = "/".join((*place(read), file["id"]))
        attachment = Attachment(
            id=known,
            name=file["filename"],
            media_type=file["content_type"],
            size=file["size"],
        )
        content = await platform.fetch(where("1").thread, attachment)
    assert content.data == b'"what is in it"'
