"""Links to the messages that an answer used: in its note, stored with it, and never too many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bots.discord.outbound import permalinks as on_discord
from bots.discord.outbound.format import under
from bots.slack.outbound import permalinks as on_slack
from bots.slack.outbound.format import message as slack_message
from bots.slack.outbound.format import plain
from core.domain.errors import PlatformBusyError
from core.domain.message import Kind
from core.models.scripted import ScriptedModel
from core.turn.sources import Link, links_in, readable
from tests.fakes.slack.blocks import check_blocks
from tests.world import THREAD, World, message

if TYPE_CHECKING:
    from core.domain.session import Answer
    from core.models.port import ModelRequest
    from core.worker.worker import Worker

FACT = "My locker at the swimming pool has the combination 4711."
FILLER = ("The tram was late today.", "I had soup for lunch.", "The printer is out of paper.")
NOTE = (
    "Sources: [Tue 2026-11-03 14:05](https://acme.slack.com/archives/C1/p1700000000000100"
    "?thread_ts=1690000000.000200&cid=C1) \N{MIDDLE DOT} [Wed 2026-11-04 09:00]"
    "(https://discord.com/channels/@me/100000000000000001/100000000000000002)"
)


def reply(request: ModelRequest) -> str:
    return "The combination is 4711." if "What is the combination" in asked(request) else "I see."


def asked(request: ModelRequest) -> str:
    return request.messages[-1].text.partition("<chat_recalled>")[0]


def small_world() -> World:
    world = World(ScriptedModel(reply=reply))
    kinds = dict.fromkeys(Kind, "window")
    world.memory = replace(world.memory, pairs=1, by_kind=kinds)
    return world


async def said(world: World, worker: Worker, *texts: str, first: int = 1) -> Answer:
    intake = world.intake(worker)
    for number, text in enumerate(texts, first):
        await intake.take(message(number, text))
        await world.settled()
    await worker._runner._pipeline.recall.indexes.settled()
    return (await world.answers())[-1]


def links(answer: Answer) -> list[Link]:
    return [link for note in answer.notes for link in links_in(note)]


async def test_an_answer_that_used_a_recalled_message_links_to_it() -> None:
    world = small_world()
    async with world.worker() as worker:
        plain = await said(world, worker, FACT, *FILLER)
        answer = await said(world, worker, "What is the combination of my locker?", first=10)
    assert links(plain) == []
    [link] = links(answer)
    assert link == ("Thu 1970-01-01 00:16", f"https://fake.example/{THREAD.thread}/m1")
    assert "locker" not in "".join(answer.notes)


async def test_an_answer_that_did_not_use_it_links_to_nothing() -> None:
    world = small_world()
    async with world.worker() as worker:
        await said(world, worker, FACT, *FILLER)
        answer = await said(world, worker, "Where is my locker?", first=10)
    assert answer.recalled
    assert links(answer) == []


async def test_what_was_deleted_or_reset_is_no_source() -> None:
    world = small_world()
    async with world.worker() as worker:
        await said(world, worker, FACT, *FILLER)
        await world.store.amend(THREAD, "m1", ("x",), edited_at=5000.0, text=None)
        gone = await said(world, worker, "What is the combination of my locker?", first=10)
        await said(world, worker, FACT, *FILLER, first=20)
        await world.store.erase(THREAD, at=1900.0, keep_log=True)
        reset = await said(world, worker, "What is the combination of my locker?", first=901)
    assert links(gone) == links(reset) == []


async def test_a_post_of_the_bot_whose_id_is_unknown_is_no_source() -> None:
    def told(request: ModelRequest) -> str:
        return FACT if "Tell me." in asked(request) else reply(request)

    world = small_world()
    world.model = ScriptedModel(reply=told)
    async with world.worker() as worker:
        await said(world, worker, "Tell me.", *FILLER)
        answer = await said(world, worker, "What is the combination of my locker?", first=10)
        [link] = links(answer)
        posted = (await world.answers())[0].posted
        assert link.address.endswith(posted[0])


async def test_links_are_stored_with_the_answer_and_survive_the_process() -> None:
    world = small_world()
    async with world.worker() as worker:
        await said(world, worker, FACT, *FILLER)
        world.platform.errors.append(PlatformBusyError("down", seconds=3600.0))
        await world.intake(worker).take(message(10, "What is the combination of my locker?"))
        async with asyncio.timeout(10):
            while not links(answer := (await world.answers())[-1]):
                await asyncio.sleep(0.01)
    assert not answer.posted  # another process is going to post it, with its note
    assert len(links(answer)) == 1


def test_only_our_own_note_has_links() -> None:
    assert len(links_in(NOTE)) == 2
    for other in (
        "I could not read [x](https://evil.example): it is too large.",
        "Sources: x",
        "Sources: [x](javascript:alert)",
        "Sources: [a|b](https://a.example)",
        f"{NOTE} and more",
    ):
        assert links_in(other) == ()
        assert readable(other) == other


def test_a_note_with_links_opens_them_on_each_platform() -> None:
    blocks = slack_message("Well.", ["Another note.", NOTE])["blocks"]
    check_blocks(blocks)
    texts = [element["text"] for block in blocks[1:] for element in block["elements"]]
    assert texts[0] == "Another note."
    assert texts[1].startswith("Sources: <https://acme.slack.com/archives/C1/p1700000000000100?")
    assert "&amp;cid=C1|Tue 2026-11-03 14:05>" in texts[1]
    assert under([NOTE], explain_trim=False) == f"-# {NOTE}"
    shown = plain("Well.", [NOTE])["text"]
    assert "Tue 2026-11-03 14:05 https://acme.slack.com/" in shown
    assert readable("Sources: [message 3] \N{MIDDLE DOT} [message 14]") == (
        "Sources: message 3 \N{MIDDLE DOT} message 14"
    )


@pytest.mark.parametrize(
    ("ts", "root", "link"),
    [
        ("1700000000.000100", "", "p1700000000000100"),
        ("1700000000.000100", "1700000000.000100", "p1700000000000100"),
        ("1700000000.000100", "D1", "p1700000000000100"),
        (
            "1700000000.000100",
            "1690000000.000200",
            "p1700000000000100?thread_ts=1690000000.000200&cid=C1",
        ),
    ],
)
def test_a_permalink_of_slack_leads_back_to_its_message(ts: str, root: str, link: str) -> None:
    made = on_slack.link_to("https://acme.slack.com/", "C1", ts, root)
    assert made == f"https://acme.slack.com/archives/C1/{link}"
    found = on_slack.link_in(made)
    assert found is not None
    assert (found.channel, found.ts) == ("C1", ts)


@pytest.mark.parametrize(
    ("workspace", "ts"),
    [
        ("", "1700000000.000100"),
        ("https://evil.example/", "1700000000.000100"),
        ("https://acme.slack.com/", ""),
        ("https://acme.slack.com/", "event Ev1"),
        ("https://acme.slack.com/", "F0123"),
    ],
)
def test_what_has_no_permalink_on_slack_has_no_link(workspace: str, ts: str) -> None:
    assert on_slack.link_to(workspace, "C1", ts) == ""


def test_a_link_of_discord_leads_back_to_its_message() -> None:
    channel, id_ = "100000000000000001", "100000000000000002"
    for guild in ("", "100000000000000009"):
        found = on_discord.link_in(on_discord.link_to(guild, channel, id_))
        assert found == on_discord.Permalink(guild=guild, channel=channel, message=id_)
    assert on_discord.link_to("", channel, "") == ""
    assert on_discord.link_to("x", channel, id_) == ""
