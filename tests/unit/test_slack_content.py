"""What people see with a message on Slack, as it comes in attachments and blocks."""

from __future__ import annotations

from typing import Any

import pytest

from bots.slack.inbound.blocks import Reader
from bots.slack.inbound.content import content_of, ids_of
from bots.slack.inbound.events import Edited, Ignored, Me, Said, parse, said, said_before
from bots.slack.inbound.text import time_at
from core.domain.message import Address, Author, Kind, Quote, QuoteKind
from tests.unit.test_slack_events import BOTS, LATER, ME, ROOT, TS, changed, payload, spoken

NAMES = {"U0BOT": "Cato", "U1": "Ann", "U2": "Bob", "C2": "ops", "S1": "crew", "T1": "Acme"}
SENT = "1764450000.000100"
LINK = "https://acme.slack.com/archives/C2/p1764450000000100"


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def section(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    return {"type": kind, "elements": list(elements)}


def word(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def shared(text: str = "Deploy failed", **more: Any) -> dict[str, Any]:
    """Return a message that a person forwards, as Slack attaches it."""
    return {
        "id": 1,
        "is_msg_unfurl": True,
        "is_share": True,
        "channel_id": "C9",
        "ts": SENT,
        "author_id": "U7",
        "author_name": "Carol",
        "text": text,
        "fallback": f"[November 29th, 2026 9:00 PM] carol: {text}",
        "from_url": LINK,
        "footer": "Posted in #ops",
        **more,
    }


def quotes(me: Me = ME, **message: Any) -> tuple[Quote, ...]:
    return content_of({"text": "", **message}, me, NAMES).quotes


def only(*attachments: dict[str, Any]) -> str:
    """Return what people see of attachments."""
    return "\n".join(quote.text for quote in quotes(attachments=list(attachments)))


# --- forwards and previews ------------------------------------------------------------------------


def test_a_forwarded_message_is_a_quote_with_its_author_its_place_and_its_time() -> None:
    (quote,) = quotes(attachments=[shared()])
    assert quote == Quote(
        kind=QuoteKind.FORWARD,
        text="Deploy failed",
        author="Carol",
        place="#ops",
        sent_at=1764450000.0001,
    )


def test_a_linked_message_is_a_preview_and_the_bots_own_is_marked() -> None:
    (quote,) = quotes(attachments=[shared(is_share=False, author_id="U0BOT")])
    assert (quote.kind, quote.by_bot) == (QuoteKind.PREVIEW, True)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"channel_name": "general"}, "#general"),
        ({"footer": "From a thread in #help-desk"}, "#help-desk"),
        ({"footer": "Slack Conversation", "channel_id": "C2"}, "#ops"),
        ({"footer": "Slack Conversation"}, ""),
        ({"footer": "Direct message"}, ""),
    ],
)
def test_where_a_forwarded_message_was_said(more: dict[str, Any], place: str) -> None:
    assert quotes(attachments=[shared(**more)])[0].place == place


def test_a_forwarded_message_may_be_blocks_only_or_files_only() -> None:
    inner = {"message": {"blocks": [rich(section(word("from blocks")))]}}
    assert only(shared("", message_blocks=[inner])) == "from blocks"
    assert only(shared("both", message_blocks=[inner])) == "both\nfrom blocks"
    assert only(shared("from blocks", message_blocks=[inner])) == "from blocks"
    file = {"id": "F1", "name": "log.txt", "mimetype": "text/plain", "size": 3}
    found = content_of({"text": "", "attachments": [shared("", files=[file])]}, ME, NAMES)
    assert [each.id for each in found.attachments] == ["F1"]
    assert found.quotes[0].text == "(a file: log.txt)"


def test_a_forwarded_alert_shows_its_own_attachments() -> None:
    alert = {"title": "HighLatency", "fields": [{"title": "Severity", "value": "critical"}]}
    inner = {"message": {"blocks": [], "attachments": [alert]}}
    assert only(shared("", message_blocks=[inner])) == "HighLatency\nSeverity: critical"


def test_a_preview_of_a_link_is_read() -> None:
    page = {
        "service_name": "GitHub",
        "title": "Fix &lt;b&gt;",
        "title_link": "https://a.b/1",
        "text": "by <@U2>",
        "from_url": "https://a.b/1",
        "image_url": "https://a.b/1.png",
        "footer": "acme/app",
    }
    (quote,) = quotes(attachments=[page])
    assert quote.kind is QuoteKind.PREVIEW
    assert quote.text == "GitHub\nFix <b> (https://a.b/1)\nby @Bob\n(a picture)\nacme/app"


def test_a_link_to_a_message_that_slack_does_not_show_says_where_it_leads() -> None:
    (quote,) = quotes(text=f"see <{LINK}>")
    assert (quote.kind, quote.text, quote.place) == (QuoteKind.PREVIEW, LINK, "#ops")
    assert quote.sent_at == 1764450000.0001
    assert [each.text for each in quotes(text=f"<{LINK}>", attachments=[shared()])] == [
        "Deploy failed"
    ]
    assert quotes(text=f"<{LINK.replace('C2', 'C8')}>") == (), "a place without a known name"


def test_a_preview_that_comes_later_changes_the_message_and_says_nothing_new() -> None:
    before = spoken("see <https://a.b>")
    now = {**before, "attachments": [{"title": "A page", "from_url": "https://a.b"}]}
    edit = parse(changed(now, before), ME)
    assert isinstance(edit, Edited)
    assert not edit.reworded
    assert [quote.text for quote in edit.message.quotes] == ["A page (https://a.b)"]
    assert isinstance(parse(changed(now, now), ME), Ignored)


# --- what apps show -------------------------------------------------------------------------------


def test_an_attachment_of_an_app_is_read_from_its_top_to_its_end() -> None:
    alert = {
        "pretext": "for <!subteam^S1>",
        "author_name": "Grafana",
        "title": "[FIRING:1] HighLatency",
        "title_link": "https://g.example/a",
        "text": "p99 is *4.2 s* on <https://k.example/7|pay-7>",
        "fields": [{"title": "Severity", "value": "critical"}, {"value": "since 9:00"}],
        "footer": "prod-eu",
        "ts": 1764450000,
        "actions": [{"type": "button", "text": "Silence"}, {"type": "button", "text": "Runbook"}],
        "fallback": "[FIRING:1] HighLatency",
    }
    (quote,) = quotes(attachments=[alert])
    assert (quote.kind, quote.author, quote.sent_at) == (QuoteKind.CARD, "Grafana", 1764450000.0)
    assert quote.text.splitlines() == [
        "for @crew",
        "[FIRING:1] HighLatency (https://g.example/a)",
        "p99 is *4.2 s* on pay-7 (https://k.example/7)",
        "Severity: critical",
        "since 9:00",
        "prod-eu",
        "[Silence] [Runbook]",
    ]


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ({"fallback": "only this"}, "only this"),
        ({"fallback": "[no preview available]"}, "(an attachment that can't be read here)"),
        ({}, "(an attachment that can't be read here)"),
        ({"image_url": "https://a.b/c.png", "fallback": "x"}, "(a picture)"),
        ({"filename": "a.zip", "is_file_attachment": True}, "(a file: a.zip)"),
        ({"list": {"title": "Tasks"}, "file_id": "F1"}, "(a list: Tasks)"),
        ({"preview": {"title": plain("Roadmap"), "subtitle": plain("Canvas")}}, "Roadmap\nCanvas"),
        ({"title": "Clip", "video_html": "<iframe>"}, "Clip\n(a video)"),
        ({"blocks": [{"type": "section", "text": mrkdwn("in *blocks*")}]}, "in *blocks*"),
        ({"text": 7, "fields": "x", "blocks": [None], "ts": [], "fallback": "f"}, "f"),
    ],
)
def test_nothing_that_an_app_attaches_is_silent(attachment: dict[str, Any], expected: str) -> None:
    assert only(attachment) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "header", "text": plain("HighLatency")}, "HighLatency"),
        (
            {
                "type": "section",
                "text": mrkdwn("*p99* of <#C2|>"),
                "fields": [mrkdwn("*pod*\npay-7"), plain("zone a")],
                "accessory": {"type": "button", "text": plain("Open"), "url": "https://a.b"},
            },
            "*p99* of #ops\n*pod*\npay-7\nzone a\n[Open] (https://a.b)",
        ),
        (
            {
                "type": "context",
                "elements": [mrkdwn("by <@U2>"), {"type": "image", "alt_text": "logo"}],
            },
            "by @Bob (picture: logo)",
        ),
        (
            {"type": "image", "alt_text": "a chart", "title": plain("Load")},
            "(picture: Load: a chart)",
        ),
        ({"type": "image"}, "(a picture)"),
        (
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "text": plain("Approve"), "value": "{secret}"},
                    {
                        "type": "static_select",
                        "placeholder": plain("Choose"),
                        "options": [{"text": plain("One"), "value": "1"}, {"text": plain("Two")}],
                    },
                ],
            },
            "[Approve] Choose\nOne Two",
        ),
        (
            {
                "type": "input",
                "label": plain("Reason"),
                "element": {"type": "plain_text_input", "placeholder": plain("Why?")},
                "hint": plain("short"),
            },
            "Reason\nshort\nWhy?",
        ),
        ({"type": "markdown", "text": "# Plan\n`List<T>` for <@U2>"}, "# Plan\n`List<T>` for @Bob"),
        (
            {
                "type": "video",
                "title": plain("Demo"),
                "title_url": "https://v.b",
                "description": plain("of it"),
                "alt_text": "a demo",
            },
            "Demo\nof it\na demo\nhttps://v.b",
        ),
        (
            {"type": "call", "call": {"v1": {"name": "Stand-up", "join_url": "https://z.b/1"}}},
            "(a call: Stand-up\nhttps://z.b/1)",
        ),
        ({"type": "call", "call_id": "R1"}, "(a call)"),
        (
            {
                "type": "table",
                "rows": [
                    [{"type": "raw_text", "text": "Name"}, {"type": "raw_text", "text": "A|B"}],
                    [rich(section(word("x", bold=True))), {"type": "raw_number", "value": 2}],
                ],
            },
            "| Name | A\\|B |\n| x | 2 |",
        ),
        (
            {
                "type": "data_table",
                "caption": "Prices",
                "rows": [[{"type": "raw_text", "text": "7"}], "x", [None]],
            },
            "Prices\n| 7 |\n|  |",
        ),
        (
            {
                "type": "data_visualization",
                "title": "Sales",
                "chart": {
                    "type": "bar",
                    "series": [{"name": "EU", "data": [{"label": "Jan", "value": 3}]}],
                },
            },
            "Sales\nEU\nJan\n3",
        ),
        (
            {
                "type": "carousel",
                "elements": [
                    {"type": "card", "title": mrkdwn("Order 7"), "body": mrkdwn("Shipped")}
                ],
            },
            "Order 7\nShipped",
        ),
        (
            {
                "type": "plan",
                "title": "Steps",
                "tasks": [
                    {"type": "task_card", "title": "Look", "details": rich(section(word("done")))}
                ],
            },
            "Steps\nLook\ndone",
        ),
        (
            {
                "type": "share_shortcut",
                "title": "Ask IT",
                "share_url": "https://slack.com/shortcuts/1",
            },
            "Ask IT\nhttps://slack.com/shortcuts/1",
        ),
        ({"type": "divider"}, ""),
        ({"type": "hologram"}, "(a part that can't be read here: hologram)"),
        ({}, "(a part that can't be read here: of an unknown kind)"),
    ],
    ids=lambda value: value.get("type", "none") if isinstance(value, dict) else "",
)
def test_a_block_reads_as_people_see_it(block: dict[str, Any], expected: str) -> None:
    assert Reader(NAMES).block(block) == expected


def test_formatted_text_keeps_lists_quotes_code_links_and_names() -> None:
    block = rich(
        section(
            word("see "),
            {"type": "link", "url": "https://a.b", "text": "the plan"},
            word(" by "),
            {"type": "user", "user_id": "U2"},
            word(" for "),
            {"type": "usergroup", "usergroup_id": "S1"},
            word(" in "),
            {"type": "channel", "channel_id": "C2"},
            word(" of "),
            {"type": "team", "team_id": "T1"},
            {"type": "emoji", "name": "tada", "unicode": "1f389"},
        ),
        {
            "type": "rich_text_list",
            "style": "ordered",
            "offset": 2,
            "elements": [section(word("three")), section(word("four", strike=True))],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 1,
            "elements": [section(word("in"))],
        },
        section(word("so\nit is"), kind="rich_text_quote"),
        section(
            {"type": "link", "url": "http://os.path", "text": "os.path"},
            word(" < 3"),
            kind="rich_text_preformatted",
        ),
        section(
            word("run "),
            {"type": "link", "url": "http://setup.sh", "text": "setup.sh", "style": {"code": True}},
            word(" "),
            {"type": "broadcast", "range": "here"},
            word(" "),
            {"type": "color", "value": "#FF0000"},
            word(" "),
            {"type": "canvas", "file_id": "F1", "label": "Notes"},
            word(" "),
            {"type": "date", "timestamp": 1392734382, "format": "{date}"},
        ),
    )
    assert Reader(NAMES).block(block).splitlines() == [
        "see the plan (https://a.b) by @Bob for @crew in #ops of Acme:tada:",
        "3. three",
        "4. ~four~",
        "    \u2022 in",
        "> so",
        "> it is",
        "```",
        "os.path < 3",
        "```",
        f"run `setup.sh` @here #FF0000 (a canvas: Notes) {time_at(1392734382)}",
    ]


def test_blocks_in_blocks_without_end_are_read_to_a_depth() -> None:
    block: dict[str, Any] = {"type": "section", "text": plain("deep")}
    for _ in range(200):
        block = {"type": "container", "child_blocks": [block]}
    assert Reader().block(block).startswith("(a part that can't be read here")


# --- what the author typed, and what is beside it -------------------------------------------------


def test_a_table_that_a_person_pasted_is_part_of_their_text() -> None:
    """Source: vercel/chat, issue 803: it comes as an attachment, and its fallback says nothing."""
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "Item A"}]]}
    pasted = {"id": 1, "blocks": [table], "fallback": "[no preview available]"}
    found = content_of(spoken("which?", attachments=[pasted]), ME, NAMES)
    assert (found.text, found.quotes) == ("which?\n| Item A |", ())
    found = content_of(spoken("which?", blocks=[rich(section(word("which?"))), table]), ME, NAMES)
    assert (found.text, found.quotes) == ("which?\n| Item A |", ())
    assert content_of(spoken("", attachments=[pasted]), ME, NAMES).text == "| Item A |"


def test_things_that_people_mention_are_named_where_their_ids_stand() -> None:
    """Source: agentconnect, pull request 1862: `text` has nothing but the id of a list."""
    record = {
        "type": "list_record",
        "file_id": "F0LIST",
        "text": "Tasks",
        "url": "https://a.b/F0LIST",
    }
    blocks = [rich(section(word("can you see "), record))]
    found = content_of(spoken("can you see F0LIST", blocks=blocks), ME, NAMES)
    assert (found.text, found.quotes) == ("can you see (a list: Tasks https://a.b/F0LIST)", ())


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "list_record", "file_id": "F1"}, "(a list)"),
        ({"type": "canvas", "file_id": "F1", "label": "Notes"}, "(a canvas: Notes)"),
        (
            {"type": "workflow_mention", "text": "Ask IT", "workflow_id": "W1"},
            "(a workflow: Ask IT)",
        ),
        (
            {"type": "work_object_mention", "text": "Deal 7", "url": "https://a.b"},
            "(Deal 7 https://a.b)",
        ),
        (
            {"type": "message_mention", "channel_id": "C2", "message_ts": SENT, "url": LINK},
            f"(a message in #ops of 2025-11-29 21:00 UTC: {LINK})",
        ),
        (
            {"type": "citation", "text": "Wiki", "url": "https://w.b"},
            "(a source: Wiki https://w.b)",
        ),
        ({"type": "canvas_user_mention", "user_id": "U2"}, "@Bob"),
        ({"type": "salesforce_data_field"}, "(salesforce data field)"),
        ({"type": "tag", "text": "urgent"}, "(urgent)"),
    ],
)
def test_a_thing_in_formatted_text_is_named(part: dict[str, Any], expected: str) -> None:
    assert Reader(NAMES).block(rich(section(part))) == expected


def test_text_that_stands_in_blocks_only_is_read_once() -> None:
    blocks = [rich(section({"type": "user", "user_id": "U0BOT"}, word(" what now?")))]
    assert content_of({"text": "", "blocks": blocks}, ME, NAMES).text == "what now?"
    assert (
        content_of({"text": "<@U0BOT> what now?", "blocks": blocks}, ME, NAMES).text == "what now?"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@U0BOT>\u3001help", "help"),
        ("<@U0BOT>: `reset`?", "`reset`?"),
        ("help <@U0BOT>", "help"),
        ("hey <@U0BOT>, help", "hey @Cato, help"),
    ],
)
def test_an_address_in_formatted_text_is_no_second_text(text: str, expected: str) -> None:
    """A post with a person's own token has blocks like theirs, but no `client_msg_id`."""
    before, mention, after = text.partition("<@U0BOT>")
    parts = [word(before), {"type": "user", "user_id": "U0BOT"}, word(after)]
    shown = [part for part in parts if part.get("text") != ""]
    message = {"text": text, "blocks": [rich(section(*shown))]}
    assert mention
    assert content_of(message, ME, NAMES).text == expected
    later = {"text": "", "blocks": [rich(section(*shown))]}
    assert content_of(later, ME, NAMES).text in {expected, text.replace("<@U0BOT>", "@Cato")}


def test_an_apps_blocks_are_a_card_unless_its_text_says_the_same() -> None:
    blocks = [{"type": "section", "text": mrkdwn("p99 is 4.2 s on pod *pay-7*")}]
    found = content_of({"text": "New alert", "bot_id": "B2", "blocks": blocks}, ME, NAMES)
    assert found.text == "New alert"
    assert found.quotes == (Quote(kind=QuoteKind.CARD, text="p99 is 4.2 s on pod *pay-7*"),)
    same = {"text": "p99 is 4.2 s on pod pay-7", "bot_id": "B2", "blocks": blocks}
    assert content_of(same, ME, NAMES).quotes == ()
    empty = {"text": "This content can't be displayed.", "bot_id": "B2", "blocks": blocks}
    assert content_of(empty, ME, NAMES).text == ""


def test_the_ids_that_a_message_shows() -> None:
    message = {
        "text": f"<@U1> <{LINK}>",
        "blocks": [
            {"type": "section", "text": mrkdwn("<@U2>")},
            rich(section({"type": "user", "user_id": "U3"})),
        ],
        "attachments": [{"text": "<#C3>", "author_id": "U4"}, shared()],
    }
    assert ids_of(message) == {"U1", "C2", "U2", "U3", "C3", "U4", "C9"}
    assert ids_of(spoken("plain", blocks=[rich(section(word("plain")))])) == set()
    assert ids_of({"text": None, "blocks": 7, "attachments": {"a": "<@U5>"}}) == {"U5"}


# --- apps, Slack, and the bot itself --------------------------------------------------------------


def test_an_app_is_heard_in_a_thread_but_may_not_talk_to_the_bot() -> None:
    event = {
        "subtype": "bot_message",
        "bot_id": "B2",
        "ts": TS,
        "text": "<@U0BOT> reset",
        "username": "Jira",
    }
    message = said(payload({**event, "thread_ts": ROOT}), ME)
    assert message
    assert message.author == Author(id="B2", name="Jira", is_app=True)
    assert message.address is Address.OTHERS
    assert said(payload(event), ME) is None, "it opens a thread, where the bot takes no part yet"
    allowed = said(payload({**event, "thread_ts": ROOT}), BOTS)
    assert allowed
    assert allowed.address is Address.MENTIONED


def test_an_edit_of_an_apps_message_says_nothing_new() -> None:
    now, before = spoken("firing", bot_id="B2"), spoken("resolved", bot_id="B2")
    edit = parse(changed(now, before), ME)
    assert isinstance(edit, Edited)
    assert not edit.reworded


def test_what_was_said_before_has_everybody_in_it() -> None:
    def name(**found: Any) -> str:
        message = said_before({"ts": TS, "thread_ts": ROOT, "text": "x", **found}, "C1", ME, NAMES)
        return f"{message.author.name} {message.address}" if message else ""

    assert name(user="U1") == "Ann nobody"
    assert name(user="U9", bot_id="B9", bot_profile={"name": "Alerts"}) == "Alerts others"
    assert name(user="U0BOT", bot_id="B0BOT") == "Cato others"
    assert name(user="USLACKBOT", subtype="huddle_thread") == "Slackbot others"
    assert name(user="U1", subtype="channel_join") == "Ann nobody"
    assert name(user="USLACKBOT", subtype="tombstone") == ""
    assert name(user="U1", text="") == ""


def test_a_huddle_is_a_message_of_slackbots() -> None:
    """Source: a payload in hackclub's bots: the text is empty, the blocks say that it started."""
    blocks = [rich(section(word("A huddle started")))]
    event = {
        "user": "USLACKBOT",
        "subtype": "huddle_thread",
        "text": "",
        "ts": TS,
        "blocks": blocks,
    }
    message = said(payload({**event, "thread_ts": ROOT}), ME)
    assert message
    assert (message.author.name, message.text) == ("Slackbot", "A huddle started")


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (
            {"name": "Sprint", "date_start": 1764450000, "date_end": 1764453600}
            | {"participant_history": ["U1", "U2", 7, "no id"], "has_ended": True},
            "(a huddle: Sprint, with @Ann, @Ben, 2025-11-29 21:00 UTC to 2025-11-29 22:00 UTC)",
        ),
        (
            {"name": "", "date_start": 1764450000, "date_end": 0, "participants": ["U1"]},
            "(a huddle: with @Ann, since 2025-11-29 21:00 UTC, still going on)",
        ),
        ({"id": "R1", "has_ended": True}, "(a huddle)"),
    ],
)
@pytest.mark.parametrize("blocks", [[], [{"type": "divider"}]])
def test_a_huddle_shows_who_was_in_it_and_when(
    room: dict[str, Any], expected: str, blocks: list[Any]
) -> None:
    """Source: anthropics/claude-code, issue 67846; payload: mattermost/mmetl, pull request 46."""
    message = {"user": "USLACKBOT", "subtype": "huddle_thread", "text": "", "ts": TS, "room": room}
    found = content_of({**message, "blocks": blocks}, ME, {"U1": "Ann", "U2": "Ben"})
    assert [quote.text for quote in found.quotes] == [expected]
    assert ids_of(message) == {id_ for id_ in ("U1", "U2") if id_ in str(room)}


@pytest.mark.parametrize("subtype", ["file_comment", "some_new_subtype"])
def test_a_direct_message_of_an_unknown_subtype_is_not_met_by_silence(subtype: str) -> None:
    event = spoken("", subtype=subtype, channel="D1", channel_type="im")
    found = parse(payload(event), ME)
    assert isinstance(found, Said)
    assert found.message.kind is Kind.DM
    for slacks in ("channel_join", "pinned_item", "reminder_add", "message_replied"):
        assert isinstance(parse(payload({**event, "subtype": slacks}), ME), Ignored)
    assert isinstance(parse(payload({**event, "hidden": True}), ME), Ignored)
    assert isinstance(parse(payload(spoken("x", subtype=subtype)), ME), Ignored), "in a channel"


def test_a_late_event_without_its_time_is_left_out() -> None:
    assert said(payload(spoken(ts="now", attachments=[shared()])), ME) is None
    assert LATER


def test_blocks_that_say_the_same_words_in_another_order_are_shown() -> None:
    block = {"type": "section", "text": mrkdwn("yes: 5, no: 3")}
    (quote,) = quotes(text="Lunch at 5: yes or no? 3 have voted", bot_id="B1", blocks=[block])
    assert quote.text == "yes: 5, no: 3"
    assert quotes(text="Result: yes: 5, no: 3.", bot_id="B1", blocks=[block]) == ()


def test_what_has_the_same_words_in_another_order_is_shown_in_attachments_and_pasted_text_too() -> (
    None
):
    card = {
        "text": "yes or no: 3 of 5",
        "blocks": [{"type": "section", "text": mrkdwn("5 yes, 3 no")}],
    }
    (quote,) = quotes(text="", bot_id="B1", attachments=[card])
    assert quote.text == "yes or no: 3 of 5\n5 yes, 3 no"
    nested = {"text": "from Ann to Bob", "attachments": [{"text": "from Bob to Ann"}]}
    (quote,) = quotes(text="", bot_id="B1", attachments=[nested, nested][:1])
    assert quote.text == "from Ann to Bob\nfrom Bob to Ann"
    repeated = {"text": "from Ann to Bob", "attachments": [{"text": "Ann to Bob"}]}
    assert quotes(text="", bot_id="B1", attachments=[repeated])[0].text == "from Ann to Bob"
    table = rich(section(word("Ann 1, Bob 2")))
    content = content_of({"text": "2 Ann, 1 Bob", "blocks": [table]}, ME, NAMES)
    assert content.text == "2 Ann, 1 Bob\nAnn 1, Bob 2"
    same = content_of({"text": "Ann 1, Bob 2!", "blocks": [table]}, ME, NAMES)
    assert same.text == "Ann 1, Bob 2!"
