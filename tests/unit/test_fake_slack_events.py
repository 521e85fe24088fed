"""What the fake Slack tells an app: a real bolt app listens, over sockets and over HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.fakes.slack import FakeSlack, UnshownError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.fakes.slack import Channel, Json, User

TEXT = {"type": "plain_text", "text": "Press"}
BUTTON = {"type": "actions", "elements": [{"type": "button", "action_id": "go", "text": TEXT}]}


class Listener:
    """A small bolt app that keeps what it hears."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.heard: list[Json] = []
        self.headers: list[Any] = []
        self.refuse = 0
        """How many events it leaves unacknowledged."""
        self.client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(
            client=self.client,
            signing_secret=slack.signing_secret,
            ignoring_self_events_enabled=False,
        )
        self.app.use(self._hear)
        for name in slack.events:
            self.app.event(name.partition(".")[0])(self._nothing)
        self.app.command("/chatbot")(self._command)
        self.app.action("go")(self._nothing)
        self.app.shortcut("export")(self._nothing)
        self.app.view("form")(self._nothing)

    async def _hear(self, body: Json, req: Any, resp: Any, next: Callable[[], Any]) -> Any:  # noqa: A002
        self.heard.append(body)
        self.headers.append(req.headers)
        if self.refuse:
            self.refuse -= 1
            resp.status = 503
            return resp
        return await next()

    async def _nothing(self, ack: Any) -> None:
        await ack()

    async def _command(self, ack: Any, body: Json) -> None:
        await ack(f"You said {body['text']}")

    def of(self, kind: str) -> list[Json]:
        """Return the events of a type that it heard."""
        events = [body.get("event", {}) for body in self.heard]
        return [event for event in events if event.get("type") == kind]


async def connected(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]


async def closed(handler: AsyncSocketModeHandler) -> None:
    await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        server.delivery.pace = 0.0005
        yield server


@pytest.fixture
def ann(slack: FakeSlack) -> User:
    return slack.person("ann")


@pytest.fixture
def general(slack: FakeSlack, ann: User) -> Channel:
    return slack.channel("general", ann)


@pytest.fixture(params=["socket", "http"])
async def listener(slack: FakeSlack, request: pytest.FixtureRequest) -> AsyncIterator[Listener]:
    """Return the app, connected in one way or the other."""
    listener = Listener(slack)
    if request.param == "socket":
        handler = AsyncSocketModeHandler(listener.app, slack.app_token, ping_interval=0.2)
        await connected(handler)
        await slack.connected()
        yield listener
        await closed(handler)
    else:
        runner = web.AppRunner(listener.app.server().web_app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        await slack.use_http(url)
        yield listener
        await runner.cleanup()


@pytest.fixture
async def handlers(slack: FakeSlack) -> AsyncIterator[list[AsyncSocketModeHandler]]:
    """Return two connections of one app."""
    listener = Listener(slack)
    both = [
        AsyncSocketModeHandler(listener.app, slack.app_token, ping_interval=0.2) for _ in range(2)
    ]
    for handler in both:
        await connected(handler)
    await slack.connected(2)
    yield both
    for handler in both:
        await closed(handler)


async def test_a_mention_comes_twice_under_two_ids(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    message = await slack.say(ann, general, f"{slack.at_bot} hello")
    await slack.settled()
    (plain,), (mention,) = listener.of("message"), listener.of("app_mention")
    assert plain["ts"] == mention["ts"] == message.ts
    assert plain["channel"] == mention["channel"] == general.id
    assert plain["client_msg_id"] == mention["client_msg_id"] == message.client_msg_id
    assert (plain["channel_type"], plain["user"]) == ("channel", ann.id)
    first, second = listener.heard
    assert first["event_id"] != second["event_id"]
    assert first["team_id"] == slack.team.id
    assert first["authorizations"][0]["user_id"] == slack.bot.id
    assert all(post.acked and post.attempts == 1 for post in slack.last)


async def test_direct_and_group_messages_are_no_mentions(
    slack: FakeSlack, listener: Listener, ann: User
) -> None:
    group = slack.group_dm(ann, slack.person("bob"))
    for place in (slack.dm(ann), group):
        await slack.say(ann, place, f"{slack.at_bot} hello")
    await slack.settled()
    assert {event["channel_type"] for event in listener.of("message")} == {"im", "mpim"}
    assert listener.of("app_mention") == []


async def test_messages_have_subtypes(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    root = await slack.say(ann, general, "root")
    await slack.say(ann, general, "waves", subtype="me_message")
    await slack.say(ann, general, "also above", root.ts, subtype="thread_broadcast")
    await slack.say(ann, general, "", files=[slack.file(ann, "a.txt", "a")])
    await slack.settled()
    seen = {event.get("subtype"): event for event in listener.of("message")}
    assert seen.keys() == {None, "me_message", "thread_broadcast", "file_share"}
    assert seen["thread_broadcast"]["root"]["ts"] == root.ts
    assert seen["file_share"]["files"][0]["name"] == "a.txt"
    with pytest.raises(UnshownError):
        await slack.say(slack.person("bob"), general, "not in here")


async def test_edits_previews_and_updates_look_alike(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    message = await slack.say(ann, general, "befor")
    await slack.edit(message, "before")
    await slack.unfurl(message)
    posted = await listener.client.chat_postMessage(channel=general.id, text="draft")
    await listener.client.chat_update(channel=general.id, ts=posted["ts"], text="final")
    await slack.settled()
    events = listener.of("message")
    changes = [e for e in events if e.get("subtype") == "message_changed"]
    pairs = {(e["previous_message"]["text"], e["message"]["text"]) for e in changes}
    assert pairs == {("befor", "before"), ("before", "before"), ("draft", "final")}
    assert all(e["hidden"] and e["ts"] != e["message"]["ts"] for e in changes)
    (own,) = [e for e in events if "subtype" not in e and "bot_id" in e]
    assert (own["user"], own["app_id"]) == (slack.bot.id, slack.app_id)


async def test_a_deleted_root_leaves_a_tombstone(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    lonely = await slack.say(ann, general, "lonely")
    root = await slack.say(ann, general, "root")
    await slack.say(ann, general, "reply", root.ts)
    await slack.delete(lonely)
    await slack.delete(root)
    await slack.settled()
    events = {e["subtype"]: e for e in listener.of("message") if "subtype" in e}
    assert events["message_deleted"]["deleted_ts"] == lonely.ts
    assert events["message_deleted"]["previous_message"]["text"] == "lonely"
    tombstone = events["message_changed"]["message"]
    assert (tombstone["subtype"], tombstone["ts"]) == ("tombstone", root.ts)
    assert slack.texts(general, root.ts) == ["This message was deleted.", "reply"]


async def test_strangers_are_marked(slack: FakeSlack, listener: Listener, ann: User) -> None:
    far = slack.stranger("far")
    shared = slack.channel("shared", ann, far, shared=True)
    await slack.say(far, shared, "hello")
    await slack.settled()
    (body,) = listener.heard
    assert body["is_ext_shared_channel"]
    assert body["event"]["user_team"] == far.team != body["team_id"]


async def test_reactions_homes_and_panes_are_told_of(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    message = await slack.say(ann, general, "hello")
    await slack.react(ann, message, "eyes")
    await slack.open_dm(ann)
    await slack.open_home(ann)
    thread = await slack.open_assistant(ann, {"channel_id": general.id})
    await slack.change_assistant(ann, thread, {})
    await slack.change_context(ann, {"type": "slack#/types/channel_id", "value": general.id})
    await listener.client.agents_sessions_setStatus(
        channel_id=general.id, thread_ts=message.ts, status="processing", title="Old"
    )
    await slack.rename_session(ann, general, message.ts, "New")
    await slack.press_stop(ann, general, message.ts)
    await slack.settled()
    (reaction,) = listener.of("reaction_added")
    assert reaction["item"]["ts"] == message.ts
    assert {event["tab"] for event in listener.of("app_home_opened")} == {"home", "messages"}
    (started,) = listener.of("assistant_thread_started")
    assert started["assistant_thread"]["thread_ts"] == thread
    assert len(listener.of("assistant_thread_context_changed")) == 1
    assert listener.of("app_context_changed")[0]["user"] == ann.id
    (renamed,) = listener.of("agent_session_title_changed")
    assert (renamed["previous_title"], renamed["title"]) == ("Old", "New")
    (stopped,) = listener.of("agent_session_stopped")
    assert (stopped["thread_ts"], stopped["streaming_message_ts"]) == (message.ts, [])


async def test_commands_answer_and_have_a_response_url(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    post = await slack.slash(ann, general, "/chatbot help me")
    assert post.acked
    (body,) = listener.heard
    assert (body["command"], body["text"]) == ("/chatbot", "help me")
    assert (body["channel_id"], "thread_ts" in body) == (general.id, False)
    assert [shown.text for shown in slack.shown_to(ann)] == ["You said help me"]
    hook = AsyncWebhookClient(body["response_url"])
    assert (await hook.send(text="")).body == '{"ok": false, "error": "no_text"}'
    assert (await hook.send(text="loud", response_type="in_channel")).status_code == 200
    for _ in range(4):
        assert (await hook.send(text="psst")).status_code == 200
    used = await hook.send(text="once more")
    assert (used.status_code, used.body) == (404, "used_url")
    assert slack.texts(general) == ["loud"]
    await slack.slash(ann, general, "/chatbot stats")
    late = AsyncWebhookClient(listener.heard[-1]["response_url"])
    slack.advance(1801)
    assert (await late.send(text="x")).body == "expired_url"


async def test_buttons_shortcuts_and_modals(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    client, slack.own_events = listener.client, False
    root = await slack.say(ann, general, "root")
    await slack.settled()
    posted = await client.chat_postMessage(
        channel=general.id, thread_ts=root.ts, text="x", blocks=[BUTTON]
    )
    message = slack.find(general, posted["ts"])
    assert (await slack.press(ann, "go", message)).acked
    pressed = listener.heard[-1]
    assert pressed["container"]["thread_ts"] == root.ts
    assert pressed["actions"][0]["action_id"] == "go"
    hook = AsyncWebhookClient(pressed["response_url"])
    await hook.send(text="replaced", replace_original=True)
    assert (message.text, message.blocks) == ("replaced", [])
    with pytest.raises(UnshownError):
        await slack.press(ann, "go", message)
    await client.chat_postEphemeral(channel=general.id, user=ann.id, text="e", blocks=[BUTTON])
    await slack.press(ann, "go", slack.shown_to(ann)[0])
    assert listener.heard[-1]["container"]["is_ephemeral"]
    await AsyncWebhookClient(listener.heard[-1]["response_url"]).send_dict(
        {"delete_original": True}
    )
    assert slack.shown_to(ann) == []
    await slack.shortcut(ann, root, "export")
    used = listener.heard[-1]
    assert (used["type"], used["message"]["ts"]) == ("message_action", root.ts)
    modal = {
        "type": "modal",
        "callback_id": "form",
        "title": TEXT,
        "submit": TEXT,
        "blocks": [{"type": "section", "text": TEXT}],
    }
    await client.views_open(trigger_id=used["trigger_id"], view=modal)
    (view,) = slack.modals(ann)
    assert (await slack.submit(ann, view, {"b": {"a": {"value": "v"}}})).acked
    assert listener.heard[-1]["view"]["state"]["values"]["b"]["a"]["value"] == "v"
    assert slack.modals(ann) == []


async def test_what_isnt_acknowledged_comes_again(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    listener.refuse, slack.socket.patience = 2, 0.5
    await slack.say(ann, general, "hello")
    await slack.settled()
    (post,) = slack.last
    assert (post.attempts, post.acked) == (3, True)
    assert len({body["event_id"] for body in listener.heard}) == 1
    numbers = [headers.get("x-slack-retry-num") for headers in listener.headers]
    assert numbers[1:] == [["1"], ["2"]]
    listener.refuse = 9
    await slack.say(ann, general, "hopeless")
    await slack.settled()
    assert (slack.last[0].attempts, slack.last[0].acked) == (4, False)


async def test_events_can_come_twice_and_in_any_order(
    slack: FakeSlack, listener: Listener, ann: User, general: Channel
) -> None:
    slack.faults.twice, slack.faults.shuffle = True, 0.1
    for number in range(10):
        await slack.say(ann, general, f"{number}")
    await slack.settled()
    texts = [event["text"] for event in listener.of("message")]
    assert sorted(texts) == sorted([str(number) for number in range(10)] * 2)
    assert texts != sorted(texts)
    assert len({body["event_id"] for body in listener.heard}) == 10
    slack.faults.clear()
    listener.heard.clear()
    slack.delivery.hold()
    for number in range(3):
        await slack.say(ann, general, f"{number}")
    assert listener.heard == []
    for post in slack.delivery.release([2, 0, 1]):
        await post.done.wait()
    assert sorted(event["text"] for event in listener.of("message")) == ["0", "1", "2"]


async def test_http_requests_are_signed_and_forged_ones_refused(
    slack: FakeSlack, ann: User, general: Channel
) -> None:
    verifier = SignatureVerifier(slack.signing_secret)
    valid: list[bool] = []

    async def receive(request: web.Request) -> web.Response:
        body = await request.text()
        valid.append(verifier.is_valid_request(body, dict(request.headers)))
        parsed = json.loads(body)
        return web.json_response({"challenge": parsed.get("challenge")})

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=500, headers={"x-slack-no-retry": "1"})

    async def dawdle(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response()

    app = web.Application()
    for path, handler in (("/events", receive), ("/refuse", refuse), ("/dawdle", dawdle)):
        app.router.add_post(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http = await slack.use_http(f"{url}/events")
    assert await http.verify()
    await slack.say(ann, general, "hello")
    await slack.settled()
    http.skew = -301.0
    await slack.say(ann, general, "too old")
    await slack.settled()
    http.skew, http.secret = 0.0, "somebody else's"
    await slack.say(ann, general, "forged")
    await slack.settled()
    assert valid == [True, True, False, False]
    http = await slack.use_http(f"{url}/refuse")
    await slack.say(ann, general, "x")
    await slack.settled()
    assert slack.last[0].attempts == 1  # X-Slack-No-Retry
    http = await slack.use_http(f"{url}/dawdle")
    http.patience = 0.05
    await slack.say(ann, general, "x")
    await slack.settled()
    assert slack.last[0].attempts == 4
    assert slack.last[0].outcome is not None
    assert slack.last[0].outcome.reason == "http_timeout"
    await runner.cleanup()


async def test_nothing_waits_for_an_app_that_is_away(
    slack: FakeSlack, ann: User, general: Channel
) -> None:
    await slack.say(ann, general, "is anybody there?")
    await slack.settled()
    (post,) = slack.last
    assert (post.attempts, post.acked, len(slack.socket.lost)) == (1, False, 1)


async def test_each_payload_goes_to_one_connection(
    slack: FakeSlack, handlers: list[AsyncSocketModeHandler], ann: User, general: Channel
) -> None:
    for number in range(20):
        await slack.say(ann, general, f"{number}")
    await slack.settled()
    assert all(post.attempts == 1 and post.acked for post in slack.delivery.posts)


async def test_connections_are_renewed_and_survive_a_drop(
    slack: FakeSlack, handlers: list[AsyncSocketModeHandler], ann: User, general: Channel
) -> None:
    await slack.socket.disconnect("refresh_requested", count=1)
    await slack.until(lambda: slack.socket.opened == 3)
    await slack.until(lambda: len(slack.socket.connections) == 2)
    await slack.say(ann, general, "still here")
    await slack.settled()
    assert slack.last[0].acked
    slack.socket.drop()
    await slack.until(lambda: slack.socket.opened == 5)
    await slack.say(ann, general, "back")
    await slack.settled()
    assert slack.last[0].acked


async def test_sockets_have_tickets_and_a_limit(slack: FakeSlack) -> None:
    client = AsyncWebClient(base_url=slack.api_url)

    async def url() -> str:
        opened = await client.apps_connections_open(app_token=slack.app_token)
        return str(opened["url"])

    async with aiohttp.ClientSession() as session:
        first = await url()
        sockets = [await session.ws_connect(first)]
        hello = await sockets[0].receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(first)
        sockets += [await session.ws_connect(await url()) for _ in range(9)]
        eleventh = await session.ws_connect(await url())
        assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
        for socket in [*sockets, eleventh]:
            await socket.close()


async def test_runs_as_a_process_that_another_one_drives() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.slack", "--lean", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    control = f"http://127.0.0.1:{port}/control"
    async with aiohttp.ClientSession() as session:

        async def do(verb: str, *args: Any, **more: Any) -> Any:
            response = await session.post(f"{control}/{verb}", json={"args": args, **more})
            return await response.json()

        info = await (await session.get(f"{control}/info")).json()
        client = AsyncWebClient(info["bot_token"], base_url=info["api_url"])
        app = AsyncApp(client=client, signing_secret=info["signing_secret"])

        @app.event("app_mention")
        async def answer(event: Json) -> None:
            thread = event.get("thread_ts", event["ts"])
            await client.chat_postMessage(channel=event["channel"], thread_ts=thread, text="hi")

        handler = AsyncSocketModeHandler(app, info["app_token"])
        await connected(handler)
        ann = (await do("person", "ann"))["id"]
        channel = (await do("channel", "general", ann))["id"]
        said = await do("say", ann, channel, "hello")
        edited = await do("edit", said["ts"], "hello!", channel=channel)
        assert "error" not in edited
        history = await session.get(f"{control}/history", params={"channel": channel})
        assert [message["text"] for message in await history.json()] == ["hello!"]
        assert "error" in await do("nonsense")
        assert "error" in await do("say", "U0", channel, "who?")
        ran = await session.post(f"{control}/load", json={"threads": 5, "turns": 3})
        result = await ran.json()
        assert (result["turns"], result["unanswered"]) == (15, 0)
        assert result["turns_per_s"] > 0
        stats = await (await session.get(f"{control}/stats")).json()
        assert (stats["connections"], stats["said_by_app"]) == (1, 15)
        await closed(handler)
    process.terminate()
    await process.wait()


async def test_a_token_of_an_app_that_left_is_refused(slack: FakeSlack, listener: Listener) -> None:
    await slack.uninstall()
    await slack.too_much()
    await slack.settled()
    kinds = {body.get("event", body)["type"] for body in listener.heard}
    assert {"app_uninstalled", "tokens_revoked", "app_rate_limited"} >= kinds
    with pytest.raises(SlackApiError):
        await listener.client.auth_test()
