"""The fake Discord's commands, buttons and modals, with the real client."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.http import Route

from tests.fakes.discord import Ears, FakeDiscord, Permission, UnshownError, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.fakes.discord import Channel, Json, User


class App(Ears):
    """A bot with commands whose conduct a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = app_commands.CommandTree(self)
        self.use: Callable[[discord.Interaction], Awaitable[object]] | None = None
        self.asked: list[discord.Interaction] = []
        self.errors: list[discord.HTTPException] = []

    async def setup_hook(self) -> None:
        group = app_commands.Group(name="chatbot", description="The bot")

        @group.command(description="Export")
        async def export(asked: discord.Interaction, days: int, format: str = "md") -> None:  # noqa: A002 -- the option's name
            await self._used(asked)

        @group.command(description="Forget")
        @app_commands.choices(what=[app_commands.Choice(name="All", value="all")])
        async def forget(asked: discord.Interaction, what: str) -> None:
            await self._used(asked)

        @app_commands.context_menu(name="Export this thread")
        async def menu(asked: discord.Interaction, message: discord.Message) -> None:
            await asked.response.send_message(message.content, ephemeral=True)

        @app_commands.command(description="For few")
        @app_commands.default_permissions(manage_guild=True)
        @app_commands.guild_only()
        async def admin(asked: discord.Interaction) -> None:
            await self._used(asked)

        self.tree.add_command(group)
        self.tree.add_command(menu)
        self.tree.add_command(admin)
        await self.tree.sync()

    async def on_interaction(self, asked: discord.Interaction) -> None:
        if asked.type is not discord.InteractionType.application_command:
            await self._used(asked)

    async def _used(self, asked: discord.Interaction) -> None:
        self.asked.append(asked)
        try:
            if self.use is not None:
                await self.use(asked)
        except discord.HTTPException as error:
            self.errors.append(error)


@pytest.fixture
async def app(server: FakeDiscord, ann: User, general: Channel) -> AsyncIterator[App]:
    client = App()
    async with running(server, client):
        yield client


async def test_a_deferred_answer_is_for_one_person(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    async def use(asked: discord.Interaction) -> None:
        await asked.response.defer(ephemeral=True)
        assert server.shown_to(ann)[0].flags & 1 << 7  # the bot is thinking
        file = discord.File(io.BytesIO(b"words"), "x.md")
        first = await asked.followup.send(f"here {ann.mention}", file=file, wait=True)
        assert first.flags.ephemeral  # fixed by the deferral, whatever the follow-up says
        await asked.followup.send("more", ephemeral=True)

    app.use = use
    asked = await server.slash(ann, general, "chatbot export", days=3)
    shown = await server.answered(asked, 2)
    assert [(m.content, m.ephemeral, m.kind) for m in shown] == [
        (f"here {ann.mention}", True, 20),
        ("more", True, 20),
    ]
    assert shown[0].files[0].data == b"words"
    assert (server.shown_to(ann), server.history(general)) == (shown, [])
    assert server.seen_by(ann, general) == shown
    assert server.seen_by(server.person("bob"), general) == []
    command = app.asked[0]
    assert command.namespace.days == 3
    assert command.filesize_limit == 10 * 2**20
    assert not app.errors


async def test_an_open_answer_can_be_changed_and_removed(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    async def use(asked: discord.Interaction) -> None:
        sent = await asked.response.send_message(f"@everyone {ann.mention}")
        assert isinstance(sent.resource, discord.InteractionMessage)
        assert (await asked.original_response()).content == f"@everyone {ann.mention}"
        await asked.edit_original_response(content="changed")
        other = await asked.followup.send("other", wait=True)
        await other.edit(content="other changed")
        assert (await asked.followup.fetch_message(other.id)).content == "other changed"
        third = await asked.followup.send("third", wait=True)
        await third.delete()
        await asked.delete_original_response()

    app.use = use
    await server.slash(ann, general, "chatbot export", days=1)
    await server.until(lambda: server.texts(general) == ["other changed"])
    posted = server.delivery.of("MESSAGE_CREATE")[0].data
    assert posted["interaction_metadata"]["user"]["id"] == ann.id
    assert server.all_pings() == []  # only the removed one named anybody
    assert not app.errors


async def test_an_interaction_is_answered_in_time_and_once(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    late = asyncio.Event()

    async def use(asked: discord.Interaction) -> None:
        await late.wait()
        await asked.response.send_message("too late")

    app.use = use
    asked = await server.slash(ann, general, "chatbot export", days=1)
    await app.until(lambda: app.asked)
    assert not server.failed(asked)
    server.advance(3.1)
    late.set()
    await app.until(lambda: app.errors)
    assert app.errors[0].code == 10062
    assert server.failed(asked)

    async def twice(asked: discord.Interaction) -> None:
        await asked.response.send_message("one")
        asked.response._response_type = None  # the client wouldn't even try
        await asked.response.send_message("two")

    app.use = twice
    asked = await server.slash(ann, general, "chatbot export", days=1)
    await app.until(lambda: len(app.errors) == 2)
    assert app.errors[1].code == 40060
    assert server.texts(general) == ["one"]
    server.advance(901)
    with pytest.raises(discord.HTTPException) as caught:
        await app.asked[-1].followup.send("after a quarter of an hour")
    assert caught.value.code == 50027


async def test_buttons_and_modals(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    channel = app.get_channel(int(general.id))
    assert isinstance(channel, discord.TextChannel)
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label="What I remember", custom_id="memory"))
    view.add_item(discord.ui.Button(label="Off", custom_id="off", disabled=True))
    sent = await channel.send("trimmed", view=view)
    message = general.messages[str(sent.id)]

    class Form(discord.ui.Modal, title="Why?"):
        reason: discord.ui.TextInput = discord.ui.TextInput(label="Reason", custom_id="reason")

        async def on_submit(self, asked: discord.Interaction) -> None:
            await asked.response.edit_message(content=self.reason.value, view=None)

    async def use(asked: discord.Interaction) -> None:
        if asked.type is discord.InteractionType.component:
            await asked.response.send_modal(Form())

    app.use = use
    pressed = await server.press(ann, message, "What I remember")
    await server.until(lambda: pressed.modal)
    with pytest.raises(UnshownError):
        await server.submit(ann, pressed)
    with pytest.raises(UnshownError):
        await server.submit(server.person("bob"), pressed, reason="x")
    await server.submit(ann, pressed, reason="because")
    await server.until(lambda: message.content == "because")
    assert message.components == []
    with pytest.raises(UnshownError):
        await server.press(ann, message, "What I remember")
    second = await channel.send("x", view=view)
    with pytest.raises(UnshownError):
        await server.press(ann, general.messages[str(second.id)], "Off")


async def test_a_menu_shows_the_message_it_is_used_on(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    message = await server.say(ann, general, "the words")
    asked = await server.menu(ann, message, "Export this thread")
    (shown,) = await server.answered(asked)
    assert (shown.content, shown.ephemeral, shown.kind) == ("the words", True, 23)


async def test_people_are_shown_only_their_commands(
    server: FakeDiscord, ann: User, general: Channel, app: App
) -> None:
    for line, options in (
        ("chatbot", {}),
        ("chatbot nothing", {}),
        ("nothing", {}),
        ("chatbot export", {}),
        ("chatbot export", {"days": "three"}),
        ("chatbot export", {"days": 1, "unknown": 2}),
        ("chatbot forget", {"what": "some"}),
        ("admin", {}),
    ):
        with pytest.raises(UnshownError):
            await server.slash(ann, general, line, **options)
    with pytest.raises(UnshownError):
        await server.slash(ann, server.dm(ann), "admin")
    assert app.asked == []
    await server.make_admin(ann)
    await server.slash(ann, general, "admin")
    await server.slash(ann, general, "chatbot forget", what="all")
    await app.until(lambda: len(app.asked) == 2)
    assert app.asked[0].permissions.administrator
    await server.deny(general, Permission.USE_APPLICATION_COMMANDS, ann)
    bob = server.person("bob")
    await server.deny(general, Permission.USE_APPLICATION_COMMANDS, bob)
    with pytest.raises(UnshownError):
        await server.slash(bob, general, "chatbot forget", what="all")


async def test_a_command_in_a_dm(server: FakeDiscord, ann: User, app: App) -> None:
    async def use(asked: discord.Interaction) -> None:
        await asked.response.send_message("here")

    app.use = use
    await server.answered(await server.slash(ann, server.dm(ann), "chatbot export", days=1))
    assert server.texts(server.dm(ann)) == ["here"]
    assert app.asked[0].guild is None
    assert app.asked[0].user.id == int(ann.id)


async def put(app: App, commands: list[Json]) -> Any:
    path = f"/applications/{app.application_id}/commands"
    return await app.http.request(Route("PUT", path), json=commands)


async def test_registers_only_what_discord_takes(server: FakeDiscord, app: App) -> None:
    known = {command["name"]: command["id"] for command in server.commands}
    await app.tree.sync()
    assert {command["name"]: command["id"] for command in server.commands} == known
    assert len(server.command_writes) == 2
    plain: Json = {"type": 1, "name": "x", "description": "d"}
    sub, option = plain, {"type": 3, "name": "o", "description": "d"}
    nested = {"type": 2, "name": "g", "description": "d", "options": [sub]}
    for wrong in (
        [plain | {"name": "Upper"}],
        [plain | {"name": "two words"}],
        [plain | {"description": ""}],
        [plain | {"description": "d" * 101}],
        [plain, plain],
        [plain | {"options": [option | {"name": f"o{n}"} for n in range(26)]}],
        [plain | {"options": [option, option | {"name": "p", "required": True}]}],
        [plain | {"options": [option, option]}],
        [plain | {"options": [sub, option | {"name": "p"}]}],
        [plain | {"options": [nested | {"options": [nested]}]}],
        [{"type": 3, "name": "menu", "description": "no"}],
        [plain | {"name": f"x{n}"} for n in range(101)],
        [{"type": 3, "name": f"menu {n}"} for n in range(16)],
    ):
        with pytest.raises(discord.HTTPException) as caught:
            await put(app, wrong)
        assert caught.value.code == 50035, wrong
    long = [option | {"name": f"o{n}", "choices": choices(n)} for n in range(25)]
    with pytest.raises(discord.HTTPException):
        await put(app, [plain | {"options": long}])
    (old, *_) = await app.tree.fetch_commands()
    assert (await app.tree.fetch_command(old.id)).name == old.name
    await old.delete()
    path = f"/applications/{app.application_id}/commands"
    made = await app.http.request(Route("POST", path), json=plain | {"name": "y"})
    assert {"y", old.name} - {c["name"] for c in server.commands} == {old.name}
    again = await app.http.request(Route("POST", path), json=plain | {"name": "y"})
    assert again["id"] == made["id"]
    await put(app, [plain | {"options": [nested]}])
    assert [command["name"] for command in server.commands] == ["x"]
    server.created_commands = 200
    with pytest.raises(discord.HTTPException) as caught:
        await put(app, [plain | {"name": "new"}])
    assert caught.value.code == 30034


def choices(number: int) -> list[Json]:
    return [{"name": f"{number} {one} " + "n" * 10, "value": "v" * 10} for one in range(25)]


async def test_runs_as_a_process_with_everything_to_be_driven() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.discord", "--lean"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await drive(session)
    finally:
        process.terminate()
        await process.wait()


async def drive(session: aiohttp.ClientSession) -> None:
    async def do(verb: str, *args: object, **more: object) -> Any:
        body = {"args": args, **more}
        async with session.post(f"/control/{verb}", json=body) as answer:
            return await answer.json()

    async def get(path: str) -> Any:
        async with session.get(f"/control/{path}") as answer:
            return await answer.json()

    info = await get("info")
    ann, general = await do("person", "ann"), await do("channel", "general")
    said = await do("say", ann["id"], general["id"], "hello")
    await do("edit", said["id"], "changed", channel=general["id"])
    assert [m["content"] for m in await get(f"history?channel={general['id']}")] == ["changed"]
    assert "error" in await do("say", "nobody", general["id"], "x")
    assert "error" in await do("no_such_verb")
    await session.post("/control/set", json={"nonce_window": 1, "content": False})
    load = {"threads": 3, "turns": 2, "mention": True, "patience": 10}
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ECHO, json.dumps(info)), stderr=asyncio.subprocess.PIPE
    )
    try:
        while not (await get("stats"))["connections"]:
            await asyncio.sleep(0.05)
        async with session.post("/control/load", json=load) as answer:
            result = await answer.json()
        assert (result["turns"], result["unanswered"]) == (6, 0)
        stats = await get("stats")
        assert (stats["identified"], stats["breaches"], stats["pings"]) == (1, [], [])
    finally:
        client.kill()
        await client.wait()


ECHO = """
import asyncio, json, sys
import discord
from tests.fakes.discord.client import pointed
info = json.loads(sys.argv[1])
client = discord.AutoShardedClient(
    intents=discord.Intents.default(), allowed_mentions=discord.AllowedMentions.none()
)
@client.event
async def on_message(message):
    written = message.type in (discord.MessageType.default, discord.MessageType.reply)
    if message.author != client.user and written:
        thread = message.channel
        if isinstance(thread, discord.TextChannel):
            thread = await message.create_thread(name="talk")
        await thread.send(message.content)
with pointed(info["api_url"], info["gateway_url"]):
    asyncio.run(client.start(info["token"]))
"""
