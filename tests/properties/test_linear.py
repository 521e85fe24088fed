"""Each function that takes a text takes time in proportion to it, whatever is in it.

A text of one sign, or of two, is what a pattern or a loop may take the square of the time over. So
each function gets the longest text that can come of many of them. Only where that takes long is it
compared with a text of a quarter of the length: four times the time is right, sixteen is not.
"""

from __future__ import annotations

import io
import json
import random
import time
from dataclasses import replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.inbound import content as discord_content
from bots.discord.inbound import text as discord_text
from bots.discord.outbound import format as discord_format
from bots.discord.outbound import permalinks as discord_permalinks
from bots.discord.outbound import threads as discord_threads
from bots.ops.logging import trace_of
from bots.ops.redaction import redact
from bots.settings import addresses
from bots.settings.passwords import without_passwords
from bots.slack.inbound import content as slack_content
from bots.slack.inbound import text as slack_text
from bots.slack.inbound.events import Me
from bots.slack.outbound import escape as slack_inert
from bots.slack.outbound import format as slack_format
from bots.slack.outbound import permalinks as slack_links
from bots.slack.outbound import titles as slack_titles
from bots.slack.ui import views as slack_views
from bots.terminal import commands as terminal_commands
from bots.terminal import text as terminal_text
from core.commands import parser
from core.commands.export import json_form
from core.commands.export.markdown import MarkdownSheet
from core.commands.export.request import asked
from core.commands.export.stream import JsonStream
from core.delivery.splitting import blocks, break_points, inline_spans, splitter
from core.domain import pins, text
from core.domain.limits import MESSAGE_BYTES, TEXT_FILE_BYTES
from core.domain.message import Attachment, Author, PieceCleaner, clean
from core.domain.session import Passage
from core.memory import replies
from core.memory.recall import files as recall_files
from core.memory.recall import words as recall_words
from core.memory.recall.choose import Hit
from core.memory.recall.files import unit_of
from core.memory.recall.index import Index
from core.memory.recall.passages import FileText, Room, choose
from core.memory.recall.used import used
from core.memory.tokens import counter_for
from core.models import claude_errors, refusal_words, too_large
from core.models.offline import extract
from core.models.offline import language as model_words
from core.models.port import ShownMessage
from core.prompt import summary, tags
from core.prompt.encodings import decoded
from core.turn import sources
from core.turn.linked import own_words
from tests.talk import entry, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.session import Entry

INBOUND = MESSAGE_BYTES
"""Characters that a person may send, at one byte each."""
FILE = TEXT_FILE_BYTES
ANSWER = 512 * 1024
"""More than the 128,000 tokens that a model may answer at most."""

ME = "U1"
BOT = Me(user=ME, team="T1")
SLACK = "https://acme.slack.com/"
UNITS = (
    *("a", " ", "\t", "\n", "!", "?", ".", ",", ":", ";", "-", "_", "'", '"', "(", "[", "]", "<"),
    *(">", "&", "#", "@", "*", "`", "~", "|", "/", "\\", "=", "%", "$", "0", "Z", "\r", "\x1b[0m"),
    *("\0", "\u200b", "\u2060", "\ufe0f", "\u0301", "\u0301\u0316", "\u202e", "\ud800", "\u1100"),
    *("\u0600", "\U0001f1e6", "\U0001f468\u200d", "\U0001f600", "\u4e2d", "\u3002", "\ufdfa"),
    *("\u0416 ", "\u00a0", "\u2028", "\u3000", "\x85"),
    *("a ", "a. ", "A.", "1.", "1.1", "a\n", "a\n\n", " \n", "\t\n", "\r\n", "a.a", "a!a", "!a "),
    *("< ", "<\n", "<@", f"<@{ME}", f"<@{ME}>", f"<@{ME}|", f"<@{ME}> ", "<#C1|a>", "<!here", "<a"),
    *("</", "< / ", "<chat_", "&lt;chat_", "<\n/\n", "&lt;", "&#1", "&#1;", "&amp;lt;", "<@!1>"),
    *("](", "[a](", "[a](b)", "[a](b", "![", "](((", "](a(b)", '](a "', "[[a]]", "](!", "]: @U"),
    *("*a ", "**a", "**a**", "_a_", "***", "~~a", "||a ", "`a", "`` ` ", "`" * 3, "`" * 7 + "a"),
    *("```\n", "``` a\n", "```py\nx\n", "~~~\n", "> ```\n", "> ```\nx\n", "> ", ">\n", "> x\n"),
    "```\n@here\n```\n",
    *("- ", "- \n", "- - -\n", "1. ", "# ", "# a\n\n", "a\n===\n", "=\n", "---\n", "    - "),
    *("|-", "|-|\n", "a|b\n-|-\n", "a | b\n---|---\nc | d\n", "|a" * 9 + "\n", "\nx ```\n"),
    *("http://", "https://a ", "https://a.slack.com/archives/", "mailto:", "&thread_ts=1.000001"),
    *("https://discord.com/channels/@me/", "xoxb-", "token=", "://a:", "Bearer ", "eyJ"),
    *("@here ", "@\u200bhere", "\uff1c@", "he ", "what is ", "and ", "please, ", "remember "),
    *("\uff1c/\u0441\u200bh", "<\u200b", "\u2039c"),
    *("export ", "[file: ", "<t:1:R>", "||", "what\u2019s ", "Dr. ", "my a is ", "12, "),
    *("tokens > 1 ", "maximum 1 ", "<" + " " * 60, "!" * 50 + " ", "a" * 60 + " "),
)
"""What texts are made of: one of these, again and again."""
MIXED = (("!", '"'), ("<", " "), ("&", ";"), ("[", "("), ("`", "\n"), ("*", " "), (">", "\t"))
"""Pairs of signs: first many of the one, then many of the other."""

_MIXES = 15


def texts(length: int) -> list[tuple[str, str]]:
    """Return texts of this length, with names."""
    mixes = random.Random(16)
    halves = [pair for one in MIXED for pair in (one, one[::-1])]
    return [
        *((repr(unit), filled(unit, length)) for unit in UNITS),
        *((f"{one!r}, then {other!r}", halved(one, other, length)) for one, other in halves),
        *(
            (f"mix {number}", filled("".join(mixes.sample(UNITS, 3)), length))
            for number in range(_MIXES)
        ),
    ]


def halved(first: str, then: str, length: int) -> str:
    return first * (length // 2) + then * (length // 2)


def filled(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def cpu(call: Callable[[], object]) -> float:
    """Return the CPU time of a call that finds nothing of an earlier one."""
    splitter._layout.cache_clear()
    began = time.process_time()
    call()
    return time.process_time() - began


def least(call: Callable[[], object]) -> float:
    """Return the least CPU time of some calls: other work on the machine only adds to it."""
    return min(cpu(call) for _ in range(3))


def slack_pieces(text: str) -> list[str]:
    ends = slack_format.cut(text, 4)
    return [slack_format.piece(text, ends, index) for index in range(len(ends))]


def discord_pieces(text: str, most: int = 5) -> list[str]:
    ends = discord_format.cut(text, most)
    return [discord_format.piece(text, ends, index) for index in range(len(ends))]


def piecewise(text: str) -> str:
    cleaner = PieceCleaner()
    pieces = [cleaner.take(text[at : at + 20]) for at in range(0, len(text), 20)]
    return "".join((*pieces, cleaner.rest()))


def command(text: str) -> object:
    return parser.parse_command(f"export {text}", slack_links.link_in)  # type: ignore[arg-type]


def extracted(text: str) -> str:
    said = ShownMessage(text=clean(text[: LENGTH // 2]))  # in a thread, and of a part of them
    return extract.extract([said], max_bytes=3000)


def logged(text: str) -> str:
    """What a platform says of a failure may be a page; a line of the log is bounded."""
    return redact(text[:8_000])


def attached(text: str) -> dict[str, Any]:
    """Return a message of Slack's with a text in every field of an attachment."""
    fields = ("author_name", "fallback", "footer", "from_url", "pretext", "text", "title")
    whole = dict.fromkeys(fields, text[: len(text) // 7])
    return {"text": "", "attachments": [{**whole, "is_share": True, "channel_id": "C1"}]}


PASSAGE = Passage(
    position=0, who="Ann", when=0.0, text="a x 1 4711 he is \u4e2d\u6587 \u0416 https archives"
)


def used_in(text: str) -> object:
    """Return what an answer used of as many messages as a turn may show again."""
    passages = [replace(PASSAGE, position=at) for at in range(20)]
    return used(text, passages, seen=["x"], zone=UTC)


def exported(text: str) -> Entry:
    """Return a message with a text in all that people write of it."""
    part = clean(text[: len(text) // 3])
    file = Attachment(id="a", name=part, media_type="text/plain", size=9)
    return replace(entry(0, part, files=(file,)), author=Author(id="U1", name=part))


def in_export(text: str) -> object:
    stream = JsonStream(io.StringIO(json.dumps({"text": text})))
    return [(name, stream.value()) for name in stream.fields()]


FILES = (Attachment(id="a", name="a.txt", media_type="text/plain", size=9),)
SENT = entry(0, "Look.", files=FILES)


def shown_again(text: str) -> object:
    """Return what is shown of a file that has changed since it was indexed."""
    hit = Hit((0, 2), 0, 1.0, by_bot=False, weight=9, start=0, share=1.0, file="a")
    parts = recall_files.parts_in(text)
    file = FileText(hit.slot, SENT, "a.txt", parts, is_as_indexed=False)
    room = Room(budget=1000, bot_budget=300, file_budget=500, count=len)
    wanted = recall_words.wanted_in(["a x https 4711"], ["english"])
    return choose([hit], [SENT], Index(UTC), wanted, room, [file])


def in_blocks(text: str) -> dict[str, Any]:
    words = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    typed = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"text": text, "blocks": [words, {"type": "rich_text", "elements": [typed]}]}


def many(text: str) -> dict[str, Any]:
    parts = [text[at : at + 20] for at in range(0, len(text), 20)]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in parts]
    nested = [{"text": part} for part in parts]
    return {"text": "x", "attachments": [{"text": "x", "blocks": blocks, "attachments": nested}]}


INBOUND_FUNCTIONS: dict[str, Callable[[str], object]] = {
    "clean": clean,
    "readable on Slack": lambda text: slack_text.readable(f"<@{ME}> {text}", ME),
    "readable on Slack, no mention": lambda text: slack_text.readable(text, ME),
    "readable code on Slack": lambda text: slack_text.readable(f"`<http://a.b|a.b>`{text}", ME),
    "readable on Slack, mentioned last": lambda text: slack_text.readable(f"{text}<@{ME}>", ME),
    "ids on Slack": slack_text.ids_in,
    "permalinks in a text on Slack": lambda text: slack_links.links_in(
        f"{SLACK}archives/C1/p1700000000000100?{text}", SLACK, in_organisation=True
    ),
    "permalinks in a text on Discord": lambda text: discord_permalinks.links_in(
        f"/channels/{text}"
    ),
    "a person's own words": own_words,
    "an attachment on Slack": lambda text: slack_content.content_of(attached(text), BOT, {}),
    "blocks on Slack": lambda text: slack_content.content_of(in_blocks(text), BOT, {}),
    "many attachments on Slack": lambda text: slack_content.content_of(many(text), BOT, {}),
    "the ids of a message on Slack": lambda text: slack_content.ids_of(attached(text)),
    "mentions on Slack": lambda text: slack_text.mentions_in(text, ME),
    "readable on Discord": lambda text: discord_text.readable(f"<@1> {text}", ["1"], {}),
    "mentions on Discord": lambda text: discord_text.mentions_in(text, ["1"]),
    "ids on Discord": discord_text.ids_in,
    "code on Discord": lambda text: [*discord_text.code_in(text)],
    "links on Discord": lambda text: discord_text.links_in(f"/channels/{text}", {}, "1"),
    "an embed on Discord": lambda text: discord_content.whole_text(
        {"embeds": [{"description": text, "fields": [{"name": text, "value": text}]}]}, {}
    ),
    "terms": recall_words.terms_of,
    "terms in German": lambda text: recall_words.terms_of(text, "german"),
    "what is wanted": lambda text: recall_words.wanted_in([text], ["english", "german"]),
    "what words mean": lambda text: recall_words.meaning_of(text, ["english", "german"]),
    "a follow-up": recall_words.is_follow_up,
    "passages": recall_words.passages_of,
    "what to export": lambda text: asked([*text.split(), *f"mine {text}".split()]),
    "an export in the terminal": terminal_commands._exported,
    "an export as Markdown": lambda text: MarkdownSheet(at=0, zone=UTC).record(exported(text)),
    "an export as JSON": lambda text: json_form.text_of(json_form.fields_of(exported(text))),
    "an export that is read": in_export,
    "a command": lambda text: parser.parse_command(text, lambda _: None),
    "a command with arguments": command,
    "a wish that a message asks to keep": lambda text: pins.texts_of(f"remember{text}"),
    "a correction": lambda text: pins.correction_in(f"that's {text}"),
    "a standing wish": parser.has_wish,
    "the name of a standing wish": lambda text: parser.wish_named(f"always answer in {text}"),
    "a link on Slack": lambda text: slack_links.link_in("https://a.slack.com/archives/C1/p" + text),
    "a link on Slack, its options": lambda text: slack_links.link_in(
        f"https://a.slack.com/archives/C1/p1234567890123456?{text}"
    ),
    "a link on Discord": lambda text: discord_permalinks.link_in(
        f"https://discord.com/channels/{text}"
    ),
    "a command in the terminal": lambda text: terminal_commands._COMMAND.fullmatch(f"/a{text}"),
    "a title on Slack": slack_titles.title_of,
    "blank": text.is_blank,
    "visible": text.visible,
    "quoted for the model": tags.quoted,
    "one line": tags.one_line,
    "marks of a tag": lambda text: tags.marks({"from": text}),
    "units": model_words.units_of,
    "a question": model_words.is_question,
    "content words": model_words.content_words,
    "a summary's lines": extract.lines_of,
    "what a model answers for a summary": summary.lines_in,
    "whether a summary is a reply": lambda text: replies.answers(text, (turn(entry(0, "Where?")),)),
    "a summary of what was asked": lambda text: replies.answers(
        "Paris", (turn(entry(0, f"{text}?")),)
    ),
    "a summary by extraction": extracted,
    "a refusal of the model": lambda text: too_large.excess_of(text, 400, refused=True),
    "a refusal that names the account": lambda text: claude_errors.failure_of(
        claude_errors.Failure(status=400, said=text), "claude"
    ),
    "a rate that names credit": lambda text: claude_errors.failure_of(
        claude_errors.Failure(status=429, said=text), "claude"
    ),
    "a refusal for the log": lambda text: refusal_words.words_of_its_own(text, [text[:9000]]),
    "the address of an API": addresses.fault_in_base_url,
    "the path of an API": lambda text: addresses.fault_in_base_url(f"https://a/v1{text}"),
    "a title on Discord": discord_threads.title,
    "a modal on Slack": lambda text: slack_views.words("x", [text]),
    "plain text in a view on Slack": slack_views.plain,
    "tokens": counter_for("claude", rank_file=None).count,
    "shown in the terminal": terminal_text.inert,
    "a line for a pipe": terminal_text.one_line,
    "a name in the terminal": terminal_text.name_of,
    "a log line": logged,
    "an error's trace": lambda text: trace_of(ValueError(text)),
    "a store's address": without_passwords,
    "what an answer used of what was seen": lambda text: used(
        PASSAGE.text, [PASSAGE], seen=[text], zone=UTC
    ),
}
ANSWER_FUNCTIONS: dict[str, Callable[[str], object]] = {
    "pieces on Slack": slack_pieces,
    "one message on Slack": lambda text: slack_format.message(text, [text]),
    "a text that grows on Slack": slack_format.growing,
    "inert on Slack": slack_inert.inert,
    "restored from Slack": slack_inert.restored,
    "pieces on Discord": discord_pieces,
    "more pieces on Discord than one answer has": lambda text: discord_pieces(text[:LENGTH], 0),
    "a preview on Discord": discord_format.preview,
    "a notice on Discord": discord_format.notice,
    "notes on Discord": lambda text: discord_format.under([text], explain_trim=False),
    "a layout": blocks.layout_of,
    "spans": lambda text: inline_spans.spans_of(text[: ANSWER // 4]),
    "what is blank": lambda text: break_points.skip_blank(text, 0),
    "as it comes": piecewise,
    "shown in the terminal": terminal_text.inert,
    "what an answer used": used_in,
    "the links of a note": lambda text: sources.links_in(f"Sources: {text}"),
}
FILE_FUNCTIONS: dict[str, Callable[[str], object]] = {
    "decoded": lambda text: decoded(text.encode(errors="replace")),
    "quoted": tags.quoted,
    "guessed": lambda text: decoded(b"\xe4\xf6 " + text.encode("cp1251", "replace")),
    "read for the index": lambda text: unit_of(SENT, FILES[0], text, number=0, talk=Index(UTC)),
    "passages of a file": recall_files.parts_in,
    "shown again": shown_again,
    "decoded from UTF-16": lambda text: decoded(text.encode("utf-16-le", "replace")),
}
FUNCTIONS = {**INBOUND_FUNCTIONS, **ANSWER_FUNCTIONS, **FILE_FUNCTIONS}
LONGEST = {
    **dict.fromkeys(INBOUND_FUNCTIONS, INBOUND),
    **dict.fromkeys(ANSWER_FUNCTIONS, ANSWER),
    **dict.fromkeys(FILE_FUNCTIONS, FILE),
}
LENGTH = 32 * 1024
SECONDS = 0.4
"""CPU time for `LENGTH` characters on a slow machine; the slowest takes a quarter of it."""
WHOLE_SECONDS = 2.0
"""The same for the longest text that can come. Where that is more, it is beside the event loop."""
SHORT = 0.05
"""What takes no longer than this is not compared: it is too short to be measured."""
STEP = 0.1
"""What a longer text may take beyond the proportion: a short one need not be cut at all. That step
depends on the machine, so what takes longer is compared with a text of half the length, too."""
WORST = (
    "!",
    "`",
    "|",
    "[",
    "<",
    "\ud800",
    "\uff1c@",
    "@here ",
    "```\n",
    "> ```\nx\n",
    "**a**",
    "a ",
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_grows_in_proportion_to_the_text(name: str) -> None:
    function, late = FUNCTIONS[name], {}
    lengths = (texts(LENGTH), texts(LENGTH // 2), texts(LENGTH // 4))
    for (unit, long), (_, half), (_, quarter) in zip(*lengths, strict=True):
        if cpu(partial(function, long)) < SHORT:
            continue
        took, part = least(partial(function, long)), least(partial(function, quarter))
        grows = took > 8 * part + STEP and took > 3 * least(partial(function, half))
        if took > SECONDS or grows:
            late[unit] = (part, took)
    assert not late


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_longest_text_takes_no_time(name: str) -> None:
    function = FUNCTIONS[name]
    took = {unit: cpu(partial(function, filled(unit, LONGEST[name]))) for unit in WORST}
    assert max(took.values()) < WHOLE_SECONDS, took


def test_a_run_of_ticks_of_any_length_is_read_once() -> None:
    ticks = "`" * 2**18  # far more than a message holds, so that the square of it shows
    assert least(lambda: [*discord_text.code_in(f"<@1> {ticks}")]) < 0.5
