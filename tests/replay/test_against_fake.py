"""The fake answers as was recorded: in shape, and in the names of errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.discord import compose
from tests.live.slack.rules import RULES
from tests.replay.against_fake import differences
from tests.replay.recording import DISCORD, SLACK, Recording, from_fake, load, recordings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.recording import Json


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
async def test_the_fake_answers_as_was_recorded(path: Path) -> None:
    found = await differences(load(path))
    assert not found, "\n".join(found)


def test_what_was_recorded_from_the_fake_says_so() -> None:
    for path in recordings():
        recording = load(path)
        source, platform = recording.header["source"], recording.platform
        if path == from_fake(platform):
            assert source.lower().startswith(f"not {platform}")
        else:
            assert source == f"{platform}.com"


def changed(recording: Recording, method: str, change: Json, *, refused: bool) -> Recording:
    """Return a recording in which the first such answer is another."""
    exchanges = list(recording.exchanges)
    index = next(
        number
        for number, exchange in enumerate(exchanges)
        if exchange.method == method and bool(exchange.error) == refused
    )
    answer = {k: v for k, v in (exchanges[index].answer | change).items() if v is not None}
    exchanges[index] = replace(exchanges[index], answer=answer)
    return replace(recording, exchanges=tuple(exchanges))


@pytest.mark.parametrize(
    ("method", "change", "refused", "sentence"),
    [
        (
            "chat.update",
            {"error": "edit_window_closed"},
            True,
            "chat.update: Slack answered edit_window_closed, the fake message_not_found",
        ),
        ("chat.update", {"ok": False, "error": "msg_too_long"}, False, "the fake ok"),
        ("chat.postMessage", {"channel": None}, False, "the answer has no “channel” at Slack"),
        ("chat.postMessage", {"ts": 7}, False, "the answer, ts was a number at Slack"),
        ("conversations.replies", {"messages": []}, False, "had 0 items at Slack, and has"),
    ],
)
async def test_a_recording_that_differs_is_told_of(
    method: str, change: Json, refused: bool, sentence: str
) -> None:
    recording = changed(load(from_fake(SLACK)), method, change, refused=refused)
    assert any(sentence in found for found in await differences(recording))


@pytest.mark.parametrize("rule", ["text-length", "stream-length", "markdown-length"])
async def test_a_fake_with_another_limit_is_told_of(rule: str) -> None:
    altered = {rule: replace(RULES[rule], limit=RULES[rule].limit - 1)}
    found = await differences(load(from_fake(SLACK)), altered=altered)
    assert any("Slack answered ok, the fake " in sentence for sentence in found)


async def test_a_fake_with_another_error_is_told_of() -> None:
    altered = {"reaction-twice": replace(RULES["reaction-twice"], error="already_there")}
    (found,) = await differences(load(from_fake(SLACK)), altered=altered)
    assert found.endswith("Slack answered already_reacted, the fake already_there")


async def test_what_discord_does_otherwise_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    path, recording = "/users/@me", load(from_fake(DISCORD))
    (first, *rest) = recording.exchanges
    assert first.method == path
    answer = {**first.answer, "verified": "yes"}
    del answer["locale"]
    other = replace(recording, exchanges=(replace(first, answer=answer), *rest))
    found = await differences(other)
    where = "1. GET /users/@me: the answer"
    assert sorted(found) == [
        f"{where} has no “locale” at Discord, but has one in the fake",
        f"{where}, verified was a text at Discord, and is a switch in the fake",
    ]
    monkeypatch.setattr(compose, "LONGEST", 1999)
    found = await differences(recording)
    assert len(found) == 1
    assert found[0].endswith("Discord's status was 200, the fake's is 400")
