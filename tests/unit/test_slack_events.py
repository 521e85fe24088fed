"""What Slack tells us of, as it was recorded and documented, and what it means to us."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bots.slack.inbound.content import is_reworded
from bots.slack.inbound.events import (
    Edited,
    FileChanged,
    Ignored,
    Me,
    RateLimited,
    Removed,
    Said,
    Stopped,
    channel_of,
    deleted,
    edited,
    envelope,
    kind_of,
    parse,
    place_of,
    said,
    unread,
)
from bots.slack.inbound.people import UNKNOWN_TYPE, is_stranger, is_ts, micros, seconds
from bots.slack.inbound.text import ids_in, readable
from core.domain.message import Address, Attachment, Author, Kind, ThreadKey

ME = Me(user="U0BOT", bot="B0BOT", team="T1")
BOTS = Me(user="U0BOT", bot="B0BOT", team="T1", allow_bots=True)
ROOT, TS, LATER = "1700000000.000100", "1700000100.000200", "1700000200.000300"


def payload(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an event as it comes, with what comes with every one."""
    return {
        "token": "x",
        "team_id": "T1",
        "context_team_id": "T1",
        "api_app_id": "A1",
        "event": {"type": "message", "channel": "C1", "channel_type": "channel", **event},
        "type": "event_callback",
        "event_id": "Ev1",
        "event_time": 1700000100,
        "authorizations": [{"enterprise_id": None, "team_id": "T1", "user_id": "U0BOT"}],
        "is_ext_shared_channel": False,
        **more,
    }


def spoken(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """Return a person's message."""
    return {"user": "U1", "ts": TS, "team": "T1", "text": text, "client_msg_id": "c-1", **more}


def address(text: str, **more: Any) -> Address:
    message = said(payload(spoken(text, **more)), ME)
    assert message
    return message.address


# --- what was said --------------------------------------------------------------------------------


def test_a_mention_in_a_channel_opens_a_thread() -> None:
    message = said(payload(spoken("<@U0BOT> hello", event_ts=TS)), ME)
    assert message
    assert message.thread == ThreadKey("slack", "T1/C1", TS)
    assert message.kind is Kind.THREAD
    assert message.id == message.answer_in == TS
    assert message.author == Author(id="U1", name="U1")
    assert message.text == "hello"
    assert message.sent_at == 1700000100.0002
    assert message.address is Address.MENTIONED
    assert message.identities == ("event:Ev1", f"T1:C1:{TS}", "client:c-1")


def test_a_mention_that_comes_twice_is_one_message() -> None:
    one = said(payload(spoken("<@U0BOT> hello")), ME)
    event = spoken("<@U0BOT> hello", type="app_mention")
    two = said(payload({**event, "channel_type": None}, event_id="Ev2"), ME)
    assert one
    assert two
    assert set(one.identities) & set(two.identities) == {f"T1:C1:{TS}", "client:c-1"}
    assert (one.thread, one.kind, one.address) == (two.thread, two.kind, two.address)


def test_a_reply_belongs_to_its_thread() -> None:
    message = said(payload(spoken(thread_ts=ROOT, parent_user_id="U2")), ME)
    assert message
    assert (message.thread.thread, message.answer_in, message.id) == (ROOT, ROOT, TS)
    assert message.address is Address.NOBODY


def test_a_dm_is_one_conversation_with_answers_in_each_thread() -> None:
    event = spoken("hi", channel="D1", channel_type="im")
    message = said(payload(event), ME)
    assert message
    assert message.thread == ThreadKey("slack", "T1/D1", "D1")
    assert (message.kind, message.address) == (Kind.DM, Address.DIRECT)
    assert message.answer_in == TS
    reply = said(payload({**event, "thread_ts": ROOT}), ME)
    assert reply
    assert (reply.thread, reply.answer_in) == (message.thread, ROOT)


def test_a_dm_may_be_a_conversation_for_each_thread() -> None:
    me = Me(user="U0BOT", team="T1", dm_scope="thread")
    message = said(payload(spoken(channel="D1", channel_type="im", thread_ts=ROOT)), me)
    assert message
    assert message.thread == ThreadKey("slack", "T1/D1", ROOT)


def test_a_group_dm_has_threads() -> None:
    message = said(payload(spoken(channel="G1", channel_type="mpim")), ME)
    assert message
    assert (message.kind, message.thread.thread) == (Kind.GROUP, TS)
    assert message.address is Address.NOBODY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so <@U0BOT> what do you say?", Address.MENTIONED),
        ("<@U0BOT|chatbot> hello", Address.MENTIONED),
        ("<@U2> and <@U0BOT>", Address.MENTIONED),
        ("<@U2> what do you say?", Address.OTHERS),
        ("<!here> lunch", Address.OTHERS),
        ("<!subteam^S1|@crew> lunch", Address.OTHERS),
        ("see <#C2|general> and <https://a.b|@here>", Address.NOBODY),
        ("@chatbot in plain letters", Address.NOBODY),
        ("&lt;@U0BOT&gt; as text", Address.NOBODY),
    ],
)
def test_whom_a_message_is_for(text: str, expected: Address) -> None:
    assert address(text, thread_ts=ROOT) is expected


def test_a_reply_to_the_bot_is_for_it_unless_it_names_somebody() -> None:
    assert address("go on", thread_ts=ROOT, parent_user_id="U0BOT") is Address.REPLIED
    assert address("<@U2>?", thread_ts=ROOT, parent_user_id="U0BOT") is Address.OTHERS


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_subtypes_that_are_words(subtype: str) -> None:
    assert said(payload(spoken(subtype=subtype)), ME)


@pytest.mark.parametrize(
    "event",
    [
        spoken(subtype="channel_join"),
        spoken(subtype="bot_message", bot_id="B2"),  # a thread in which the bot takes no part yet
        spoken(subtype="tombstone"),
        spoken(subtype="assistant_app_thread"),
        spoken(user="U0BOT"),
        spoken(bot_id="B0BOT"),
        spoken(bot_id="B2"),
        spoken(user="USLACKBOT"),
        spoken(user=""),
        spoken(""),
        spoken("  \n "),
        spoken(ts="now"),
        spoken(channel=""),
        spoken(type="reaction_added"),
        {"subtype": "message_changed", "message": spoken()},
        {"subtype": "message_replied", "message": spoken()},
    ],
)
def test_what_is_nobodys_message(event: dict[str, Any]) -> None:
    assert said(payload(event), ME) is None


def test_other_bots_count_where_it_is_set_but_never_this_one() -> None:
    me = Me(user="U0BOT", bot="B0BOT", team="T1", allow_bots=True)
    event = {"subtype": "bot_message", "bot_id": "B2", "ts": TS, "text": "hi", "username": "Jira"}
    message = said(payload(event), me)
    assert message
    assert message.author == Author(id="B2", name="Jira", is_app=True)
    assert said(payload({**event, "bot_id": "B0BOT"}), me) is None


def test_a_name_comes_from_the_message_else_it_is_the_id() -> None:
    message = said(payload(spoken(user_profile={"display_name": "", "real_name": "Ann Lee"})), ME)
    assert message
    assert message.author.name == "Ann Lee"
    message = said(payload(spoken()), ME)
    assert message
    assert message.author.name == "U1"


def test_files_come_by_reference() -> None:
    here = {"id": "F1", "name": "a.pdf", "title": "A", "mimetype": "application/pdf", "size": 9}
    elsewhere = {"id": "F2", "mode": "file_access", "file_access": "check_file_info"}
    gone = {"id": "F3", "mode": "tombstone"}
    event = spoken("", subtype="file_share", files=[here, elsewhere, gone, None, "x", {}])
    message = said(payload(event), ME)
    assert message
    assert message.text == ""
    assert message.attachments == (
        Attachment(id="F1", name="a.pdf", media_type="application/pdf", size=9),
        Attachment(id="F2", name="F2", media_type=UNKNOWN_TYPE, size=0),
    )


def test_what_is_read_from_history_is_the_same_message() -> None:
    heard = said(payload(spoken(thread_ts=ROOT)), ME)
    body = envelope(spoken(thread_ts=ROOT), "C1", ME, "channel")
    read = said(body, ME)
    assert heard
    assert read
    assert read.identities == heard.identities[1:]
    assert read.thread == heard.thread
    dm = said(envelope(spoken(), "D1", ME), ME)
    assert dm
    assert dm.kind is Kind.DM


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@U0BOT> help", "help"),
        ("  <@U0BOT>: <@U0BOT>, help ", "help"),
        ("<@U0BOT>", "@U0BOT"),
        ("ask <@U1|> or <@U9> or <@U8|eve>", "ask @U1 or @U9 or @eve"),
        ("in <#C2|general>, <#C3>, <#C4|>", "in #general, #C3, #C4"),
        ("<!here> <!channel|@channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@crew> <!subteam^S2>", "@crew @S2"),
        ("on <!date^1392734382^{date}|Feb 18>", "on Feb 18"),
        ("<https://a.b?c=1&amp;d=2>", "https://a.b?c=1&d=2"),
        ("<https://a.b|a site> <http://a.b|a.b>", "a site (https://a.b) a.b"),
        ("<mailto:a@b.c|a@b.c> <tel:+43|call>", "a@b.c call (+43)"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;@U1&amp;gt; &lt;@U1&gt;", "&lt;@U1&gt; <@U1>"),
        ("not <a sign and <> neither <", "not <a sign and <> neither <"),
        # What apps make of an address that is not set (elastic/kibana, issue 250886).
        ("SLO breached <|View in Kibana>", "SLO breached View in Kibana"),
        ("<|a &lt; b> <||> <| |x>", "a < b |  |x"),
        ("a <|> b", "a <|> b"),
        ("<@> <#> <!> <@|x> <#|x> <!|x> <!^>", "@ # @ @x #x @x @"),
        ("<!date^> <!subteam^> <mailto:> <mailto:|x>", "@subteam  x ()"),
    ],
)
def test_text_as_a_model_should_read_it(text: str, expected: str) -> None:
    assert readable(text, "U0BOT") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Slack turns what looks like an address into a link, in code too (Camille, issue 55).
        ("run `curl <http://example.com|example.com>`", "run `curl example.com`"),
        (
            "open <http://README.md|README.md>, <http://setup.sh|setup.sh>",
            "open README.md, setup.sh",
        ),
        ("```Map&lt;String, List&lt;T&gt;&gt; m;```", "```Map<String, List<T>> m;```"),
        (
            "```\nimport <http://os.path|os.path>\nto: <mailto:a@b.io|a@b.io>\n```",
            "```\nimport os.path\nto: a@b.io\n```",
        ),
        ("`<https://a.b/c?d=1&amp;e=2>`", "`https://a.b/c?d=1&e=2`"),
        (
            "`git clone <ssh://git@a.b/c|git@a.b/c>` <http://a.b|x>",
            "`git clone git@a.b/c` x (http://a.b)",
        ),
        ("`<https://a.b/pull/1/files|a.b/pull/1\u2026>`", "`a.b/pull/1/files`"),
        (
            "<https://a.b/pull/1/files|a.b/pull/1\u2026>",
            "a.b/pull/1\u2026 (https://a.b/pull/1/files)",
        ),
        ("in <http://App.tsx|App.tsx>:12 <http://a.b/|a.b>", "in App.tsx:12 a.b"),
        ("one ` and <http://a.b|x>", "one ` and x (http://a.b)"),
        ("``` open and <http://a.b|x>", "``` open and x (http://a.b)"),
        ("&amp;lt;b&amp;gt; is &lt;b&gt; &amp;amp;", "&lt;b&gt; is <b> &amp;"),
    ],
)
def test_code_and_file_names_read_as_they_were_typed(text: str, expected: str) -> None:
    assert readable(text, "U0BOT") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@U0BOT>\u00a0help", "help"),
        ("<@U0BOT>\u3001help", "help"),
        ("<@U0BOT>\uff1ahelp", "help"),
        ("<@U0BOT>!help", "!help"),
        ("help <@U0BOT>", "help"),
        ("export json <@U0BOT|bot> ", "export json"),
        ("who is <@U0BOT>", "who is @Cato"),
        ("good morning <@U0BOT>, hello", "good morning @Cato, hello"),
        ("<@U0BOT>", "@Cato"),
        ("ask <@U1>, <@U2> or <!subteam^S1>", "ask @Ann, @U2 or @crew"),
        ("see <#C1>, <#C2|>, <#C3|general>", "see #ops, #C2, #general"),
        ("on <!date^1392734382^{date}|Feb 18, 2014>", "on Feb 18, 2014"),
        ("on <!date^1392734382^{date}>", "on 2014-02-18 14:39 UTC"),
        ("<!date^1392734382^{date}^https://a.b|Feb 18>", "Feb 18 (https://a.b)"),
        ("<!date^99999999999999^{date}>", "99999999999999"),
    ],
)
def test_names_stand_for_ids_and_times_for_numbers(text: str, expected: str) -> None:
    names = {"U0BOT": "Cato", "U1": "Ann", "C1": "ops", "S1": "crew"}
    assert readable(text, "U0BOT", names) == expected


def test_the_ids_that_a_text_does_not_name() -> None:
    assert ids_in("<@U1> <@U2|bob> <#C1|> <#C2|x> <!subteam^S1> <!here> <https://a.b>") == [
        *("U1", "C1", "S1")
    ]
    assert ids_in("no sign") == []


# --- what was changed -----------------------------------------------------------------------------


def changed(now: dict[str, Any], before: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = {"subtype": "message_changed", "hidden": True, "ts": LATER}
    event |= {"event_ts": LATER, "message": now}
    if before is not None:
        event["previous_message"] = before
    return payload({**event, **more})


def test_an_edit_changes_the_words_of_a_message() -> None:
    now = spoken("Goodbye &amp; thanks", edited={"user": "U1", "ts": "1700000200.000000"})
    edit = edited(changed(now, spoken("Hello")), ME)
    original = said(payload(spoken("Hello")), ME)
    assert edit
    assert original
    assert edit.text == "Goodbye & thanks"
    assert edit.id == original.id
    assert edit.thread == original.thread
    assert edit.identities == original.identities[1:]
    assert edit.edited_at == seconds(LATER)


def test_the_documented_edit_has_no_previous_message() -> None:
    now = spoken("Bye", edited={"user": "U1", "ts": LATER})
    assert edited(changed(now, None), ME)
    assert edited(changed(spoken("Bye"), None), ME) is None


PLAN = {"id": "F1", "name": "plan.pdf", "mimetype": "application/pdf", "size": 9, "mode": "hosted"}
OTHER = {**PLAN, "id": "F2"}


@pytest.mark.parametrize(
    ("now", "left"),
    [
        pytest.param([], [], id="taken out"),
        pytest.param(None, [], id="no list"),
        pytest.param([OTHER], ["F2"], id="replaced"),
        pytest.param([PLAN, OTHER], ["F1", "F2"], id="added"),
        pytest.param([{"id": "F1", "mode": "tombstone"}], [], id="tombstone"),
        pytest.param([{"id": "F1", "mode": "tombstone"}, OTHER], ["F2"], id="one of two"),
        pytest.param([{**PLAN, "mode": "hidden_by_limit"}], [], id="hidden by the plan"),
        pytest.param([{**PLAN, "name": "x.pdf"}], ["F1"], id="renamed"),
    ],
)
def test_a_change_of_files_is_an_edit(now: list[dict[str, Any]] | None, left: list[str]) -> None:
    """Sources: wee-slack, pull request 641; slack-edge, pull request 10."""
    body = changed(spoken("Look", files=now), spoken("Look", files=[PLAN]))
    edit = edited(body, ME)
    assert edit
    assert [file.id for file in edit.attachments] == left
    assert (edit.text, edit.edited_at) == ("Look", seconds(LATER))
    assert not is_reworded(body["event"]), "it is not said now"


def test_an_edit_may_leave_nothing() -> None:
    body = changed(spoken("", files=[{"id": "F1", "mode": "tombstone"}]), spoken("", files=[PLAN]))
    edit = edited(body, ME)
    assert edit
    assert (edit.text, edit.attachments) == ("", ())
    assert not is_reworded(changed(spoken(""), spoken("Hello"))["event"])
    assert is_reworded(changed(spoken("Hello"), spoken("Hallo"))["event"])


def test_a_tombstone_tells_of_itself_where_slack_does_not_say_what_was_before() -> None:
    gone = {"id": "F1", "mode": "tombstone"}
    edit = edited(changed(spoken("Look", files=[gone]), None), ME)
    assert edit
    assert edit.attachments == ()
    assert edited(changed(spoken("Look", files=[PLAN]), None), ME) is None


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param(
            spoken(files=[{**PLAN, "thumb_360": "x", "size": 8}]),
            spoken(files=[PLAN]),
            id="thumbnail",
        ),
        pytest.param(
            spoken(files=[PLAN]),
            spoken(files=[{"id": "F1", "file_access": "check_file_info"}]),
            id="another organisation's file, described later",
        ),
        pytest.param(spoken(language={"locale": "de"}), spoken(), id="translation"),
        pytest.param(
            spoken("more", user="U0BOT", bot_id="B0BOT"),
            spoken("", user="U0BOT", bot_id="B0BOT"),
            id="own update",
        ),
        pytest.param(
            spoken("This message was deleted.", user="USLACKBOT", subtype="tombstone"),
            spoken(),
            id="tombstone",
        ),
        pytest.param(spoken("This", subtype="tombstone"), spoken(), id="tombstone of a person"),
    ],
)
def test_what_is_no_edit(now: dict[str, Any], before: dict[str, Any]) -> None:
    assert edited(changed(now, before), ME) is None


def test_a_deleted_message_is_named_by_what_it_was() -> None:
    before = spoken(thread_ts=ROOT)
    event = {"subtype": "message_deleted", "hidden": True, "deleted_ts": TS, "event_ts": LATER}
    gone = deleted(payload({**event, "ts": LATER, "previous_message": before}), ME)
    original = said(payload(before), ME)
    assert gone
    assert original
    assert (gone.thread, gone.id) == (original.thread, original.id)
    assert gone.identities == original.identities[1:]
    assert gone.stamp == seconds(LATER)
    bare = deleted(payload(event), ME)
    assert bare
    assert bare.id == TS


def test_a_tombstone_is_the_deletion_of_a_root() -> None:
    stone = {"subtype": "tombstone", "user": "USLACKBOT", "ts": TS, "thread_ts": TS, "text": "-"}
    gone = deleted(changed(stone, spoken(thread_ts=TS)), ME)
    assert gone
    assert (gone.id, gone.thread.thread) == (TS, TS)


@pytest.mark.parametrize("subtype", ["message_deleted", "message_changed"])
def test_the_bots_own_messages_may_go(subtype: str) -> None:
    event = {"subtype": subtype, "message": {"subtype": "tombstone", "ts": TS}, "deleted_ts": TS}
    own = {"user": "U0BOT", "bot_id": "B0BOT", "ts": TS, "text": "I said"}
    assert deleted(payload({**event, "previous_message": own}), ME) is None


def test_an_edit_is_no_deletion() -> None:
    assert deleted(changed(spoken("x"), spoken()), ME) is None
    assert deleted(payload({"subtype": "message_deleted", "deleted_ts": "x"}), ME) is None


# --- who and where --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "more", "expected"),
    [
        (spoken(), {}, False),
        (spoken(team="T2"), {"is_ext_shared_channel": True}, True),
        (spoken(user_team="T2"), {"is_ext_shared_channel": True}, True),
        (spoken(team="T2", source_team="T1"), {"is_ext_shared_channel": True}, False),
        (spoken(user_team="E1"), {"is_ext_shared_channel": True}, True),
        (spoken(user_team="T2"), {"is_ext_shared_channel": False}, False),
        (spoken(team="T3"), {"authorizations": [{"team_id": "T3"}]}, False),
        (spoken(team=None), {"is_ext_shared_channel": True}, False),
        ({"message": spoken(team="T2")}, {"is_ext_shared_channel": True}, True),
    ],
)
def test_strangers_are_known(
    event: dict[str, Any], more: dict[str, Any], *, expected: bool
) -> None:
    assert is_stranger(payload(event, **more), ME) is expected


def test_a_place_leads_back_to_its_channel() -> None:
    assert channel_of(place_of("C1", ME)) == "C1"


def test_timestamps_lose_no_digits() -> None:
    assert micros("1652635099.971779") == 1652635099971779
    assert micros("1.5") == 1_500_000
    assert f"{seconds('1652635099.971779'):.6f}" == "1652635099.971779"
    assert not any(map(is_ts, ("", "1", "1.", "x", "1.2.3", "-1.0", None, 1.5, "\u0661.\u0662")))
    with pytest.raises(ValueError, match="not a timestamp"):
        micros("soon")


# --- what can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", None, 7, ["hello"], {}])
def test_what_is_said_to_the_bot_and_has_no_words_is_a_message_all_the_same(text: object) -> None:
    """A shared message, a call, or nothing that anybody knows: its author is owed a word."""
    event = spoken("", channel="D1", channel_type="im") | {"text": text}
    message = said(payload(event), ME)
    assert message
    assert (message.text, message.address, message.id) == ("", Address.DIRECT, TS)
    assert said(payload({**event, "bot_id": "B2"}), BOTS) is None
    assert said(payload(spoken("") | {"text": text}), ME) is None
    mention = said(payload(spoken("", type="app_mention") | {"text": text}), ME)
    assert mention
    assert mention.address is Address.MENTIONED


@pytest.mark.parametrize("ts", ["", None, 7, "soon", "1.2.3", "9" * 12 + ".000001"])
def test_what_is_said_at_no_time_is_not_read_but_has_an_author(ts: object) -> None:
    message = said(payload(spoken("hello", channel="D1") | {"ts": ts}), ME)
    assert message
    assert (message.text, message.sent_at, message.answer_in) == ("", 0, "")
    assert message.author.id == "U1"
    assert said(payload(spoken("hello") | {"ts": ts}), ME) is None


def test_what_could_not_be_read_is_known_by_where_it_stands() -> None:
    whole = said(payload(spoken("<@U0BOT> hello", files=[{"id": "F1"}])), ME)
    bare = unread(payload(spoken("<@U0BOT> hello", files=[{"id": "F1"}])), ME)
    assert whole
    assert bare == replace(whole, text="", attachments=())
    assert unread(payload(spoken("hello")), ME) is None
    assert unread(payload(spoken("hello", channel="D1", user="U0BOT")), ME) is None


@pytest.mark.parametrize(
    "ids",
    [{"user": "x y"}, {"user": "U\0"}, {"channel": "C 1"}, {"channel": "C" * 65}, {"user": 7}],
)
def test_an_id_that_is_none_names_nobody(ids: dict[str, object]) -> None:
    assert said(payload(spoken("<@U0BOT> hello") | ids), ME) is None
    assert (
        deleted(payload({"subtype": "message_deleted", "deleted_ts": TS, "channel": "\0"}), ME)
        is None
    )


def test_names_and_types_are_no_longer_than_slacks_and_sizes_are_numbers() -> None:
    profile = {"display_name": "a" * 9000}
    files = [{"id": "F1", "name": "b" * 9000, "mimetype": "x\0/y" * 99, "size": 10**30}]
    message = said(payload(spoken("hi", user_profile=profile, files=files)), ME)
    assert message
    (file,) = message.attachments
    assert (len(message.author.name), len(file.name)) == (255, 255)
    assert (file.media_type, file.size) == (UNKNOWN_TYPE, 0)


def test_the_log_names_a_payload_by_its_kind_alone() -> None:
    event = {"type": "message", "subtype": "secret words"}
    assert kind_of({"type": "event_callback", "event": event}) == "event_callback/message/?"
    assert kind_of({"type": ["x"], "event": "y"}) == "?"
    assert kind_of({}) == "?"


# --- one parse for each payload -------------------------------------------------------------------

OTHER_TEAM = {"is_ext_shared_channel": True, "authorizations": []}


def test_a_payload_is_parsed_into_what_a_person_did() -> None:
    asked = payload(spoken("<@U0BOT> hello"))
    message = said(asked, ME)
    assert message is not None
    assert parse(asked, ME) == Said(message=message, by_stranger=False)
    stranger = parse(payload(spoken("<@U0BOT> hello", team="T9"), **OTHER_TEAM), ME)
    assert isinstance(stranger, Said)
    assert stranger.by_stranger
    now = spoken("Hallo", edited={"user": "U1", "ts": LATER})
    edit = {"subtype": "message_changed", "message": now, "previous_message": spoken("Hello")}
    found = parse(payload(edit), ME)
    assert isinstance(found, Edited)
    assert (found.message.text, found.reworded, found.by_stranger) == ("Hallo", True, False)
    gone = {"subtype": "message_deleted", "deleted_ts": TS, "previous_message": spoken()}
    assert parse(payload(gone), ME) == deleted(payload(gone), ME)


def test_a_payload_is_parsed_into_what_slack_reports() -> None:
    stop = {"type": "agent_session_stopped", "thread_ts": ROOT, "user": "U1", "event_ts": LATER}
    found = parse(payload(stop), ME)
    assert isinstance(found, Stopped)
    assert (found.thread, found.root) == (ThreadKey("slack", "T1/C1", ROOT), ROOT)
    assert (found.person, found.at) == ("U1", seconds(LATER))
    assert parse(payload(stop | {"thread_ts": "x"}), ME) == Ignored()
    assert parse(payload({"type": "file_deleted", "file_id": "F1"}), ME) == FileChanged("F1")
    assert parse(payload({"type": "tokens_revoked"}), ME) == Removed("tokens_revoked")
    assert parse({"type": "app_rate_limited"}, ME) == RateLimited()


def test_a_message_that_says_nothing_to_the_bot_is_ignored_and_the_rest_is_for_listeners() -> None:
    assert parse(payload(spoken(user="U0BOT")), ME) == Ignored()
    assert parse(payload({"subtype": "channel_join", "ts": TS, "user": "U1"}), ME) == Ignored()
    unfurled = {"message": spoken(), "previous_message": spoken()}
    assert parse(payload(unfurled | {"subtype": "message_changed"}), ME) == Ignored()
    assert parse(payload({"type": "app_home_opened", "tab": "home"}), ME) is None
    assert parse({"type": "block_actions"}, ME) is None
