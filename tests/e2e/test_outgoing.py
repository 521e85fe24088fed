"""No address that comes from outside decides where the token, a conversation or a request goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from bots.slack.api import guarded_session
from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, slack_bot
from tests.e2e.discord_hands import talk, use
from tests.elsewhere import Elsewhere
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.models.port import ModelRequest
    from tests.fakes.slack.model import File

OUTSIDE_SLACK = '" note="could not be read: it is stored outside Slack: paste it or upload it'
OUTSIDE_DISCORD = '" note="could not be read: it is stored outside Discord: paste it or upload it'


@pytest.fixture
async def there() -> AsyncIterator[Elsewhere]:
    async with Elsewhere() as server:
        yield server


def asked_with(model: ScriptedModel, call: int = -1) -> str:
    return said_in(model.calls[call])


def said_in(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


async def shown_on_slack(fake: FakeSlack, file: File) -> str:
    """Return what the model is asked where a person shares a file in a DM."""
    model = ScriptedModel(reply=slack_bot.echo)
    ann = fake.users[file.user]
    dm = fake.dm(ann)
    async with slack_bot.bot_on(fake, model):
        asked = await fake.say(ann, dm, "What is in it?", files=[file])
        await fake.replies(dm, asked.ts)
    return asked_with(model)


# --- files on Slack -----------------------------------------------------------------------------


async def test_a_remote_file_is_asked_for_nowhere_and_said_to_be_kept_outside(
    there: Elsewhere,
) -> None:
    """Slack's docs, files.remote.info: the address "can point to any host".

    Sources: metabase/metabase, pull request 82320; slack-go/slack, GHSA-3q3v-34v2-g88f.
    """
    async with FakeSlack() as fake:
        plan = fake.remote_file(fake.person("ann"), "Quarterly plan", f"{there.url}/secret")
        prompt = await shown_on_slack(fake, plan)
    assert there.asked == []
    assert f"Quarterly plan{OUTSIDE_SLACK}" in prompt
    assert "files:read" not in prompt


async def test_a_file_whose_address_is_elsewhere_is_not_asked_for(there: Elsewhere) -> None:
    """Whatever its mode says: the address alone decides."""
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), "a.txt", "x")
        file.address = f"{there.url}/a.txt"
        prompt = await shown_on_slack(fake, file)
    assert there.asked == []
    assert OUTSIDE_SLACK in prompt
    assert "internal-only" not in prompt


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_away_from_slack_is_not_followed(there: Elsewhere, status: int) -> None:
    """Sources: agentconnect-md/agentconnect, pull request 31; metabase, pull request 82320."""
    fake = FakeSlack()

    async def hop(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"{there.url}/latest/meta-data/"})

    fake.app.router.add_get("/hop", hop)
    async with fake:
        file = fake.file(fake.person("ann"), "a.txt", "x")
        file.address = f"{fake.url}/hop"
        prompt = await shown_on_slack(fake, file)
    assert there.asked == []
    assert OUTSIDE_SLACK in prompt


async def test_a_redirect_within_slack_is_followed_with_the_token() -> None:
    fake = FakeSlack()
    tokens: list[str] = []

    async def hop(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization", ""))
        return web.Response(status=302, headers={"Location": "second/F1/a.txt"})

    async def second(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization", ""))
        return web.Response(text="The plan is to dance.")

    fake.app.router.add_get("/hops/first", hop)
    fake.app.router.add_get("/hops/second/F1/a.txt", second)
    async with fake:
        file = fake.file(fake.person("ann"), "a.txt", "x")
        file.address = f"{fake.url}/hops/first"
        prompt = await shown_on_slack(fake, file)
        assert tokens == [f"Bearer {fake.bot_token}"] * 2
    assert "The plan is to dance." in prompt


async def test_a_redirect_without_end_is_given_up() -> None:
    fake = FakeSlack()
    hops = 0

    async def hop(request: web.Request) -> web.Response:
        nonlocal hops
        hops += 1
        return web.Response(status=302, headers={"Location": request.path})

    fake.app.router.add_get("/round", hop)
    async with fake:
        file = fake.file(fake.person("ann"), "a.txt", "x")
        file.address = f"{fake.url}/round"
        assert "could not be read: it could not be fetched" in await shown_on_slack(fake, file)
    assert hops <= 15


async def test_a_method_of_the_api_is_no_file() -> None:
    """`api.test` answers with the token that it is called with."""
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), "a.txt", "x")
        file.address = f"{fake.url}/api/auth.test"
        prompt = await shown_on_slack(fake, file)
    assert OUTSIDE_SLACK in prompt
    assert fake.bot_token not in prompt


async def test_a_file_that_the_plan_hides_is_said_to_be_hidden() -> None:
    """Docs: reference/objects/file-object, `mode`; events of shared channels tell only its id."""
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), "a.txt", "x", external=True)
        file.mode = "hidden_by_limit"
        assert "could not be read: Slack hides it" in await shown_on_slack(fake, file)


# --- Slack's other addresses --------------------------------------------------------------------


async def test_an_export_is_uploaded_to_slack_alone(there: Elsewhere) -> None:
    """The address to upload to is an answer of the API; the body is a whole conversation."""
    async with FakeSlack() as fake:
        fake.upload_at = there.url
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with slack_bot.bot_on(fake):
            asked = await fake.say(ann, dm, "my secret")
            await fake.replies(dm, asked.ts)
            await fake.slash(ann, dm, "/chatbot export")
            await fake.until(lambda: len(fake.web.made("files.getUploadURLExternal")) >= 3)
    assert there.asked == []


async def test_the_sockets_address_leads_to_slack_alone(
    there: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes over a socket is believed, and what is sent over it is acknowledged."""
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with slack_bot.bot_on(fake) as bot:
            here, fake.socket.url = fake.socket.url, there.url.replace("http", "ws")
            for connection in list(fake.socket.connections):
                connection.abort()
            sockets = bot.slack.sockets
            assert sockets is not None
            addressed = there.url.removeprefix("http://")
            await until(lambda: any(addressed in (one.wss_uri or "") for one in sockets._open))
            await until(lambda: "sockets can't be reached" in caplog.text, seconds=20)
            assert there.asked == []
            fake.socket.url = here
            for one in sockets._open:
                one.wss_uri = None  # as after `_PATIENCE`
            await fake.connected(2)
            asked = await fake.say(ann, dm, "hello")
            await fake.replies(dm, asked.ts)
    assert there.asked == []


@pytest.mark.parametrize("status", [302, 307])
async def test_a_call_that_is_redirected_away_is_not_made_there(status: int) -> None:
    async with (
        Elsewhere() as there,
        Elsewhere(redirect=f"{there.url}/api/", status=status) as hop,
        guarded_session(f"{hop.url}/api/") as session,
    ):
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{hop.url}/api/chat.postMessage", data=b"secret")
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(f"{hop.url}/link/")
    assert len(hop.asked) == 2
    assert there.asked == []


# --- Discord ------------------------------------------------------------------------------------


async def test_an_attachment_elsewhere_is_not_asked_for(there: Elsewhere) -> None:
    """Source: open-octo/octo-agent, pull request 695."""
    model = ScriptedModel(reply=slack_bot.echo)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with discord_bot.bot_on(fake, model):
            file = fake.file("plan.txt", "x")
            file.address = f"{there.url}/plan.txt"
            await fake.say(ann, dm, "What is the plan?", files=[file])
            await fake.replies(dm)
    assert there.asked == []
    assert f"plan.txt{OUTSIDE_DISCORD}" in asked_with(model)


async def test_an_attachment_that_redirects_elsewhere_is_not_followed(there: Elsewhere) -> None:
    model = ScriptedModel(reply=slack_bot.echo)
    fake = FakeDiscord()

    async def hop(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{there.url}/latest/meta-data/"})

    fake.app.router.add_get("/hop", hop)
    async with fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with discord_bot.bot_on(fake, model):
            file = fake.file("plan.txt", "x")
            file.address = f"{fake.url}/hop"
            await fake.say(ann, dm, "What is the plan?", files=[file])
            await fake.replies(dm)
    assert there.asked == []
    assert OUTSIDE_DISCORD in asked_with(model)


async def test_a_session_is_resumed_at_discords_own_gateway_alone(there: Elsewhere) -> None:
    """RESUME begins with the token, and READY says where to."""
    async with FakeDiscord() as fake:
        fake.gateway.resume_at = there.url.replace("http", "ws") + "/gateway/"
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot.bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            fake.reconnect()
            await until(lambda: fake.gateway.resumed == 1, seconds=20)
            await fake.say(ann, thread, "and now?")
            await fake.replies(thread, 2)
    assert there.asked == []


async def test_a_gateway_elsewhere_is_not_connected_to(
    there: Elsewhere, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IDENTIFY is the token, and the API says where the gateway is."""
    async with FakeDiscord() as fake:
        url = there.url.replace("http", "ws")
        with monkeypatch.context() as patch:
            patch.setattr(type(fake.gateway), "url", url + "/gateway/")
            starting = asyncio.create_task(_start(fake))
            await until(lambda: "names a gateway that is not Discord's" in caplog.text, seconds=20)
        await starting
    assert there.asked == []


async def _start(fake: FakeDiscord) -> None:
    async with discord_bot.bot_on(fake):
        pass


# --- previews of links, which platforms fetch ---------------------------------------------------

LINK = "See https://evil.example/?q=secret"
"""Source: embracethered.com, on previews of links that tell what a model was made to write."""


async def test_nothing_that_the_bot_posts_on_slack_lets_slack_fetch_a_link() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        ann.name = "https://evil.example"
        general = fake.channel("general", ann)
        async with slack_bot.bot_on(fake, ScriptedModel(LINK)):
            asked = await fake.say(ann, general, f"{fake.at_bot} {LINK}")
            await fake.replies(general, asked.ts)
            await fake.slash(ann, general, "/chatbot stats")
            await fake.until(lambda: fake.said_by_app(fake.dm(ann)))
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            await fake.replies(general, asked.ts, 2)
        posts = fake.web.made("chat.postMessage")
    assert len(posts) == 3
    assert all(post.args["unfurl_links"] is post.args["unfurl_media"] is False for post in posts)


async def test_nothing_that_the_bot_says_on_discord_lets_discord_fetch_a_link() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with discord_bot.bot_on(fake, ScriptedModel([LINK, 0.8, " and on."])) as bot:
            _, thread = await talk(fake, bot, ann, general, LINK)
            shown = await use(fake, ann, thread, "memory")
            assert "evil.example" in shown.content
            assert shown.suppressed
            assert (await use(fake, ann, thread, "export")).suppressed
        assert all(message.suppressed for message in fake.said_by_bot())
        assert fake.said_by_bot()[0].edits
