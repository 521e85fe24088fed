"""What people see with a message on Discord, as a text for the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.discord.inbound.audience import AccessList, AccessLists
from bots.discord.inbound.content import ids_of, people_in, whole_text
from bots.discord.inbound.events import ChannelInfo, Me, said
from bots.discord.inbound.people import file_name
from bots.discord.inbound.shown.cards import cards_of
from bots.discord.inbound.text import code_in, ids_in, links_in, readable
from bots.discord.outbound.threads import title
from core.domain.message import QuoteKind
from tests.odd import oddly

ANN = {"id": "100000000000000002", "username": "ann", "global_name": "Ann"}
GUILD, GENERAL = "200000000000000001", "300000000000000001"
EMBED = {
    "type": "rich",
    "provider": {"name": "GitHub"},
    "author": {"name": "octocat"},
    "title": "Build 17",
    "url": "https://ci.example/17",
    "description": "It is **red**.",
    "fields": [{"name": "host", "value": "web-3"}, {"name": "", "value": "disk full"}],
    "image": {"url": "https://x/y.png", "description": "a graph"},
    "footer": {"text": "CI"},
    "timestamp": "2026-11-29T09:00:00+00:00",
}
RESULT = {
    "type": "poll_result",
    "fields": [
        {"name": "poll_question_text", "value": "Pizza?"},
        {"name": "victor_answer_text", "value": "Yes"},
        {"name": "victor_answer_votes", "value": "3"},
        {"name": "total_votes", "value": "5"},
    ],
}
POLL = {
    "question": {"text": "Pizza?"},
    "answers": [
        {"answer_id": 1, "poll_media": {"text": "Yes", "emoji": {"name": "\N{SLICE OF PIZZA}"}}},
        {"answer_id": 2, "poll_media": {"text": "No"}},
    ],
    "expiry": "2026-11-29T09:00:00+00:00",
    "allow_multiselect": True,
    "results": {"is_finalized": True, "answer_counts": [{"id": 2, "count": 1}]},
}
V2 = [
    {
        "type": 17,
        "components": [
            {
                "type": 9,
                "components": [{"type": 10, "content": "Ticket 42"}],
                "accessory": {"type": 11, "media": {"url": "https://x/y/fire.png?z"}},
            },
            {"type": 14},
            {"type": 12, "items": [{"media": {}, "description": "a printer"}]},
            {"type": 13, "file": {"url": "attachment://log.txt"}},
            {"type": 1, "components": [{"type": 2, "label": "Docs", "url": "https://d.example"}]},
            {"type": 1, "components": [{"type": 2, "emoji": {"name": "x"}}, {"type": 2}]},
            {
                "type": 1,
                "components": [
                    {"type": 3, "placeholder": "Urgency", "options": [{"label": "low"}]},
                    {"type": 5},
                ],
            },
            {"type": 99, "label": "Something new"},
            {"type": 98},
        ],
    }
]


def shown(**payload: Any) -> list[str]:
    return [each.text for each in cards_of({"author": ANN, **payload}, str)]


def kinds(**payload: Any) -> list[QuoteKind]:
    return [each.kind for each in cards_of(payload, str)]


def test_an_embed_is_read_in_the_order_in_which_people_see_it() -> None:
    (text,) = shown(embeds=[EMBED])
    assert text == (
        "GitHub\noctocat\nBuild 17 (https://ci.example/17)\nIt is **red**.\nhost: web-3\n"
        "disk full\nImage: a graph\nCI, 2026-11-29 09:00 UTC"
    )
    assert kinds(embeds=[EMBED], author=ANN) == [QuoteKind.PREVIEW]
    assert kinds(embeds=[EMBED], author=ANN | {"bot": True}) == [QuoteKind.CARD]
    assert kinds(embeds=[EMBED], author=ANN, webhook_id="1") == [QuoteKind.CARD]


def test_what_has_no_words_is_named() -> None:
    assert shown(embeds=[{"type": "gift"}]) == ["A gift"]
    assert shown(embeds=[{"type": "age_check"}]) == ["An embed without words (age_check)"]
    assert shown(sticker_items=[{"id": "1", "name": "Wave"}]) == ["Sticker: Wave"]
    assert shown(activity={"type": 1}, application={"name": "Chess"}) == [
        "An invitation to play: Chess"
    ]
    assert shown(activity={"type": 9}) == ["An activity"]
    assert shown(checkpoint_data={"year": 2025}) == [
        "Something that can't be shown here (checkpoint_data)"
    ]
    assert shown(content="hi", checkpoint_data={"year": 2025}) == []
    assert shown() == []


def test_a_poll_is_read_with_its_votes_and_its_end() -> None:
    assert shown(poll=POLL) == [
        (
            "Poll: Pizza?\n- \N{SLICE OF PIZZA} Yes (0 votes)\n- No (1 vote)\n"
            "More than one answer may be chosen.\nThe poll has ended."
        )
    ]
    open_ = {key: value for key, value in POLL.items() if key != "results"}
    assert shown(poll=open_)[0].endswith("The poll ends at 2026-11-29 09:00 UTC.")
    assert shown(embeds=[RESULT]) == ["The poll has ended: Pizza?\nYes won, with 3 of 5 votes"]


def test_components_are_read_by_their_texts_and_labels() -> None:
    assert shown(components=V2) == [
        (
            "Ticket 42\nImage: fire.png\nImage: a printer\nFile: log.txt\n"
            "Button: Docs (https://d.example)\nButton: x\nButton: no label\nMenu: Urgency: low\n"
            "Menu: no label\nSomething new\nSomething that can't be shown here"
        )
    ]
    deep: dict[str, Any] = {"type": 10, "content": "deep"}
    for _ in range(1000):
        deep = {"type": 17, "components": [deep]}
    assert shown(components=[deep]) == ["Something that can't be shown here"]


def test_who_gave_a_command_is_named() -> None:
    given_by = {"interaction_metadata": {"type": 2, "user": ANN}}
    assert shown(content="x", **given_by) == ["Ann used a command"]
    assert shown(content="x", interaction={"name": "weather", "user": ANN}, **given_by) == [
        "Ann used /weather"
    ]
    pressed = {"type": 3, "user": ANN}
    assert shown(content="x", interaction_metadata=pressed) == ["Ann used a button or a menu"]


def test_what_people_see_of_files_is_known() -> None:
    voice = {"id": "5", "filename": "voice-message.ogg", "duration_secs": 3.2}
    assert shown(flags=1 << 13, attachments=[voice]) == ["A voice message of 3 seconds"]
    odd = voice | {"duration_secs": "long"}
    assert shown(flags=1 << 13, attachments=[odd]) == ["A voice message"]
    cat = {"id": "6", "filename": "a.png", "description": "a cat"}
    assert shown(attachments=[cat]) == ["a.png shows: a cat"]
    clip = {"flags": 1, "clip_participants": [ANN], "application": {"name": "Chess"}}
    assert shown(attachments=[clip]) == ["A clip of Chess with Ann"]
    assert shown(attachments=[{"flags": 1}]) == ["A clip"]
    assert shown(attachments=[{"id": "7", "filename": "b.txt"}]) == []


@pytest.mark.parametrize(
    ("name", "stated", "wanted"),
    [
        ("rsum.pdf", "r\u00e9sum\u00e9", "r\u00e9sum\u00e9.pdf"),
        ("a.pdf", "a.pdf", "a.pdf"),
        ("a.pdf", None, "a.pdf"),
        ("README", "LIES MICH", "LIES MICH"),
    ],
)
def test_a_file_has_the_name_that_people_see(name: str, stated: str | None, wanted: str) -> None:
    assert file_name({"filename": name, "title": stated}) == wanted


def test_a_forward_within_a_reply_is_read_whole() -> None:
    inner = {"message": {"content": "far <@5>", "mentions": [{"id": "5", "username": "eve"}]}}
    before = {
        "author": ANN,
        "content": "near",
        "message_snapshots": [inner],
        "attachments": [{"id": "1", "filename": "a.txt"}],
    }
    assert whole_text(before, {}) == "near\nfar @eve\nFile: a.txt"
    assert whole_text({"content": ""}, {}) == "(This message has no text.)"


def test_ids_are_found_in_all_that_a_message_shows() -> None:
    payload = {
        "content": "<@1> <#2>",
        "embeds": [{"fields": [{"value": "<@&3> <@!4>"}]}],
        "mentions": [{"id": "1", "username": "ann"}],
        "message_reference": {"channel_id": "6"},
        "referenced_message": {"author": {"id": "7", "username": "ben"}, "content": "<@8>"},
    }
    assert ids_of(payload) == {"1", "2", "3", "4", "6", "7", "8"}
    assert people_in(payload) == {"4", "7", "8"}
    assert people_in({"content": "<@1>", "mentions": [{"id": "1"}]}) == set()


def test_the_channels_of_a_published_message_have_names() -> None:
    shown = {"content": "see <#7>", "mention_channels": [{"id": "7", "name": "news"}]}
    assert whole_text(shown, {}) == "see #news"


def test_no_list_has_to_name_an_app_whose_words_are_only_context() -> None:
    staff = AccessLists(roles=AccessList(allowed=frozenset({"1"})))
    here = ChannelInfo(id=GENERAL, guild=GUILD)
    assert staff.allow(here, "5", (), is_app=True)
    assert not staff.allow(here, "5", ())
    denied = AccessLists(users=AccessList(denied=frozenset({"5"})))
    assert not denied.allow(here, "5", (), is_app=True)
    elsewhere = AccessLists(channels=AccessList(denied=frozenset({GENERAL})))
    assert not elsewhere.allow(here, "5", (), is_app=True)


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a `b` c", ["`b`"]),
        ("``a`b``", ["``a`b``"]),
        ("```py\nx\n``` y", ["```py\nx\n```"]),
        ("x ```a``` `b`", ["```a```", "`b`"]),
        ("a ` b", []),
        ("\\`a\\`", []),
        ("`a\\`", ["`a\\`"]),
        ("````a````", ["````a```"]),
        ("```", []),
        ("```b a`", ["```b a`"]),
        ("``` b ` c ``", ["``` b ` c ``"]),
        ("`" * 9, ["`" * 7]),
        ("```py\n```", ["```py\n```"]),
        ("```py\n\nx```", ["```py\n\nx```"]),
        ("``` ``` x", ["``` ```"]),
        ("`a ``b`` c`", ["`a ``b`` c`"]),
    ],
)
def test_code_stands_where_discord_draws_it(text: str, code: list[str]) -> None:
    assert [text[start:end] for start, end in code_in(text)] == code


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<t:1764406800> <t:1764406800:R>", "2025-11-29 09:00 UTC 2025-11-29 09:00 UTC"),
        ("<t:9999999999999:F>", "<t:9999999999999:F>"),
        ("`<t:1:R>` <id:customize> <id:guide>", "`<t:1:R>` Channels & Roles Server Guide"),
        ("</chatbot help:12> <a:dance:12> <sound:0:12>", "/chatbot help :dance: :sound:"),
        ("\\<@5> <@5> <@6> <#7> <@&8>", "\\<@5> @Ann @unknown-user #unknown @unknown-role"),
        ("```\n<@5>\n``` <@5>", "```\n<@5>\n``` @Ann"),
        ("a < b <3 <x>", "a < b <3 <x>"),
    ],
)
def test_what_discord_writes_in_signs_is_read_as_people_see_it(text: str, wanted: str) -> None:
    assert readable(text, (), {"5": "Ann"}) == wanted


def test_a_link_to_a_message_is_named_by_its_channel() -> None:
    base = f"https://discord.com/channels/{GUILD}/{GENERAL}"
    text = f"{base}/{GENERAL} {base} `{base}/1{GENERAL}`"
    assert links_in(text, {GENERAL: "general"}, GUILD) == [
        f"{base}/{GENERAL} leads to a message in #general",
        f"{base} leads to #general",
    ]
    assert links_in(base, {GENERAL: "general"}, "9") == [f"{base} leads to another server"]
    assert ids_in("https://discord.com/channels/@me/100000000000000001") == {"100000000000000001"}
    assert links_in(base, {}, GUILD) == [f"{base} leads to a channel that I can't see"]
    mine = f"https://ptb.discord.com/channels/@me/{GENERAL}/{GUILD}"
    assert links_in(mine, {}, "") == [f"{mine} leads to a message in direct messages"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("||Snape did it|| why?", "(spoiler) why?"),
        ("||a `||` b|| c ||d", "(spoiler) c ||d"),
        ("**why** is `x = <t:1:F>` __so__?\nsecond", "why is x = <t:1:F> so? second"),
        ("```py\nprint('a')\n```\nwhy?", "print('a') why?"),
        ("[free nitro](https://evil.example/x) legit?", "free nitro (evil.example) legit?"),
        ("# Big\n> quoted _it_ snake_case_name \\*x\\*", "Big quoted it snake_case_name *x*"),
        (f"see https://discord.com/channels/{GUILD}/{GENERAL}/{GENERAL}", "see a linked message"),
        ("", "Conversation"),
    ],
)
def test_a_threads_name_has_no_markdown_and_tells_no_spoiler(asked: str, wanted: str) -> None:
    assert title(asked) == wanted


TOLD = (
    {"embeds": [EMBED, RESULT], "components": V2, "poll": POLL, "author": ANN},
    {
        "message_snapshots": [{"message": {"content": "x", "embeds": [EMBED]}}],
        "sticker_items": [{"name": "Wave"}],
        "activity": {"type": 1},
        "interaction_metadata": {"user": ANN},
        "flags": 1 << 13,
        "attachments": [{"flags": 1, "clip_participants": [ANN], "duration_secs": 3}],
    },
)


@given(oddly(TOLD), st.sampled_from([0, 19, 20, 46]))
def test_whatever_a_message_shows_nothing_is_raised(made: dict[str, Any], kind: int) -> None:
    whole_text(made, {})
    ids_of(made)
    people_in(made)
    full = {**made, "id": "1300000000000000000", "type": kind, "author": ANN}
    message = said(full, ChannelInfo(id="5"), Me(user="6"))
    assert message is None or all(isinstance(each.text, str) for each in message.quotes)
