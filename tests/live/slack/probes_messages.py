"""Probes of messages: post, lengths, update, read back, delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bots.slack.outbound import format as shape
from bots.slack.outbound.post_keys import mark
from core.delivery.port import PostKey
from core.domain.message import ThreadKey
from core.domain.payload import dicts_of, str_of
from tests.live.slack.calls import message_of, metadata_of

if TYPE_CHECKING:
    from tests.live.slack.trial import Trial

KEY = PostKey(ThreadKey("slack", "probe", "probe"), "probe", piece=0)
MARK = mark(KEY)
"""The metadata of the bot's own posts, so that recordings contain what it has to find again."""
TABLE = "A table:\n\n| fruit | kilos |\n|---|---|\n| apples | 2 |\n| pears | 3 |\n"
NEVER = "1000000000.000001"
"""A time at which no message was posted."""


async def posting(trial: Trial) -> None:
    """Post the same message twice."""
    given: dict[str, Any] = {
        "thread_ts": trial.scene.root,
        "text": "Posted once.",
        "metadata": MARK,
    }
    first = await trial.call("chat.postMessage", **given)
    answer = first.answer
    whole = answer.get("channel") and answer.get("ts") and isinstance(answer.get("message"), dict)
    trial.holds("post-answer", whole, f"its answer has {sorted(answer)}")
    again = await trial.call("chat.postMessage", **given)
    stamps = {str(answer.get("ts")), str(again.answer.get("ts"))}
    shown = {str_of(m, "ts") for m in dicts_of((await trial.thread()).answer, "messages")}
    twice = len(stamps) == len(stamps & shown) == 2
    trial.holds("post-again", twice, f"the thread has {len(stamps & shown)} of two posts")
    granted = {name.lower() for name in first.headers}
    trial.holds("scopes-shown", "x-oauth-scopes" in granted, "there is no such header")


async def refusing(trial: Trial) -> None:
    """Post what Slack refuses."""
    calls, root = trial.calls, trial.scene.root
    nowhere = await calls.call("chat.postMessage", channel="C0000000000", text="Nowhere.")
    trial.refused("channel-unknown", nowhere)
    empty = await trial.call("chat.postMessage", thread_ts=root)
    trial.refused("post-empty", empty)
    both = await trial.call("chat.postMessage", thread_ts=root, text="a", markdown_text="b")
    trial.refused("markdown-text-alone", both)
    never = await trial.call("chat.postMessage", thread_ts=NEVER, text="To nothing.")
    trial.refused("thread-unknown", never)
    update = await trial.call("chat.update", ts=NEVER, text="Nothing.")
    trial.refused("message-unknown", update)
    trial.refused("method-unknown", await calls.call("chat.shout", text="Nothing."))
    odd: dict[str, Any] = {"event_payload": {}}
    format_ = await trial.call("chat.postMessage", thread_ts=root, text="Odd.", metadata=odd)
    trial.refused("metadata-format", format_)


async def lengths(trial: Trial) -> None:
    """Check length limits by updating one message."""
    ts = await trial.post("Lengths are tried out here.")

    def text(size: int) -> dict[str, Any]:
        return {"ts": ts, "text": "x" * size}

    def blocks(*given: dict[str, Any]) -> dict[str, Any]:
        return {"ts": ts, "text": "Blocks.", "blocks": list(given)}

    def sections(size: int) -> dict[str, Any]:
        whole, rest = divmod(size, 2_900)
        sizes = [2_900] * whole + ([rest] if rest else [])
        return blocks(*(_section("s" * each) for each in sizes))

    def metadata(size: int) -> dict[str, Any]:
        made: dict[str, Any] = {"event_type": "chatbot_probe", "event_payload": {"probe": ""}}
        made["event_payload"]["probe"] = "m" * (size - len(json.dumps(made)))
        return {"ts": ts, "text": "Metadata.", "metadata": made}

    def halves(size: int) -> dict[str, Any]:
        return blocks(_markdown("a" * (size // 2)), _markdown("b" * (size - size // 2)))

    tried = {
        "text-length": text,
        "markdown-length": lambda size: blocks(_markdown("d" * size)),
        "markdown-together": halves,
        "blocks-together": sections,
        "blocks-count": lambda size: blocks(*({"type": "divider"} for _ in range(size))),
        "section-length": lambda size: blocks(_section("s" * size)),
        "header-length": lambda size: blocks(_header("h" * size)),
        "metadata-length": metadata,
    }
    for rule, made in tried.items():
        await trial.limited(rule, "chat.update", made)


async def reading_back(trial: Trial) -> None:
    """Read back what was posted: metadata, tables, and what an update leaves."""
    content = shape.message(TABLE)
    ts = await trial.post(content.pop("text"), metadata=MARK, **content)
    found = message_of(await trial.thread(), ts)
    bare = message_of(await trial.thread(metadata=False), ts)
    seen = f"with it {metadata_of(found)}, without it {metadata_of(bare)}"
    trial.holds("metadata-read-back", metadata_of(found) == MARK and not metadata_of(bare), seen)
    kinds = [str_of(block, "type") for block in dicts_of(found, "blocks")]
    same = shape.text_of(found) == TABLE
    trial.holds("table-read-back", same, f"it comes back as {', '.join(kinds) or 'no block'}")
    await trial.call("chat.update", ts=ts, text="Only a text now.")
    found = message_of(await trial.thread(), ts)
    left = [kind for b in dicts_of(found, "blocks") if (kind := str_of(b, "type")) != "rich_text"]
    trial.holds("update-drops-blocks", not left, f"it keeps {', '.join(left)}")
    seen = f"it has {metadata_of(found) or 'none'}"
    trial.holds("metadata-kept", metadata_of(found) == MARK, seen)


async def order(trial: Trial) -> None:
    """Read the thread page by page."""
    last = await trial.post("The last of the thread.")
    read = await trial.call("conversations.replies", ts=trial.scene.root, oldest=last)
    stamps = [str_of(m, "ts") for m in dicts_of(read.answer, "messages")]
    whole = [str_of(m, "ts") for m in dicts_of((await trial.thread()).answer, "messages")]
    good = whole == sorted(whole) and stamps[:1] == whole[:1] == [trial.scene.root]
    trial.holds("thread-order", good, f"{len(whole)} came, the first of a part is not the root")
    bad = await trial.call("conversations.replies", ts=trial.scene.root, cursor="no cursor")
    trial.refused("cursor-invalid", bad)


async def deleting(trial: Trial) -> None:
    """Delete a reply, and a message that has replies."""
    ts = await trial.post("Deleted in a moment.")
    await trial.call("chat.delete", ts=ts)
    left = message_of(await trial.thread(), ts)
    trial.holds("delete-gone", not left, f"it is there as {str_of(left, 'subtype') or 'it was'}")
    made = await trial.call("chat.postMessage", text="chatbot doctor: deleted in a moment.")
    root = str_of(made.answer, "ts")
    await trial.call("chat.postMessage", thread_ts=root, text="Its reply.")
    await trial.call("chat.delete", ts=root)
    read = await trial.call("conversations.replies", ts=root)
    head = message_of(read, root)
    seen = (
        f"its thread is {read.error or 'there'}, its head {str_of(head, 'subtype') or 'no subtype'}"
    )
    trial.holds("delete-tombstone", str_of(head, "subtype") == "tombstone", seen)


async def ephemeral(trial: Trial) -> None:
    """Show something to one person only."""
    human = trial.scene.human
    if not human:
        for rule in ("ephemeral-hidden", "ephemeral-fixed"):
            trial.skip(rule, "the channel has only bots in it")
        return
    words = "chatbot doctor: only you see this, until you reload."
    made = await trial.call("chat.postEphemeral", user=human, text=words)
    ts = str_of(made.answer, "message_ts")
    read = await trial.call("conversations.history", limit=10)
    texts = [str_of(message, "text") for message in dicts_of(read.answer, "messages")]
    trial.holds("ephemeral-hidden", ts and words not in texts, "it is in the history")
    trial.refused("ephemeral-fixed", await trial.call("chat.update", ts=ts or NEVER, text="No."))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "markdown", "text": text}
