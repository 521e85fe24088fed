"""Probes of streams, files, reactions, the status, direct messages and rate limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.domain.payload import dict_of, dicts_of, str_of
from tests.live.slack.calls import LIMITED, message_of, metadata_of
from tests.live.slack.probes_messages import MARK, TABLE
from tests.live.slack.rules import RULES
from tests.live.slack.rules_around import STREAMS

if TYPE_CHECKING:
    from tests.live.slack.trial import Trial

_CONTENT = b"A file of chatbot doctor's.\n"
_MOST_READS = 120
"""Calls after which to give up looking for a limit of some fifty a minute."""
_NO_STOP = "missing_agent_session_stopped_event_subscription"
"""Slack's warning (docs: reference/methods/agents.sessions.setStatus)."""
_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
_SLACK = 60.0
"""Seconds to keep watching a stream after its expected end."""
_NEAR = 25.0
"""Seconds between two looks at a stream, by which its measured end may be off."""


async def streaming(trial: Trial) -> None:
    """Stream a message, and try what Slack refuses for a streaming message."""
    ts = await _started(trial)
    if ts is None:
        return
    trial.refused("stream-no-update", await trial.call("chat.update", ts=ts, text="No."))
    trial.refused("stream-no-delete", await trial.call("chat.delete", ts=ts))
    empty = await trial.call("chat.appendStream", ts=ts, markdown_text="")
    trial.refused("stream-empty", empty)
    chunks = [{"type": "markdown_text", "text": "In another form."}]
    trial.refused("stream-one-form", await trial.call("chat.appendStream", ts=ts, chunks=chunks))
    await trial.call("chat.appendStream", ts=ts, markdown_text=TABLE)
    await trial.call("chat.stopStream", ts=ts, metadata=MARK)
    over = await trial.call("chat.appendStream", ts=ts, markdown_text="Too late.")
    trial.refused("stream-over", over)
    found = message_of(await trial.thread(), ts)
    seen = f"it has {metadata_of(found) or 'none'}"
    trial.holds("stream-metadata", metadata_of(found) == MARK, seen)
    kinds = {str_of(block, "type") for block in dicts_of(found, "blocks")}
    trial.holds("stream-shape", kinds == {"rich_text"}, f"it is {', '.join(sorted(kinds))}")
    done = await trial.call("chat.update", ts=ts, text="Replaced.")
    trial.holds("stream-replaced", not done.error, f"it is refused: {done.error}")
    await _stream_lengths(trial)


async def _started(trial: Trial) -> str | None:
    """Start a stream; record the refusal and return None if that fails."""
    homeless = await trial.call("chat.startStream", markdown_text="Nowhere.", **_reader(trial))
    if homeless.error == RULES["method-unknown"].error:
        seen = "chat.startStream answered unknown_method"
        trial.holds("streaming", fact=False, seen=seen)
        for rule in STREAMS.keys() - {"streaming", "stream-life"}:
            trial.skip(rule, "there is no streaming")
        return None
    trial.refused("stream-thread", homeless)
    if trial.scene.direct:
        trial.skip("stream-recipient", "a direct message has only one reader")
    else:
        without = {"thread_ts": trial.scene.root, "markdown_text": "For nobody."}
        trial.refused("stream-recipient", await trial.call("chat.startStream", **without))
    begun = await trial.call(
        "chat.startStream",
        thread_ts=trial.scene.root,
        markdown_text="Streamed. ",
        **_reader(trial),
    )
    trial.holds("streaming", not begun.error, f"chat.startStream answered {begun.error}")
    if begun.error:
        done = {result.rule for result in trial.results} | {"stream-life"}
        for rule in STREAMS.keys() - done:
            trial.skip(rule, f"no stream could be begun: {begun.error}")
        return None
    return str_of(begun.answer, "ts")


async def _stream_lengths(trial: Trial) -> None:
    begun = await trial.call(
        "chat.startStream", thread_ts=trial.scene.root, **_reader(trial), markdown_text="Long. "
    )
    ts = str_of(begun.answer, "ts")

    def made(size: int) -> dict[str, Any]:
        return {"ts": ts, "markdown_text": "x" * size}

    await trial.limited("stream-length", "chat.appendStream", made)
    await trial.call("chat.stopStream", ts=ts)


async def stream_life(trial: Trial) -> None:
    """Stream until Slack ends it, as far as we know after five minutes."""
    begun = await trial.call(
        "chat.startStream", thread_ts=trial.scene.root, **_reader(trial), markdown_text="Tick. "
    )
    if begun.error:
        trial.skip("stream-life", f"no stream could be begun: {begun.error}")
        return
    life, ts = RULES["stream-life"].limit, str_of(begun.answer, "ts")
    began, lived, waits = trial.clock.monotonic(), 0.0, list(_WAITS)
    while lived < life + _SLACK:
        await trial.clock.sleep(waits.pop(0) if waits else _NEAR - 5)
        added = await trial.call("chat.appendStream", ts=ts, markdown_text="Tick. ")
        lived = trial.clock.monotonic() - began
        if added.error:
            right = added.error == RULES["stream-life"].error and abs(lived - life) <= _NEAR
            seen = f"it ended within {lived:.0f} s: {added.error}"
            trial.holds("stream-life", right, seen)
            return
    trial.holds("stream-life", fact=False, seen=f"it still lives after {lived:.0f} s")


async def reacting(trial: Trial) -> None:
    """Add a reaction twice, and remove it twice."""
    there = {"timestamp": trial.scene.root, "name": "scissors"}
    await trial.call("reactions.add", **there)
    trial.refused("reaction-twice", await trial.call("reactions.add", **there))
    await trial.call("reactions.remove", **there)
    trial.refused("reaction-none", await trial.call("reactions.remove", **there))
    odd = await trial.call("reactions.add", timestamp=trial.scene.root, name="no such emoji")
    trial.refused("reaction-name", odd)


async def status(trial: Trial) -> None:
    """Set the session's status to an unknown value, and to a known one."""
    place = {"channel_id": trial.scene.channel, "thread_ts": trial.scene.root}
    odd = await trial.calls.call("agents.sessions.setStatus", status="is thinking", **place)
    trial.refused("status-words", odd)
    good = await trial.calls.call("agents.sessions.setStatus", status="active", **place)
    if _NO_STOP in str(good.answer.get("warning", "")):
        trial.remarks.append(
            "note: the app is not subscribed to agent_session_stopped, so there is no Stop button: "
            "add it under Event Subscriptions, and reinstall the app"
        )


async def files(trial: Trial) -> None:
    """Upload a file into the thread, and fetch it again."""
    calls, name = trial.calls, "probe.txt"
    none = json.dumps([{"id": "F0000000000", "title": name}])
    trial.refused("upload-unknown", await calls.call("files.completeUploadExternal", files=none))
    got = await calls.call("files.getUploadURLExternal", filename=name, length=len(_CONTENT))
    if got.error:
        for rule in ("upload-message", "download"):
            trial.skip(rule, f"no upload could be begun: {got.error}")
        return
    await calls.upload(str_of(got.answer, "upload_url"), _CONTENT)
    file = str_of(got.answer, "file_id")
    await calls.call(
        "files.completeUploadExternal",
        files=json.dumps([{"id": file, "title": name}]),
        channel_id=trial.scene.channel,
        thread_ts=trial.scene.root,
    )
    trial.holds("upload-message", *await _shared(trial, file))
    about = await calls.call("files.info", file=file)
    url = str_of(dict_of(about.answer, "file"), "url_private_download")
    with_token = await calls.download(url, token=True)
    without = await calls.download(url, token=False)
    good = with_token == _CONTENT != without
    trial.holds("download", good, "its content is not what was sent, or anybody may have it")


async def _shared(trial: Trial, file: str) -> tuple[bool, str]:
    """Wait for the message that shows a file, which Slack may take a while to share."""
    for wait in _WAITS:
        for message in dicts_of((await trial.thread()).answer, "messages"):
            if any(str_of(each, "id") == file for each in dicts_of(message, "files")):
                return not metadata_of(message), f"it has {metadata_of(message)}"
        await trial.clock.sleep(wait)
    return False, "it is not in the thread half a minute later"


async def direct(trial: Trial) -> None:
    """Open a direct message without posting in it."""
    itself = await trial.calls.call("conversations.open", users=trial.scene.bot)
    trial.refused("dm-with-bot", itself)
    if not trial.scene.human:
        trial.skip("dm-same", "the channel has only bots in it")
        return
    opened = [
        str_of(dict_of(made.answer, "channel"), "id")
        for made in [
            await trial.calls.call("conversations.open", users=trial.scene.human) for _ in range(2)
        ]
    ]
    good = opened[0].startswith("D") and opened[0] == opened[1]
    trial.holds("dm-same", good, f"they begin with {[each[:1] for each in opened]}")


async def limits(trial: Trial) -> None:
    """Read more often than Slack allows, and check how it refuses."""
    for _ in range(_MOST_READS):
        made = await trial.calls.once("users.conversations", {"limit": 1})
        if made.status == LIMITED:
            trial.calls.keep(made)
            wait = str(made.headers.get("Retry-After", ""))
            good = wait.isdigit() and made.error == RULES["rate-limit"].error
            trial.holds("rate-limit", good, f"Retry-After is “{wait}”, the error {made.error}")
            return
    trial.skip("rate-limit", f"Slack did not mind {_MOST_READS} calls")


def _reader(trial: Trial) -> dict[str, Any]:
    """Return the recipient arguments of a stream."""
    if not trial.scene.human:
        return {}
    return {"recipient_user_id": trial.scene.human, "recipient_team_id": trial.scene.team}
