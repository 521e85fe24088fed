"""The fake Slack's Web API, called by the real client: it refuses what Slack refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Cut, FakeSlack, Limited, Refused, Slow, Status, UnshownError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tests.fakes.slack import Channel, Message, User

META = {"event_type": "turn", "event_payload": {"turn": "t1"}}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKIP_SLACK_SDK_WARNING", "1")  # some posts lack text on purpose


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def ann(slack: FakeSlack) -> User:
    return slack.person("ann")


@pytest.fixture
def general(slack: FakeSlack, ann: User) -> Channel:
    return slack.channel("general", ann)


@pytest.fixture
async def asked(slack: FakeSlack, ann: User, general: Channel) -> Message:
    return await slack.say(ann, general, "a question")


async def refused(call: Awaitable[object]) -> str:
    """Return the name of the error with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_takes_arguments_in_every_form(slack: FakeSlack, general: Channel) -> None:
    url, auth = slack.api_url + "chat.postMessage", {"authorization": f"Bearer {slack.bot_token}"}
    body = {"channel": general.id, "text": "hello"}
    async with aiohttp.ClientSession() as session:
        calls: list[dict[str, Any]] = [
            {"params": body, "headers": auth},
            {"data": body, "headers": auth},
            {"data": body | {"token": slack.bot_token}},
            {"json": body, "headers": auth},
        ]
        for call in calls:
            answer = await (await session.post(url, **call)).json()
            assert answer["ok"], answer
        answer = await (await session.get(url, params=body, headers=auth)).json()
        assert answer["ok"]
        in_json = await session.post(url, json=body | {"token": slack.bot_token})
        assert (await in_json.json())["error"] == "not_authed"
        broken = {"content-type": "application/json", **auth}
        assert (await (await session.post(url, data="{", headers=broken)).json())[
            "error"
        ] == "invalid_json"
    assert slack.texts(general) == ["hello"] * 5


async def test_knows_tokens_and_scopes(slack: FakeSlack, client: AsyncWebClient) -> None:
    who = await client.auth_test()
    assert (who["user_id"], who["team_id"]) == (slack.bot.id, slack.team.id)
    assert "chat:write" in who.headers["x-oauth-scopes"]
    assert await refused(client.auth_test(token="xoxb-nobody")) == "invalid_auth"
    assert await refused(client.auth_test(token=slack.app_token)) == "not_allowed_token_type"
    nobody = AsyncWebClient(base_url=slack.api_url)
    assert await refused(nobody.auth_test()) == "not_authed"
    assert await refused(client.api_call("no.such")) == "unknown_method"
    slack.install.scopes = {"im:read"}
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C", text="hello")
    answer = caught.value.response
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert answer["provided"] == "im:read"
    opened = await client.apps_connections_open(app_token=slack.app_token)
    assert opened["url"].startswith("ws://127.0.0.1:")
    slack.app_scopes.clear()
    assert await refused(client.apps_connections_open(app_token=slack.app_token)) == "missing_scope"


async def test_shows_people_and_bots(slack: FakeSlack, client: AsyncWebClient, ann: User) -> None:
    ann.is_admin = True
    far = slack.stranger("far")
    assert (await client.users_info(user=ann.id))["user"]["is_admin"]
    assert (await client.users_info(user=far.id))["user"]["is_stranger"]
    assert await refused(client.users_info(user="U0")) == "user_not_found"
    bot = (await client.bots_info(bot=slack.bot.bot_id))["bot"]
    assert (bot["app_id"], bot["user_id"]) == (slack.app_id, slack.bot.id)
    assert await refused(client.bots_info(bot="B0")) == "bot_not_found"
    assert await refused(client.team_info()) == "missing_scope"
    slack.install.scopes.add("team:read")
    assert (await client.team_info())["team"]["domain"] == "acme"


async def test_writes_only_where_it_is(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    outside = slack.channel("outside", ann, bot=False)
    secret = slack.channel("secret", ann, kind="private", bot=False)
    post = client.chat_postMessage
    assert await refused(post(channel=outside.id, text="x")) == "not_in_channel"
    assert await refused(post(channel=secret.id, text="x")) == "channel_not_found"
    assert await refused(post(channel="C0", text="x")) == "channel_not_found"
    general.archived = True
    assert await refused(post(channel=general.id, text="x")) == "is_archived"
    slack.install.scopes.add("chat:write.public")
    assert (await post(channel=outside.id, text="x"))["ok"]
    direct = await post(channel=ann.id, text="to a person")
    assert direct["channel"] == slack.dm(ann).id


async def test_refuses_content_that_is_too_long_or_malformed(
    client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    async def post(**content: Any) -> str:
        return await refused(client.chat_postMessage(channel=general.id, **content))

    def markdown(*lengths: int) -> list[dict[str, Any]]:
        return [{"type": "markdown", "text": "x" * length} for length in lengths]

    section = {"type": "section", "text": {"type": "mrkdwn", "text": "y" * 3000}}
    header = {"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "B"}}
    mute = {"type": "button", "text": {"type": "mrkdwn", "text": "B"}}
    assert await post() == "no_text"
    assert await post(text="   ") == "no_text"
    assert await post(text="x" * 4001) == "msg_too_long"
    assert await post(text="a", markdown_text="b") == "markdown_text_conflict"
    assert await post(markdown_text="x" * 12001) == "msg_too_long"
    assert await post(blocks="{") == "invalid_blocks_format"
    assert await post(blocks=markdown(12001)) == "invalid_blocks"
    assert await post(blocks=markdown(6001, 6000)) == "msg_blocks_too_long"
    assert await post(blocks=[*markdown(11000), section]) == "msg_blocks_too_long"
    assert await post(blocks=[{"type": "divider"}] * 51) == "invalid_blocks"
    assert await post(blocks=[{"type": "novelty"}]) == "invalid_blocks"
    assert await post(blocks=[header]) == "invalid_blocks"
    assert await post(blocks=[{"type": "actions", "elements": [button] * 2}]) == "invalid_blocks"
    assert await post(blocks=[{"type": "actions", "elements": [mute]}]) == "invalid_blocks"
    assert await post(blocks=[{"type": "context", "elements": []}]) == "invalid_blocks"
    twice = [{"type": "divider", "block_id": "same"}] * 2
    assert await post(blocks=twice) == "invalid_blocks"
    assert await post(text="x", metadata={"event_type": "t"}) == "invalid_metadata_format"
    big = {"event_type": "t", "event_payload": {"x": "y" * 4100}}
    assert await post(text="x", metadata=big) == "metadata_too_large"
    assert await post(text="x", thread_ts="1700000000.000001") == "thread_not_found"
    fits = await client.chat_postMessage(
        channel=general.id,
        text="x" * 4000,
        thread_ts=asked.ts,
        blocks=[
            *markdown(9000),
            section,
            {"type": "header", "text": {"type": "plain_text", "text": "h" * 150}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}]},
            {"type": "actions", "elements": [button]},
            {"type": "divider"},
        ],
    )
    assert all("block_id" in block for block in fits["message"]["blocks"])
    reply = fits["ts"]
    assert await post(text="x", thread_ts=reply) == "thread_not_found"


async def test_a_reply_to_a_deleted_message_stands_in_the_channel(
    slack: FakeSlack, client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    await slack.delete(asked)
    posted = await client.chat_postMessage(channel=general.id, text="x", thread_ts=asked.ts)
    assert "thread_ts" not in posted["message"]
    assert [message.text for message in slack.said_by_app(general)] == ["x"]


async def test_updates_its_own_messages_only(
    slack: FakeSlack, client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    posted = await client.chat_postMessage(channel=general.id, text="draft", metadata=META)
    here: dict[str, Any] = {"channel": general.id, "ts": posted["ts"]}
    await client.chat_update(**here, text="one")
    message = slack.find(general, posted["ts"])
    assert (message.text, message.metadata) == ("one", META)
    assert message.edited is not None
    message.edited = None
    await client.chat_update(**here, text="two", blocks=[{"type": "divider"}], metadata={})
    assert (message.edited, message.metadata, len(message.blocks)) == (None, None, 1)
    await client.chat_update(**here, text="three")
    assert message.blocks == []
    assert await refused(client.chat_update(**here, text="x" * 4001)) == "msg_too_long"
    other: dict[str, Any] = {"channel": general.id, "ts": asked.ts}
    assert await refused(client.chat_update(**other, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(**other)) == "cant_delete_message"
    nothing: dict[str, Any] = {"channel": general.id, "ts": "1700000000.000001"}
    assert await refused(client.chat_update(**nothing, text="x")) == "message_not_found"
    await client.chat_delete(**here)
    assert slack.texts(general) == ["a question"]
    assert await refused(client.chat_delete(**here)) == "message_not_found"


async def test_tells_whom_a_message_notifies(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    loud = [{"type": "markdown", "text": f"<@{ann.id}> and <!subteam^S1|them>"}]
    await client.chat_postMessage(channel=general.id, text="<!channel>", blocks=loud)
    await client.chat_postMessage(channel=general.id, text=f"&lt;@{ann.id}&gt; @channel")
    first, second = slack.said_by_app(general)
    assert slack.pings(first) == [ann.id, "channel", "subteam^S1"]
    assert slack.pings(second) == []


async def test_ephemeral_messages_are_neither_history_nor_changeable(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    shown = await client.chat_postEphemeral(channel=general.id, user=ann.id, text="psst")
    assert [e.text for e in slack.shown_to(ann)] == ["psst"]
    assert slack.texts(general) == []
    change = client.chat_update(channel=general.id, ts=shown["message_ts"], text="x")
    assert await refused(change) == "message_not_found"
    bob = slack.person("bob")
    away = client.chat_postEphemeral(channel=general.id, user=bob.id, text="psst")
    assert await refused(away) == "user_not_in_channel"


async def test_history_pages_newest_first_and_replies_oldest_first(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    replies = [await slack.say(ann, general, f"r{n}", asked.ts) for n in range(7)]
    await slack.say(ann, general, "seen above too", asked.ts, subtype="thread_broadcast")
    later = await slack.say(ann, general, "later")
    texts = [
        m["text"] for m in (await client.conversations_history(channel=general.id))["messages"]
    ]
    assert texts == ["later", "seen above too", "a question"]
    pages = [
        [m["text"] for m in page["messages"]]
        async for page in await client.conversations_replies(
            channel=general.id, ts=asked.ts, limit=4
        )
    ]
    assert pages[0] == ["a question", "r0", "r1", "r2"]
    assert pages[1] == ["a question", "r3", "r4", "r5", "r6"]  # the root heads every page
    between: dict[str, Any] = {"oldest": replies[1].ts, "latest": replies[4].ts}
    read = client.conversations_replies
    some = await read(channel=general.id, ts=asked.ts, **between)
    assert [m["text"] for m in some["messages"]] == ["a question", "r2", "r3"]
    some = await read(channel=general.id, ts=asked.ts, inclusive=True, **between)
    assert [m["text"] for m in some["messages"]] == ["a question", "r1", "r2", "r3", "r4"]
    assert len((await read(channel=general.id, ts=replies[0].ts))["messages"]) == 1
    assert await refused(read(channel=general.id, ts="1700000000.000001")) == "thread_not_found"
    newest = await client.conversations_history(channel=general.id, limit=1)
    assert (newest["has_more"], newest["messages"][0]["ts"]) == (True, later.ts)
    bad = client.conversations_history(channel=general.id, cursor="?")
    assert await refused(bad) == "invalid_cursor"


async def test_metadata_is_read_back_only_when_asked_for(
    client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    await client.chat_postMessage(channel=general.id, thread_ts=asked.ts, text="x", metadata=META)
    read = client.conversations_replies
    plain = await read(channel=general.id, ts=asked.ts)
    assert "metadata" not in plain["messages"][1]
    full = await read(channel=general.id, ts=asked.ts, include_all_metadata=True)
    assert full["messages"][1]["metadata"] == META


async def test_a_distributed_app_reads_fifteen_once_a_minute(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    slack.limits.distributed = True
    for number in range(20):
        await slack.say(ann, general, f"r{number}", asked.ts)
    page = await client.conversations_replies(channel=general.id, ts=asked.ts, limit=1000)
    assert (len(page["messages"]), page["has_more"]) == (15, True)
    again = client.conversations_replies(channel=general.id, ts=asked.ts)
    assert await refused(again) == "ratelimited"
    slack.advance(61)
    await client.conversations_replies(channel=general.id, ts=asked.ts)


async def test_rate_limits_say_when_to_come_back(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    slack.hold()
    slack.limits.on = True
    for _ in range(5):
        await client.chat_postMessage(channel=general.id, text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=general.id, text="x")
    assert caught.value.response.status_code == 429
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 5
    await client.chat_postMessage(channel=slack.dm(ann).id, text="another channel")
    slack.advance(5)
    await client.chat_postMessage(channel=general.id, text="x")


async def test_conversations_tell_who_is_where(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    secret = slack.channel("secret", ann, kind="private")
    far = slack.channel("far", ann, shared=True)
    info = client.conversations_info
    assert (await info(channel=secret.id))["channel"]["is_private"]
    assert (await info(channel=far.id))["channel"]["is_ext_shared"]
    assert (await info(channel=slack.dm(ann).id))["channel"]["user"] == ann.id
    members = await client.conversations_members(channel=general.id, limit=1)
    assert members["members"] == [ann.id]
    assert members["response_metadata"]["next_cursor"]
    await slack.leave(ann, general)
    members = await client.conversations_members(channel=general.id)
    assert members["members"] == [slack.bot.id]
    mine = await client.users_conversations(types="public_channel,private_channel", limit=10)
    assert [c["name"] for c in mine["channels"]] == ["general", "secret", "far"]
    bob = slack.person("bob")
    both = client.conversations_open(users=[ann.id, bob.id])
    assert await refused(both) == "missing_scope"
    slack.install.scopes.add("mpim:write")
    opened = await client.conversations_open(users=[ann.id, bob.id])
    assert slack.where(opened["channel"]["id"]).kind == "mpim"
    opened = await client.conversations_open(users=ann.id, return_im=True)
    assert opened["channel"]["is_im"]
    assert await refused(client.conversations_open(users="U0")) == "user_not_found"
    slack.install.scopes.discard("groups:history")
    assert await refused(client.conversations_history(channel=secret.id)) == "missing_scope"


async def test_streams_grow_and_stop(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    stream = await client.chat_stream(
        channel=general.id,
        thread_ts=asked.ts,
        recipient_user_id=ann.id,
        recipient_team_id=ann.team,
        buffer_size=1,
    )
    await stream.append(markdown_text="Hello, ")
    message = slack.find(general, stream.ts)
    assert (message.text, slack.session(general, asked.ts)) == ("Hello, ", "processing")
    here: dict[str, Any] = {"channel": general.id, "ts": message.ts}
    assert await refused(client.chat_update(**here, text="x")) == "streaming_state_conflict"
    assert await refused(client.chat_delete(**here)) == "cant_delete_message"
    await stream.append(markdown_text="world")
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "B"}}
    await stream.stop(
        markdown_text=".", blocks=[{"type": "actions", "elements": [button]}], metadata=META
    )
    assert (message.text, message.metadata) == ("Hello, world.", META)
    assert [block["type"] for block in message.blocks] == ["rich_text", "actions"]
    assert slack.session(general, asked.ts) == "active"
    gone = "message_not_in_streaming_state"
    assert await refused(client.chat_appendStream(**here, markdown_text="x")) == gone
    await client.chat_update(**here, text="the end")


async def test_streams_are_strict_about_arguments(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    start = client.chat_startStream
    here: dict[str, Any] = {"channel": general.id, "thread_ts": asked.ts}
    to: dict[str, Any] = {"recipient_user_id": ann.id, "recipient_team_id": ann.team}
    assert await refused(start(**here)) == "missing_recipient_user_id"
    assert await refused(start(**here, recipient_user_id=ann.id)) == "missing_recipient_team_id"
    nobody: dict[str, Any] = {"recipient_user_id": "U0", "recipient_team_id": ann.team}
    assert await refused(start(**here, **nobody)) == "user_not_found"
    away: dict[str, Any] = {"channel": general.id, "thread_ts": "1700000000.000001"}
    assert await refused(start(**away, **to)) == "thread_not_found"
    gone = await slack.say(ann, general, "gone")
    await slack.delete(gone)
    assert await refused(start(**away | {"thread_ts": gone.ts}, **to)) == "invalid_thread_ts"
    assert await refused(start(channel=general.id, thread_ts="", **to)) == "invalid_arguments"
    assert await refused(start(**here, **to, markdown_text="")) == "no_text"
    assert await refused(start(**here, **to, markdown_text="x" * 12001)) == "msg_too_long"
    assert await refused(start(**here, **to, chunks=[{"type": "novelty"}])) == "invalid_chunks"
    both = start(**here, **to, markdown_text="x", chunks=[{"type": "markdown_text", "text": "x"}])
    assert await refused(both) == "cannot_provide_both_markdown_text_and_chunks"
    opened = await start(**here, **to, markdown_text="x")
    at: dict[str, Any] = {"channel": general.id, "ts": opened["ts"]}
    mixed = client.chat_appendStream(**at, chunks=[{"type": "markdown_text", "text": "x"}])
    assert await refused(mixed) == "streaming_mode_mismatch"
    assert await refused(client.chat_appendStream(**at, markdown_text="")) == "no_text"
    none = client.chat_appendStream(**at)
    assert await refused(none) == "markdown_text_or_chunks_required"
    task = {"type": "task_update", "id": "1", "title": "T", "status": "complete"}
    direct = await slack.say(ann, slack.dm(ann), "in a DM nobody need be named")
    opened = await start(channel=direct.channel, thread_ts=direct.ts, chunks=[task])
    stop = client.chat_stopStream
    odd = stop(channel=direct.channel, ts=opened["ts"], session_status="thinking")
    assert await refused(odd) == "invalid_arguments"
    await stop(channel=direct.channel, ts=opened["ts"], session_status="suspended")
    assert slack.session(direct.channel, direct.ts) == "suspended"


async def test_streams_die_after_five_minutes_and_can_still_be_updated(
    slack: FakeSlack, client: AsyncWebClient, ann: User
) -> None:
    dm = slack.dm(ann)
    asked = await slack.say(ann, dm, "long")
    opened = await client.chat_startStream(channel=dm.id, thread_ts=asked.ts, markdown_text="x")
    at: dict[str, Any] = {"channel": dm.id, "ts": opened["ts"]}
    slack.advance(290)
    await client.chat_appendStream(**at, markdown_text="y")
    slack.advance(11)
    gone = "message_not_in_streaming_state"
    assert await refused(client.chat_appendStream(**at, markdown_text="z")) == gone
    assert await refused(client.chat_stopStream(**at)) == gone
    await client.chat_update(**at, text="all of it")
    assert slack.texts(dm, asked.ts) == ["long", "all of it"]


async def test_a_person_can_stop_a_stream(
    slack: FakeSlack, client: AsyncWebClient, ann: User
) -> None:
    dm = slack.dm(ann)
    asked = await slack.say(ann, dm, "long")
    with pytest.raises(UnshownError):
        await slack.press_stop(ann, dm, asked.ts)
    opened = await client.chat_startStream(channel=dm.id, thread_ts=asked.ts, markdown_text="x")
    await slack.press_stop(ann, dm, asked.ts)
    (post,) = slack.delivery.of("agent_session_stopped")
    assert post.event["streaming_message_ts"] == [opened["ts"]]
    assert (post.event["thread_ts"], post.event["user"]) == (asked.ts, ann.id)
    at: dict[str, Any] = {"channel": dm.id, "ts": opened["ts"]}
    assert await refused(client.chat_appendStream(**at, markdown_text="y")) == "stopped_by_user"
    assert slack.session(dm, asked.ts) == "processing"  # until the app says otherwise
    await client.chat_update(**at, text="stopped")


async def test_a_workspace_may_lack_streaming(
    slack: FakeSlack, client: AsyncWebClient, ann: User
) -> None:
    slack.faults.no_streaming()
    asked = await slack.say(ann, slack.dm(ann), "long")
    start = client.chat_startStream(channel=asked.channel, thread_ts=asked.ts)
    assert await refused(start) == "unknown_method"


async def test_sessions_take_four_words_and_titles(
    slack: FakeSlack, client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    here: dict[str, Any] = {"channel_id": general.id, "thread_ts": asked.ts}
    status = client.agents_sessions_setStatus
    assert await refused(status(**here, status="is thinking…")) == "invalid_arguments"
    assert await refused(status(channel_id=general.id, status="active")) == "thread_ts_required"
    away = status(channel_id=general.id, thread_ts="1700000000.000001", status="active")
    assert await refused(away) == "thread_not_found"
    assert await refused(status(**here, status="active", title="x" * 201)) == "invalid_arguments"
    rename = client.agents_sessions_rename
    assert await refused(rename(**here, title="T")) == "not_authorized"
    answer = await status(**here, status="processing", title="First")
    assert (answer["agent_status"], answer["title"]) == ("processing", "First")
    assert (await status(**here, status="processing", title="Second"))["title"] == "First"
    assert (await rename(**here, title="Third"))["title"] == "Third"
    slack.events.discard("agent_session_stopped")
    warned = await status(**here, status="processing")
    assert warned["warning"] == "missing_agent_session_stopped_event_subscription"
    slack.advance(3601)
    assert slack.session(general, asked.ts) == "active"


async def test_the_legacy_pane_takes_free_text(
    slack: FakeSlack, client: AsyncWebClient, ann: User
) -> None:
    slack.agent = False
    dm, thread = slack.dm(ann), await slack.open_assistant(ann)
    here: dict[str, Any] = {"channel_id": dm.id, "thread_ts": thread}
    await client.assistant_threads_setTitle(**here, title="T")
    prompt = {"title": "a", "message": "b"}
    prompts = client.assistant_threads_setSuggestedPrompts
    await prompts(**here, prompts=[prompt] * 4)
    assert (dm.id, thread) in slack.prompts
    session = client.agents_sessions_setStatus(**here, status="active")
    assert await refused(session) == "not_authorized"
    assert await refused(prompts(**here, prompts=[prompt] * 5)) == "invalid_arguments"
    status = client.assistant_threads_setStatus
    many = status(**here, status="x", loading_messages=["x"] * 11)
    assert await refused(many) == "invalid_arguments"
    await status(**here, status="is thinking…")
    assert slack.status(dm, thread) == "is thinking…"
    slack.advance(121)
    assert slack.status(dm, thread) == ""
    await status(**here, status="is thinking…")
    await client.chat_postMessage(channel=dm.id, thread_ts=thread, text="done")
    assert slack.status(dm, thread) == ""


async def test_reactions_are_added_once(
    slack: FakeSlack, client: AsyncWebClient, general: Channel, asked: Message
) -> None:
    here: dict[str, Any] = {"channel": general.id, "timestamp": asked.ts}
    await client.reactions_add(**here, name="scissors")
    assert asked.reactions == {"scissors": [slack.bot.id]}
    assert await refused(client.reactions_add(**here, name="scissors")) == "already_reacted"
    assert await refused(client.reactions_add(**here, name=":scissors:")) == "invalid_name"
    nothing: dict[str, Any] = {"channel": general.id, "timestamp": "1700000000.000001"}
    assert await refused(client.reactions_add(**nothing, name="eyes")) == "message_not_found"
    shown = await client.reactions_get(**here)
    assert shown["message"]["reactions"][0]["count"] == 1
    await client.reactions_remove(**here, name="scissors")
    assert await refused(client.reactions_remove(**here, name="scissors")) == "no_reaction"


def option(text: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": text}, "value": text[:9]}


def field(**element: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": "Field"}
    return {
        "type": "input",
        "label": label,
        "element": {"type": "static_select", "action_id": "a", **element},
    }


async def test_views_need_a_fresh_trigger(
    slack: FakeSlack, client: AsyncWebClient, ann: User
) -> None:
    text = {"type": "plain_text", "text": "Hello"}
    block = {"type": "section", "text": text}
    modal = {"type": "modal", "title": text, "blocks": [block]}
    trigger = slack._trigger(ann)
    assert await refused(client.views_open(trigger_id="1.2", view=modal)) == "invalid_trigger_id"
    for wrong in (
        {"type": "home", "blocks": [block]},
        modal | {"title": {"type": "plain_text", "text": "x" * 25}},
        modal | {"blocks": [{"type": "markdown", "text": "no"}]},
        modal | {"blocks": [{"type": "divider"}] * 101},
        modal | {"private_metadata": "x" * 3001},
        modal | {"callback_id": "x" * 256},
        modal | {"submit": {"type": "plain_text", "text": "x" * 25}},
        modal | {"blocks": [field(options=[option("x" * 76)])]},
        modal | {"blocks": [field(options=[option("a")] * 101)]},
        modal | {"blocks": [field(options=[option("a")], initial_option=option("b"))]},
        modal | {"blocks": [field(options=[option("a")])]},  # without a button to submit
        modal | {"submit": text, "blocks": [field(type="plain_text_input", max_length=3001)]},
        modal | {"submit": text, "blocks": [field(type="number_input", initial_value=3)]},
    ):
        opened = client.views_open(trigger_id=trigger, view=wrong)
        assert await refused(opened) == "invalid_arguments"
    view = (await client.views_open(trigger_id=trigger, view=modal))["view"]
    again = client.views_open(trigger_id=trigger, view=modal)
    assert await refused(again) == "exchanged_trigger_id"
    late = slack._trigger(ann)
    slack.advance(3.1)
    assert await refused(client.views_open(trigger_id=late, view=modal)) == "expired_trigger_id"
    await client.views_update(view_id=view["id"], hash=view["hash"], view=modal)
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal)
    assert await refused(stale) == "hash_conflict"
    assert len(slack.modals(ann)) == 1
    await client.views_publish(user_id=ann.id, view={"type": "home", "blocks": [block]})
    assert slack.homes[ann.id].body["blocks"][0]["text"] == text


async def test_files_go_up_in_three_steps_and_down_with_the_token(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    up = await client.files_upload_v2(
        channel=general.id, thread_ts=asked.ts, content="a,b", filename="x.csv", title="X"
    )
    shared = slack.thread(general, asked.ts)[1]
    assert [file.data for file in shared.files] == [b"a,b"]
    assert (shared.subtype, up["file"]["title"]) == ("file_share", "X")
    slack.share_seconds = 1.0  # long enough for the next two calls on a busy machine
    late = (await client.files_upload_v2(channel=general.id, content="a", filename="z"))["file"]
    assert "shares" not in late
    assert (await client.files_info(file=late["id"]))["file"]["shares"] == {}
    await slack.until(lambda: slack.history(general)[-1].files)
    shares = (await client.files_info(file=late["id"]))["file"]["shares"]
    assert shares == {"public": {general.id: [{"ts": slack.history(general)[-1].ts}]}}
    begun = await client.files_getUploadURLExternal(filename="y", length=3)
    ends = [{"id": begun["file_id"]}]
    early = client.files_completeUploadExternal(files=ends, channel_id=general.id)
    assert await refused(early) == "file_not_found"
    given = slack.file(ann, "note.txt", "what I wrote")
    message = await slack.say(ann, general, "look", asked.ts, files=[given])
    assert message.subtype == "file_share"
    info = (await client.files_info(file=given.id))["file"]
    headers = {"authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession() as session:
        short = await session.post(begun["upload_url"], data=b"12")
        assert short.status == 400
        got = await session.get(info["url_private_download"], headers=headers)
        assert await got.read() == b"what I wrote"
        got = await session.get(info["url_private_download"])
        assert (got.status, got.content_type) == (200, "text/html")
        slack.install.scopes.discard("files:read")
        got = await session.get(info["url_private_download"], headers=headers)
        assert (got.status, got.content_type) == (200, "text/html")
        slack.install.scopes.add("files:read")
        slack.delete_file(given)
        got = await session.get(info["url_private_download"], headers=headers)
        assert got.status == 404
    assert await refused(client.files_info(file=given.id)) == "file_deleted"
    far = slack.stranger("far")
    elsewhere = slack.file(far, "plan.pdf", b"%PDF")
    await slack.join(far, general)
    await slack.say(far, general, "mine", files=[elsewhere])
    seen = slack.last[0].event["files"][0]
    assert seen["file_access"] == "check_file_info"
    assert (await client.files_info(file=elsewhere.id))["file"]["name"] == "plan.pdf"


async def test_permalinks_name_the_thread(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel, asked: Message
) -> None:
    reply = await slack.say(ann, general, "reply", asked.ts)
    link = await client.chat_getPermalink(channel=general.id, message_ts=reply.ts)
    number = reply.ts.replace(".", "")
    assert link["permalink"].endswith(
        f"{general.id}/p{number}?thread_ts={asked.ts}&cid={general.id}"
    )


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's
async def test_other_workspaces_install_the_app(
    slack: FakeSlack, client: AsyncWebClient, general: Channel
) -> None:
    secrets = {"client_id": slack.client_id, "client_secret": slack.client_secret}
    code = slack.authorize("other")
    access = AsyncWebClient(base_url=slack.api_url).oauth_v2_access
    got = await access(**secrets, code=code)
    other = AsyncWebClient(got["access_token"], base_url=slack.api_url)
    assert (await other.auth_test())["team"] == "Other"
    assert await refused(access(**secrets, code=code)) == "invalid_code"
    wrong = access(client_id=slack.client_id, client_secret="x", code=slack.authorize())
    assert await refused(wrong) == "bad_client_secret"
    away = other.chat_postMessage(channel=general.id, text="x")
    assert await refused(away) == "channel_not_found"
    await slack.uninstall()
    assert await refused(client.auth_test()) == "account_inactive"


async def test_faults_are_dealt_as_planned(
    slack: FakeSlack, client: AsyncWebClient, general: Channel
) -> None:
    def post(text: str) -> Awaitable[Any]:
        return client.chat_postMessage(channel=general.id, text=text)

    slack.faults.next("chat.postMessage", Refused("fatal_error"), Limited(7), Slow(0.01))
    assert await refused(post("a")) == "fatal_error"
    with pytest.raises(SlackApiError) as caught:
        await post("b")
    assert caught.value.response.headers["Retry-After"] == "7"
    await post("slow")
    slack.faults.next("chat.postMessage", Cut(after=False), Status(502), Cut(), Status(after=True))
    for text in ("cut before", "page before"):
        with pytest.raises((aiohttp.ClientError, SlackApiError)):
            await post(text)
    assert slack.texts(general) == ["slow"]
    for text in ("cut after", "page after"):
        with pytest.raises((aiohttp.ClientError, SlackApiError)):
            await post(text)
    assert slack.texts(general) == ["slow", "cut after", "page after"]


async def test_each_answer_can_be_lost_once(
    slack: FakeSlack, client: AsyncWebClient, general: Channel
) -> None:
    slack.faults.each_once()
    for text in ("a", "b"):
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel=general.id, text=text)
        await client.chat_postMessage(channel=general.id, text=text)
    assert slack.texts(general) == ["a", "a", "b", "b"]


async def test_every_third_call_can_be_limited(slack: FakeSlack, general: Channel) -> None:
    slack.faults.every(3, Limited(0))
    patient = AsyncWebClient(
        slack.bot_token,
        base_url=slack.api_url,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=3)],
    )
    for number in range(3):
        await patient.chat_postMessage(channel=general.id, text=f"{number}")
    assert slack.texts(general) == ["0", "1", "2"]
    assert slack.faults.dealt == [("chat.postMessage", Limited(0))]


async def test_the_default_client_posts_twice_after_a_lost_answer(
    slack: FakeSlack, general: Channel
) -> None:
    slack.faults.next("chat.postMessage", Cut())
    eager = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    await eager.chat_postMessage(channel=general.id, text="twice")
    assert slack.texts(general) == ["twice", "twice"]  # why posts need another client


async def test_an_app_has_what_its_manifest_asks_for(
    slack: FakeSlack, client: AsyncWebClient, ann: User, general: Channel
) -> None:
    slack.configure(
        json.loads("""{
          "features": {"slash_commands": [{"command": "/chatbot"}],
                       "shortcuts": [{"callback_id": "export"}]},
          "oauth_config": {"scopes": {"bot": ["app_mentions:read"]}},
          "settings": {"event_subscriptions": {"bot_events": ["app_mention", "message.im"]}}}""")
    )
    await slack.say(ann, general, slack.at_bot)
    await slack.say(ann, slack.dm(ann), "subscribed, but without the scope")
    assert [post.event["type"] for post in slack.delivery.posts] == ["app_mention"]
    with pytest.raises(UnshownError):
        await slack.slash(ann, general, "/other")
    missing = client.chat_postMessage(channel=general.id, text="x")
    assert await refused(missing) == "missing_scope"
