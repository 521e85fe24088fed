"""Whatever Slack sends, and in whatever order, nothing breaks and nothing is taken for another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bots.slack.inbound.content import ids_of
from bots.slack.inbound.events import Me, deleted, edited, envelope, kind_of, parse, said, unread
from bots.slack.inbound.people import is_id, is_stranger, micros, seconds
from bots.slack.inbound.text import readable
from bots.slack.outbound.format import text_of
from bots.slack.outbound.permalinks import link_in
from bots.slack.outbound.post_keys import key_of
from core.commands.parser import parse_command
from core.delivery.port import DeliveryTarget
from core.domain.message import FOR_US, Kind, ThreadKey
from tests.odd import oddly

if TYPE_CHECKING:
    from collections.abc import Callable


def ts_of(position: int) -> str:
    """Return the timestamp of a position in microseconds."""
    return f"{position // 1_000_000}.{position % 1_000_000:06d}"


ME = Me(user="U0", bot="B0", team="T1")
BOTS = Me(user="U0", bot="B0", team="T1", dm_scope="thread", allow_bots=True)
TS = st.integers(0, 10**15).map(ts_of)
SIGNS = st.sampled_from(
    ["<@U0>", "<@U1>", "<!here>", "<", ">", "|", "&amp;", "&lt;", "<#C1|x>", "\0"]
)
TEXT = st.lists(SIGNS | st.text(max_size=5), max_size=8).map("".join)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = {
    "type": st.sampled_from(["message", "app_mention"]),
    "subtype": st.sampled_from(
        ["", "message_changed", "message_deleted", "tombstone", "file_share"]
    ),
    "channel": st.sampled_from(["C1", "D1", "G1"]),
    "channel_type": st.sampled_from(["channel", "im", "mpim", "group"]),
    "user": st.sampled_from(["U0", "U1", "USLACKBOT"]),
    "bot_id": st.sampled_from(["B0", "B1"]),
    "text": TEXT,
    "client_msg_id": st.text(max_size=4),
    "blocks": ODD,
    "attachments": ODD,
    **dict.fromkeys(("ts", "thread_ts", "event_ts", "deleted_ts"), TS),
}


def some(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with the names that messages have, and mostly values of the right kind."""
    known = {name: values | values | values | ODD for name, values in NAMES.items()}
    more = (
        dict.fromkeys(("message", "previous_message", "files"), inner | ODD)
        if inner is not None
        else {}
    )
    return st.fixed_dictionaries({}, optional={**known, **more, "edited": ODD})


BODIES = st.fixed_dictionaries(
    {"event": some(some()) | some(some()) | ODD},
    optional={"event_id": st.text(max_size=4) | ODD, "authorizations": ODD, "team_id": ODD},
)


@given(BODIES | st.dictionaries(st.text(max_size=5), ODD), st.sampled_from([ME, BOTS]))
def test_nothing_breaks(body: dict[str, Any], me: Me) -> None:
    message, edit, gone = said(body, me), edited(body, me), deleted(body, me)
    assert is_stranger(body, me) in {True, False}
    assert sum(found is not None for found in (message, edit, gone)) <= 1
    for found in (message, edit):
        if found:
            assert found.author.id not in {"U0", "B0"}
            assert found.thread.channel.startswith("T1/")
            assert ThreadKey.parse(str(found.thread)) == found.thread
            owed = found is message and found.address in FOR_US
            assert found.text or found.attachments or found.quotes or owed or found is edit
            assert found.identities


SHARED: dict[str, Any] = {
    "is_share": True,
    "author_id": "U1",
    "channel_id": "C2",
    "ts": "1700000000.000100",
    "text": "<@U1> said",
    "fields": [{"title": "a", "value": "b"}],
    "message_blocks": [{"message": {"blocks": [], "attachments": [{"text": "in"}]}}],
    "files": [{"id": "F2", "name": "b.txt"}],
    "actions": [{"text": "Go"}],
    "preview": {"title": {"text": "c"}},
}
SHOWN: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "fields": [], "accessory": {}},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
    {"type": "image", "alt_text": "b", "title": {"type": "plain_text", "text": "c"}},
    {"type": "call", "call": {"v1": {"name": "d"}}},
    {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text"}}]},
]


def formatted() -> dict[str, Any]:
    """Return formatted text with parts of many kinds."""
    parts = [
        {"type": "text", "text": "a", "style": {"code": True}},
        {"type": "link", "url": "https://a.b", "text": "c"},
        {"type": "user", "user_id": "U1"},
        {"type": "date", "timestamp": 1, "fallback": "d"},
        {"type": "list_record", "file_id": "F3", "text": "e"},
        {"type": "message_mention", "channel_id": "C2", "message_ts": "1700000000.000100"},
    ]
    listed = {"type": "rich_text_list", "style": "ordered", "offset": 1, "indent": 1}
    section = {"type": "rich_text_section", "elements": parts}
    return {"type": "rich_text", "elements": [section, {**listed, "elements": [section]}]}


def told_by_slack() -> list[dict[str, Any]]:
    """Return payloads as Slack tells them, one of each kind that is looked into."""
    message = {
        "type": "message",
        "user": "U1",
        "ts": "1700000100.000200",
        "thread_ts": "1700000000.000100",
        "parent_user_id": "U0",
        "client_msg_id": "c-1",
        "team": "T1",
        "text": "<@U0> hello <#C1|x> <https://a.b|c>",
        "edited": {"user": "U1", "ts": "1700000200.000000"},
        "user_profile": {"display_name": "ann", "real_name": "Ann"},
        "bot_profile": {"name": "app"},
        "files": [{"id": "F1", "name": "a.txt", "mimetype": "text/plain", "size": 7}],
        "metadata": {"event_type": "chatbot_reply", "event_payload": {"turn": "x", "piece": 0}},
        "blocks": [{"type": "markdown", "text": "hello"}],
    }
    where = {"channel": "C1", "channel_type": "channel", "event_ts": "1700000300.000000"}
    hidden = {"type": "message", "ts": "1700000300.000000", **where}
    told = (
        {**message, **where},
        {**message, **where, "channel": "D1", "channel_type": "im", "subtype": "file_share"},
        {**message, **where, "type": "app_mention"},
        {**message, **where, "bot_id": "B1", "subtype": "bot_message"},
        {**message, **where, "blocks": [formatted()], "attachments": []},
        {**message, **where, "text": "", "blocks": [formatted(), *SHOWN], "attachments": [SHARED]},
        {**hidden, "subtype": "message_changed", "message": message, "previous_message": {}},
        {**hidden, "subtype": "message_deleted", "deleted_ts": "1.0", "previous_message": message},
    )
    granted = [{"enterprise_id": None, "team_id": "T1", "user_id": "U0", "is_bot": True}]
    about = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1"}
    shared = {"authorizations": granted, "is_ext_shared_channel": True}
    return [{**about, **shared, "event": event} for event in told]


TOLD = told_by_slack()


@settings(max_examples=500)
@given(oddly(TOLD), st.sampled_from([ME, BOTS]))
def test_whatever_stands_in_a_payload_what_is_made_of_it_can_be_kept(
    body: dict[str, Any], me: Me
) -> None:
    kind_of(body)
    parse(body, me)
    event = body.get("event")
    shown = ids_of(event) if isinstance(event, dict) else set()
    assert all(isinstance(id_, str) for id_ in shown)
    is_stranger(body, me)
    gone = deleted(body, me)
    for found in (said(body, me), edited(body, me), unread(body, me)):
        if found is not None:
            assert ThreadKey.parse(str(found.thread)) == found.thread
            assert datetime.fromtimestamp(found.sent_at, UTC).year < 6000
            ids = (found.author.id, *(file.id for file in found.attachments))
            assert all(is_id(id_) for id_ in ids)
            assert len(found.author.name) <= 255
            assert "\0" not in f"{found.id}{found.author.name}{found.answer_in}"
            (found.text + found.author.name).encode()
    if gone is not None:
        assert ThreadKey.parse(str(gone.thread)) == gone.thread


@settings(max_examples=200)
@given(oddly([told["event"] for told in TOLD]))
def test_our_own_messages_are_read_back_whatever_stands_in_them(message: dict[str, Any]) -> None:
    thread = ThreadKey("slack", "T1/C1", "1.0")
    where = DeliveryTarget(
        thread=thread, kind=Kind.THREAD, turn="1.0", trigger="1.0", answer_in="1.0"
    )
    key = key_of(message, where, unmarked="t")
    assert key is None or (key.thread, key.turn) == (where.thread, where.turn)
    assert isinstance(text_of(message), str)


@given(TEXT)
def test_text_is_read_without_a_fault(text: str) -> None:
    assert readable(text, "U0") == readable(text, "U0").strip()
    parse_command(text, lambda link: ThreadKey("slack", "T1:C1", "1") if link_in(link) else None)


def told(ts: str, words: str, root: str, event_id: str) -> dict[str, Any]:
    event = {"type": "message", "channel": "C1", "user": "U1", "ts": ts, "text": words}
    return {"event": {**event, "thread_ts": root}, "event_id": event_id}


@given(st.permutations(range(6)), TS, TS)
def test_order_does_not_matter(order: list[int], ts: str, root: str) -> None:
    """Each event says by itself what it is about: the store makes sense of the order."""
    before = told(ts, "one", root, "")["event"]
    after = {**before, "text": "two"}
    change = {"type": "message", "channel": "C1", "previous_message": before, "event_ts": ts}
    bodies: list[dict[str, Any]] = [
        told(ts, "one", root, "Ev1"),
        told(ts, "one", root, "Ev1"),
        {**told(ts, "one", root, "Ev2"), "event": {**before, "type": "app_mention"}},
        {"event": {**change, "subtype": "message_changed", "message": after}},
        {"event": {**change, "subtype": "message_deleted", "deleted_ts": ts}},
        envelope(before, "C1", ME),
    ]
    readers: list[Callable[[dict[str, Any], Me], Any]] = [said, edited, deleted]
    seen = set()
    for index in order:
        found = next(filter(None, (read(bodies[index], ME) for read in readers)))
        message = getattr(found, "message", found)
        seen.add((message.thread, message.id))
        assert f"T1:C1:{ts}" in message.identities
    assert len(seen) == 1


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_timestamps_keep_their_order(one: int, two: int) -> None:
    assert micros(ts_of(one)) == one
    assert (one < two) <= (seconds(ts_of(one)) <= seconds(ts_of(two)))
