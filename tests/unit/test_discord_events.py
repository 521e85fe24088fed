"""What Discord tells us of, as documented, and what it means to us."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord import ids
from bots.discord.inbound.events import (
    BULK_DELETED,
    CREATED,
    DELETED,
    UPDATED,
    ChannelInfo,
    Deleted,
    Edited,
    Me,
    Said,
    edited,
    is_withheld,
    parse,
    said,
    states_files,
    titled,
    unread,
)
from bots.discord.inbound.people import UNKNOWN_TYPE
from bots.discord.inbound.text import readable
from bots.discord.outbound.read_back import find, is_ours, is_silent
from core.delivery.port import DeliveryTarget
from core.domain.message import Address, Kind, Quote, QuoteKind, ThreadKey
from tests.odd import oddly

BOT, ANN, BEN, ROLE = "100000000000000001", "100000000000000002", "100000000000000003", "1000000009"
GUILD, CHANNEL, THREAD, ID = "20000001", "20000002", "20000003", "1300000000000000000"
ME = Me(user=BOT)
IN_CHANNEL = ChannelInfo(id=CHANNEL, guild=GUILD, opens_threads=True, role=ROLE)
IN_THREAD = ChannelInfo(id=THREAD, guild=GUILD, parent=CHANNEL)
IN_DM = ChannelInfo(id="30000001")
IN_POST = replace(IN_THREAD, id=ID, is_post=True, title="How?", tags=("a", "b"), owner=ANN)


def user(id_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "username": name, "global_name": name.title(), **more}


def payload(content: str = "Hello", **more: Any) -> dict[str, Any]:
    """Return a person's message, as MESSAGE_CREATE has it."""
    return {
        "id": ID,
        "type": 0,
        "channel_id": CHANNEL,
        "author": user(ANN, "ann"),
        "member": {"nick": None, "roles": []},
        "content": content,
        "mentions": [],
        "mention_everyone": False,
        "attachments": [],
        "embeds": [],
        "edited_timestamp": None,
        **more,
    }


def reply(whose: str, **more: Any) -> dict[str, Any]:
    before = payload("before", id=str(int(ID) - (1 << 30)), author=user(whose, "x"))
    reference = {"type": 0, "message_id": before["id"], "channel_id": CHANNEL}
    return {"type": 19, "message_reference": reference, "referenced_message": before, **more}


# --- where it belongs -----------------------------------------------------------------------------


def test_a_mention_in_a_channel_opens_a_thread_with_the_messages_id() -> None:
    message = said(payload(f"<@{BOT}> hello"), IN_CHANNEL, ME)
    assert message
    assert message.thread == ThreadKey("discord", f"{GUILD}/{CHANNEL}", ID)
    assert (message.answer_in, message.kind, message.text) == (ID, Kind.THREAD, "hello")
    assert message.address is Address.MENTIONED
    assert message.sent_at == pytest.approx(ids.seconds(ID))
    assert message.author.name == "Ann"


@pytest.mark.parametrize(
    ("spot", "me"),
    [(replace(IN_CHANNEL, opens_threads=False), ME), (IN_CHANNEL, replace(ME, threads=False))],
)
def test_where_no_thread_can_or_shall_be_it_is_the_channels_conversation(
    spot: ChannelInfo, me: Me
) -> None:
    message = said(payload(f"<@{BOT}> hello"), spot, me)
    assert message
    assert message.thread == ThreadKey("discord", f"{GUILD}/{CHANNEL}", CHANNEL)
    assert (message.answer_in, message.kind) == (CHANNEL, Kind.GROUP)


def test_the_starters_duplicate_is_the_same_message() -> None:
    first = said(payload(f"<@{BOT}> hello"), IN_CHANNEL, ME)
    inside = said(payload(f"<@{BOT}> hello"), ChannelInfo(id=ID, guild=GUILD, parent=CHANNEL), ME)
    assert first
    assert inside
    assert (first.thread, first.id, first.identities) == (
        inside.thread,
        inside.id,
        inside.identities,
    )
    assert said(payload("", type=21), IN_THREAD, ME) is None


def test_in_a_thread_everything_counts_and_in_a_channel_only_what_is_for_the_bot() -> None:
    message = said(payload(), IN_THREAD, ME)
    assert message
    assert message.address is Address.NOBODY
    assert message.thread == ThreadKey("discord", f"{GUILD}/{CHANNEL}", THREAD)
    assert said(payload(), IN_CHANNEL, ME) is None
    assert said(payload("@everyone hi", mention_everyone=True), IN_CHANNEL, ME) is None


def test_a_dm_is_for_the_bot() -> None:
    message = said(payload(), IN_DM, ME)
    assert message
    assert (message.kind, message.address) == (Kind.DM, Address.DIRECT)
    assert message.thread == ThreadKey("discord", "dm/30000001", "30000001")


# --- whom it is for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "address"),
    [
        (payload(f"hi <@{BOT}>"), Address.MENTIONED),
        (payload(f"hi <@!{BOT}> and <@{BEN}>"), Address.MENTIONED),
        (payload(f"hi <@&{ROLE}>"), Address.MENTIONED),
        (payload(f"hi <@{BEN}>"), Address.OTHERS),
        (payload("hi <@&777>"), Address.OTHERS),
        (payload("@everyone", mention_everyone=True), Address.OTHERS),
        (payload(**reply(BOT)), Address.REPLIED),
        (payload(**reply(BEN)), Address.OTHERS),
        (payload(f"<@{BOT}> what does he mean?", **reply(BEN)), Address.MENTIONED),
        (payload(**reply(ANN)), Address.NOBODY),
        (payload(f"and <@{BEN}>?", **reply(ANN)), Address.OTHERS),
        (payload("@everyone", mention_everyone=True, **reply(ANN)), Address.OTHERS),
        (payload(**reply(BEN, referenced_message=None)), Address.NOBODY),
        (payload(f"<@{BEN}>", **reply(BEN, referenced_message=None)), Address.OTHERS),
        (
            payload(**reply(BEN, referenced_message=None), mentions=[user(BEN, "ben")]),
            Address.OTHERS,
        ),
        (payload(message_reference={"type": 0, "message_id": "1"}, type=19), Address.OTHERS),
        (payload(**reply(BEN, referenced_message={})), Address.OTHERS),
        (payload(f"is `id == '<@{BOT}>'` right?"), Address.NOBODY),
        (payload(f"```py\nif '<@{BOT}>':\n```"), Address.NOBODY),
        (payload(f"see ```<@&{ROLE}>``` there"), Address.NOBODY),
        (payload(f"``<@{BOT}> ` ``"), Address.NOBODY),
        (payload(f"> `<@{BOT}>` ||`<@{BEN}>`||"), Address.NOBODY),
        (payload(f"`<@{BOT}>`", **reply(BOT)), Address.REPLIED),
        (payload(f"`x` <@{BOT}> `y`"), Address.MENTIONED),
        (payload(f"`unclosed <@{BOT}>"), Address.MENTIONED),
        (payload(f"\\`<@{BOT}>\\`"), Address.MENTIONED),
        (payload(f"type \\<@{BOT}> to ask"), Address.NOBODY),
        (payload(f"C:\\\\<@{BOT}>"), Address.MENTIONED),
        (payload(f"~~~\n<@{BOT}>\n~~~"), Address.MENTIONED),
        (payload(f"<@{BOT}> hi", flags=1 << 12), Address.MENTIONED),
        (
            payload(**reply(BEN, referenced_message=None), mentions=[user(BOT, "bot")]),
            Address.REPLIED,
        ),
        (payload("see", message_reference={"type": 1, "message_id": "1"}), Address.NOBODY),
    ],
)
def test_whom_a_message_in_a_thread_is_for(made: dict[str, Any], address: Address) -> None:
    message = said(made, replace(IN_THREAD, role=ROLE), ME)
    assert message
    assert message.address is address


def test_a_reply_to_the_bot_in_a_channel_stays_there() -> None:
    message = said(payload(**reply(BOT), mentions=[user(BOT, "bot")]), IN_CHANNEL, ME)
    assert message
    assert (message.address, message.answer_in) == (Address.REPLIED, CHANNEL)


@pytest.mark.parametrize(
    "more",
    [
        {"author": user(BOT, "me")},
        {"type": 7},
        {"type": 18},
        {"type": 20},
        {"author": None},
    ],
)
def test_what_is_no_persons_message(more: dict[str, Any]) -> None:
    assert said(payload(**more), IN_DM, ME) is None


def test_other_bots_talk_to_it_where_they_are_allowed_and_webhooks_never() -> None:
    me = replace(ME, allow_bots=True)
    robot = payload(f"<@{BOT}> hello", author=user(BEN, "bot", bot=True))
    for made, who, address in (
        (robot, me, Address.MENTIONED),
        (robot, ME, Address.OTHERS),
        (robot | {"webhook_id": "1"}, me, Address.OTHERS),
        (robot | {"type": 20}, ME, Address.OTHERS),
        (payload("", type=46, embeds=[{"type": "poll_result"}]), me, Address.OTHERS),
    ):
        message = said(made, IN_THREAD, who)
        assert message
        assert (message.address, message.author.is_app) == (address, True)
    assert said(robot, IN_CHANNEL, ME) is None
    assert said(payload(author=user(BOT, "me", bot=True)), IN_DM, me) is None


def test_the_name_on_the_server_comes_first() -> None:
    message = said(payload(member={"nick": "Annie", "roles": []}), IN_THREAD, ME)
    assert message
    assert message.author.name == "Annie"


def test_ids_are_read_as_names() -> None:
    text = f"<@{BOT}>, tell <@{BEN}> of <#{CHANNEL}> <:wave:12> </help:5> <@&9>"
    names = {BEN: "Ben", CHANNEL: "general"}
    assert readable(text, [BOT], names) == "tell @Ben of #general :wave: /help @unknown-role"
    assert readable(f"<@{BOT}>", [BOT], {BOT: "Bot"}) == "@Bot"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"help <@{BOT}>", "help"),
        (f"`Help`, <@!{BOT}> !", "`Help`,!"),
        (f"reset <@&{ROLE}>?", "reset?"),
        (f"<@{BOT}> stats <@{BOT}>", "stats"),
        (f"help me <@{BOT}>", "help me @Bot"),
        (f"help <@{BEN}>", "help @Ben"),
        (f"help <@{BOT}> please", "help @Bot please"),
        (f"<@{BOT}> <@{BOT}>", "@Bot @Bot"),
        (f"<@{BOT}>、help", "help"),
        (f"<@{BOT}>：<@{BOT}>，help", "help"),  # noqa: RUF001
    ],
)
def test_a_mention_behind_a_command_is_no_part_of_it(text: str, read: str) -> None:
    assert readable(text, [BOT, ROLE], {BOT: "Bot", BEN: "Ben", ROLE: "bots"}) == read


def test_files_are_kept_by_reference_also_of_a_forwarded_message() -> None:
    file = {"id": "77", "filename": "a.txt", "content_type": "text/plain; charset=utf-8", "size": 3}
    message = said(payload("", attachments=[file], channel_id=IN_DM.id), IN_DM, ME)
    assert message
    (attachment,) = message.attachments
    assert (attachment.id, attachment.media_type) == (f"30000001/{ID}/77", "text/plain")
    forwarded = [{"message": {"content": "far away", "attachments": [file]}}]
    message = said(payload("", message_snapshots=forwarded), IN_DM, ME)
    assert message
    assert (message.text, len(message.attachments)) == ("", 1)
    assert [each.text for each in message.quotes] == ["far away\nFile: a.txt"]


# --- events ---------------------------------------------------------------------------------------


def test_an_event_is_parsed_into_what_it_says() -> None:
    mention = payload(f"<@{BOT}> hello")
    message = said(mention, IN_CHANNEL, ME)
    assert message
    assert parse(CREATED, mention, IN_CHANNEL, ME) == Said(message)
    assert parse(CREATED, payload(), IN_CHANNEL, ME) is None
    update = mention | {"edited_timestamp": "2026-01-02T03:04:05.678000+00:00"}
    edit = parse(UPDATED, update, IN_CHANNEL, ME)
    assert isinstance(edit, Edited)
    assert edit.keys == IN_CHANNEL.keys(ID)
    assert (edit.message.text, edit.has_files, edit.is_heard) == ("hello", True, True)
    bare = parse(UPDATED, update | {"content": "hello"}, IN_CHANNEL, ME)
    assert isinstance(bare, Edited)
    assert not bare.is_heard, "it no longer mentions the bot"


def test_a_deletion_counts_in_a_channel_that_is_no_longer_seen() -> None:
    assert parse(DELETED, {"id": ID}, None, ME) == Deleted((ID,))
    assert parse(BULK_DELETED, {"ids": ["7", None, "5", "x"]}, IN_THREAD, ME) == Deleted(("5", "7"))
    for kind in (CREATED, UPDATED):
        assert parse(kind, payload(f"<@{BOT}> hello"), None, ME) is None


# --- edits, and what is withheld ------------------------------------------------------------------


def test_the_opening_message_of_a_post_bears_its_title_and_no_other_does() -> None:
    title = Quote(kind=QuoteKind.TITLE, text="How?\nTags: a, b")
    opening = said(payload(f"<@{BOT}> see title", channel_id=ID), IN_POST, ME)
    assert opening
    assert (opening.text, opening.quotes) == ("see title", (title,))
    assert opening.thread == ThreadKey("discord", f"{GUILD}/{CHANNEL}", ID)
    only = said(payload("", channel_id=ID), replace(IN_POST, title="a\n> b", tags=()), ME)
    assert only
    assert (only.text, only.quotes) == ("", (replace(title, text="a\n> b"),))
    for spot, more in (
        (IN_POST, {"id": str(int(ID) + 1)}),
        (replace(IN_POST, is_post=False), {}),
        (IN_CHANNEL, {}),
        (IN_CHANNEL, {"thread": {"id": ID, "name": "see title", "owner_id": BOT}}),
    ):
        message = said(payload(f"<@{BOT}> see title", **more), spot, ME)
        assert message
        assert (message.text, message.quotes) == ("see title", ())
    theirs = {"id": ID, "name": "How?", "owner_id": ANN}
    message = said(payload(f"<@{BOT}> hm", thread=theirs), IN_CHANNEL, ME)
    assert message
    assert message.quotes == (replace(title, text="How?"),)


def test_a_title_is_what_the_maker_of_a_thread_said_first() -> None:
    thread = replace(IN_POST, is_post=False, tags=())
    message = titled(thread, ME)
    assert message
    assert (message.text, message.quotes) == ("", (Quote(kind=QuoteKind.TITLE, text="How?"),))
    assert (message.author.id, message.address) == (ANN, Address.NOBODY)
    assert message.thread == thread.whole
    assert message.sent_at == ids.seconds(ID)
    assert message.id != ID
    for spot in (replace(thread, owner=BOT), replace(thread, owner=""), IN_CHANNEL, IN_DM):
        assert titled(spot, ME) is None


def test_only_an_edit_of_the_author_has_a_stamp() -> None:
    assert edited(payload(), IN_DM, ME) is None
    edit = edited(payload("new", edited_timestamp="2026-01-02T03:04:05.678000+00:00"), IN_DM, ME)
    assert edit
    assert (edit.text, edit.edited_at) == ("new", 1767323045.678)
    assert edited(payload(edited_timestamp="yesterday"), IN_DM, ME) is None


EDITED = "2026-01-02T03:04:05.678000+00:00"


def test_an_edit_tells_which_files_there_are() -> None:
    file = {"id": "1576777314895659008", "filename": "plan.pdf", "size": 9}
    edit = edited(payload("same", attachments=[file], edited_timestamp=EDITED), IN_DM, ME)
    assert edit
    assert [each.name for each in edit.attachments] == ["plan.pdf"]
    edit = edited(payload("same", attachments=[], edited_timestamp=EDITED), IN_DM, ME)
    assert edit
    assert edit.attachments == ()
    assert states_files(payload("same", attachments=[]))
    for odd in ({}, {"attachments": None}, {"attachments": "x"}):
        told = {key: value for key, value in payload().items() if key != "attachments"} | odd
        assert not states_files(told)


def test_an_edit_may_leave_nothing_that_can_be_read() -> None:
    """Its last file goes and a sticker stays; or, without the intent, it names the bot no more."""
    for more in ({"sticker_items": [{"id": "1", "name": "Wave"}]}, {}):
        edit = edited(payload("", attachments=[], edited_timestamp=EDITED, **more), IN_DM, ME)
        assert edit
        assert (edit.text, edit.attachments) == ("", ())
        assert [each.text for each in edit.quotes] == ["Sticker: Wave"] * bool(more)
    bare = payload("", edited_timestamp=EDITED)
    for part in ("content", "attachments"):
        told = {key: value for key, value in {"attachments": [], **bare}.items() if key != part}
        assert edited(told, IN_DM, ME) is None, "it may not be told whole"
    assert edited(payload("", attachments=[]), IN_DM, ME) is None


def test_a_message_without_anything_was_withheld() -> None:
    assert is_withheld(payload(""), ME)
    assert not is_withheld(payload("", sticker_items=[{"id": "1"}]), ME)
    assert not is_withheld(payload("", author=user(BOT, "me")), ME)
    assert not is_withheld(payload("", type=7), ME)
    assert not is_withheld(payload("x"), ME)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(ID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*payload(), *reply(BOT), "message_snapshots"]), JSON))
def test_whatever_comes_nothing_is_raised(more: dict[str, Any]) -> None:
    made = payload(f"<@{BOT}> hi") | more
    for spot in (IN_CHANNEL, IN_THREAD, IN_DM):
        said(made, spot, ME)
        edited(made, spot, ME)
        is_withheld(made, ME)
        for kind in (CREATED, UPDATED, DELETED, BULK_DELETED):
            parse(kind, made | {"ids": made.get("attachments")}, spot, ME)


# --- what can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", None, 7, ["hello"], {}])
def test_what_is_said_to_the_bot_and_has_no_words_is_a_message_all_the_same(
    content: object,
) -> None:
    """A sticker, or nothing that anybody knows: its author is owed a word."""
    sticker = {"sticker_items": [{"id": "1", "name": "Wave"}]}
    for more in ({}, sticker):
        message = said(payload() | {"content": content, **more}, IN_DM, ME)
        assert message
        assert (message.text, message.address, message.id) == ("", Address.DIRECT, ID)
        assert len(message.quotes) == len(more)
    assert said(payload() | {"content": content}, IN_THREAD, ME) is None
    assert said(payload() | {"content": content, **sticker}, IN_THREAD, ME)
    bots = replace(ME, allow_bots=True)
    bot = payload(author=user(BEN, "bot", bot=True)) | {"content": content}
    assert said(bot, IN_DM, bots) is None


def test_a_message_that_notifies_the_bot_and_has_no_words_at_all_is_for_it() -> None:
    called = payload(mentions=[user(BOT, "bot")])
    message = said({**called, "content": None}, IN_CHANNEL, ME)
    assert message
    assert (message.text, message.address) == ("", Address.MENTIONED)
    assert said({**called, "content": ""}, IN_CHANNEL, ME) is None


def test_what_discord_has_invented_since_is_owed_a_word_in_a_direct_message() -> None:
    assert said(payload("", type=99), IN_DM, ME)
    shown = said(payload("", type=99, new_thing={"a": 1}), IN_DM, ME)
    assert shown
    assert [q.text for q in shown.quotes] == ["Something that can't be shown here (new_thing)"]
    assert said(payload("hi", type=99), IN_THREAD, ME) is None
    assert said(payload("", type=3), IN_DM, ME) is None
    assert said(payload("hi", type=99, webhook_id="1"), IN_DM, ME) is None


def test_a_reply_to_a_notice_says_what_people_see() -> None:
    joined = payload("", type=7, author=user(BEN, "ben"))
    for before, words in (
        (joined, "(This person joined the server.)"),
        (joined | {"type": 12}, "(This is a notice of Discord's own.)"),
        (joined | {"type": 0}, "(This message has no text.)"),
    ):
        message = said(payload("welcome", **reply(BEN) | {"referenced_message": before}), IN_DM, ME)
        assert message
        assert [(q.kind, q.text, q.author) for q in message.quotes] == [("reply", words, "Ben")]


def test_a_reply_that_was_withheld_is_no_message() -> None:
    assert said(payload("", **reply(BOT)), IN_THREAD, ME) is None
    shown = said(payload("", **reply(BOT), sticker_items=[{"id": "1"}]), IN_THREAD, ME)
    assert shown
    assert (shown.text, shown.address) == ("", Address.REPLIED)


@pytest.mark.parametrize("id_", [None, 7, "", "x", "9" * 21, []])
def test_what_is_said_under_no_id_is_not_read_but_has_an_author(id_: object) -> None:
    message = said(payload("hello") | {"id": id_}, IN_DM, ME)
    assert message
    assert (message.text, message.id, message.author.id) == ("", IN_DM.id, ANN)
    update = payload("hello", edited_timestamp="2026-11-29T10:00:00+00:00")
    assert edited(update | {"id": id_}, IN_DM, ME) is None


@pytest.mark.parametrize("content", [None, 7, ["x"], {}])
def test_an_update_without_words_leaves_the_words_alone(content: object) -> None:
    update = payload(edited_timestamp="2026-11-29T10:00:00+00:00", attachments=[{"id": "5"}])
    assert edited({**update, "content": content}, IN_DM, ME) is None
    assert edited({**update, "content": "new"}, IN_DM, ME)


def test_what_could_not_be_read_is_known_by_where_it_stands() -> None:
    given = payload(f"<@{BOT}> hello", attachments=[{"id": "5", "filename": "a"}])
    whole, bare = said(given, IN_CHANNEL, ME), unread(given, IN_CHANNEL, ME)
    assert whole
    assert bare == replace(whole, text="", attachments=(), quotes=())
    assert unread(payload(), IN_CHANNEL, ME) is None


def test_names_and_types_are_no_longer_than_discords_and_sizes_are_numbers() -> None:
    file = {"id": "5", "filename": "b" * 9000, "content_type": "x\0/y", "size": 10**30}
    message = said(payload(author=user(ANN, "a" * 9000), attachments=[file]), IN_DM, ME)
    assert message
    (known,) = message.attachments
    assert (len(message.author.name), len(known.name)) == (255, 255)
    assert (known.media_type, known.size) == (UNKNOWN_TYPE, 0)


SPOTS = (IN_CHANNEL, IN_THREAD, IN_DM, IN_POST)
TOLD = (
    payload(f"<@{BOT}> hello <#1> <@&2>", mentions=[user(BOT, "bot"), user(BEN, "ben")]),
    payload("hello", **reply(BOT), attachments=[{"id": "5", "filename": "a", "size": 7}]),
    payload("", message_snapshots=[{"message": {"content": "x", "attachments": [{"id": "6"}]}}]),
    payload("hi", edited_timestamp="2026-11-29T10:00:00+00:00", member={"nick": "A", "roles": []}),
)


@settings(max_examples=500)
@given(oddly(TOLD), st.sampled_from(SPOTS), st.booleans())
def test_whatever_stands_in_a_payload_what_is_made_of_it_can_be_kept(
    made: dict[str, Any], spot: ChannelInfo, bots: bool
) -> None:
    me = replace(ME, allow_bots=bots)
    is_withheld(made, me)
    for found in (said(made, spot, me), edited(made, spot, me), unread(made, spot, me)):
        if found is not None:
            assert ThreadKey.parse(str(found.thread)) == found.thread
            assert datetime.fromtimestamp(found.sent_at, UTC).year < 6000
            assert all(map(ids.is_id, (found.id, found.author.id)))
            assert all(len(file.id.split("/")) == 3 for file in found.attachments)
            assert len(found.author.name) <= 255
            (found.text + found.author.name).encode()


@settings(max_examples=200)
@given(st.lists(oddly([each | {"nonce": "x" * 25, "author": user(BOT, "me")} for each in TOLD])))
def test_our_own_messages_are_read_back_whatever_stands_in_them(made: list[Any]) -> None:
    thread = ThreadKey("discord", f"{GUILD}/{CHANNEL}", THREAD)
    where = DeliveryTarget(thread=thread, kind=Kind.THREAD, turn="1", trigger="1", answer_in=THREAD)
    mine = [each for each in made if is_ours(each, BOT) and not is_silent(each)]
    for posted in find(mine, where, token="t", replies=True):
        assert posted.key.turn == "1"
