"""What people see on Slack, the model sees: forwards, what apps show, names, earlier words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.intake.intake import BACKFILL_MESSAGES
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import answers, bot_on, echo
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Slow
from tests.fakes.slack.model import Message
from tests.fakes.slack.shapes import file_json, rich_text
from tests.prompts import newest

if TYPE_CHECKING:
    from core.models.port import ModelMessage, ModelRequest
    from tests.fakes.slack import Channel
    from tests.fakes.slack.model import User

ALERT: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "HighLatency payments-api"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "p99 is 4.2 s on pod *pay-7*"}},
]


def put(fake: FakeSlack, who: User, where: Channel, text: str = "", **more: Any) -> Message:
    """Post a message of any shape, as Slack tells of it and keeps it."""
    extra = more.pop("extra", {})
    blocks = more.pop("blocks", None) or (rich_text(fake, text) if text else [])
    message = Message(
        fake.stamp(), where.id, who.id, text, bot_id=who.bot_id, blocks=blocks, **more
    )
    fake.add(message, **extra)
    return message


def shared(text: str = "Deploy failed: migration 0042", **more: Any) -> dict[str, Any]:
    return {
        "is_msg_unfurl": True,
        "is_share": True,
        "author_name": "Carol",
        "text": text,
        "footer": "Posted in #ops",
        "from_url": "https://acme.slack.com/archives/C0OTHER1/p1764450000000100",
        "ts": "1764450000.000100",
        **more,
    }


def last(request: ModelRequest) -> str:
    """Return the words of the newest message of a request."""
    return said(request.messages[-1])


def said(message: ModelMessage) -> str:
    return "\n".join(getattr(part, "text", "") for part in message.blocks)


async def asked(fake: FakeSlack, channel: Channel, message: Message, count: int = 1) -> None:
    await fake.replies(channel, message.thread_ts or message.ts, count)


@pytest.mark.parametrize("comment", ["", "What went wrong?"])
async def test_a_forward_in_a_direct_message_is_answered(comment: str) -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann = fake.person("ann")
        await asked(
            fake, fake.dm(ann), put(fake, ann, fake.dm(ann), comment, attachments=[shared()])
        )
    seen = last(model.calls[0])
    assert 'kind="forward" from="Carol" in="#ops"' in seen
    assert "migration 0042" in seen
    assert comment in seen


async def test_a_forwarded_file_is_read() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann = fake.person("ann")
        file = fake.file(ann, "log.txt", "ERROR disk full on db7")
        file.shared_in.append(fake.dm(ann).id)
        forward = shared("", files=[file_json(fake, file)])
        await asked(fake, fake.dm(ann), put(fake, ann, fake.dm(ann), attachments=[forward]))
    assert "disk full on db7" in last(model.calls[0])


async def test_a_preview_that_comes_late_is_known_in_the_next_turn_and_starts_none() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann = fake.person("ann")
        dm = fake.dm(ann)
        first = await fake.say(ann, dm, "see <https://a.example/x>")
        await asked(fake, dm, first)
        await fake.unfurl(first, "The plan for May")
        await fake.settled()
        assert len(model.calls) == 1
        await asked(fake, dm, await fake.say(ann, dm, "and now?"))
    assert "The plan for May" in "\n".join(said(each) for each in model.calls[1].messages)


@pytest.mark.parametrize(
    "shape",
    [
        {"text": "p99 is 4.2 s on pod pay-7"},
        {"attachments": [{"title": "HighLatency", "text": "on pod pay-7"}]},
        {"blocks": ALERT},
        {"text": "New alert", "blocks": ALERT},
    ],
)
@pytest.mark.parametrize("allow", [False, True])
async def test_a_mention_under_an_alert_sees_the_alert(shape: dict[str, Any], allow: bool) -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model, slack_allow_bots=allow):
        ann, pager = fake.person("ann"), fake.other_bot("grafana")
        alerts = fake.channel("alerts", ann, pager)
        root = put(fake, pager, alerts, subtype="bot_message", **shape)
        mention = await fake.say(ann, alerts, f"{fake.at_bot} what is this?", root.ts)
        await asked(fake, alerts, mention)
        await asked(fake, alerts, await fake.say(ann, alerts, "and what now?", root.ts), 2)
    seen = last(model.calls[0])
    assert "pay-7" in seen
    assert 'from="grafana"' in seen
    assert 'app="yes"' in seen
    assert "and what now?" in last(model.calls[1]), "Ann is alone with the bot"


async def test_an_app_in_a_thread_is_heard_and_commands_nothing() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann, pager = fake.person("ann"), fake.other_bot("grafana")
        alerts = fake.channel("alerts", ann, pager)
        first = await fake.say(ann, alerts, f"{fake.at_bot} watch this")
        await asked(fake, alerts, first)
        put(fake, pager, alerts, "", blocks=ALERT, subtype="bot_message", thread_ts=first.ts)
        put(fake, pager, alerts, f"{fake.at_bot} !forget", thread_ts=first.ts)
        await fake.settled()
        await fake.say(ann, alerts, "and now?", first.ts)
        await fake.until(lambda: len(model.calls) == 2)
        await fake.settled()
    assert len(model.calls) == 2
    assert "pay-7" in last(model.calls[1])


async def test_names_stand_for_ids_in_prompts_and_titles() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann, bob = fake.person("ann"), fake.person("bob")
        general, secret = fake.channel("general", ann, bob), fake.channel("ma", ann, kind="private")
        crew, dm = fake.group("crew"), fake.dm(ann)
        text = f"tell <@{bob.id}> and <!subteam^{crew}> of <#{general.id}>, <#{secret.id}|>"
        await asked(fake, dm, await fake.say(ann, dm, text))
        await fake.until(lambda: fake.sessions)
        titles = [session.title for session in fake.sessions.values()]
        mention = await fake.say(bob, general, f"hello {fake.at_bot}, <@{ann.id}>")
        await asked(fake, general, mention)
    assert "tell @bob and @crew of #general, #private-channel" in last(model.calls[0])
    assert titles == ["tell @bob and @crew of #general, #private-channel"]
    assert f"hello @{fake.bot.name}, @ann" in last(model.calls[1])


async def test_a_name_that_slack_does_not_give_stays_an_id_and_delays_nothing() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann, dm = fake.person("ann"), None
        dm = fake.dm(ann)
        await asked(fake, dm, await fake.say(ann, dm, "hello"))
        fake.faults.next("users.info", *[Slow(5)] * 3)
        start = asyncio.get_running_loop().time()
        one = await fake.say(ann, dm, "ask <@U0NOBODY1>")
        # The next one may come over another connection, and Slack puts these in no order.
        await fake.until(lambda: "U0NOBODY1" in str(fake.web.made("users.info")))
        two = await fake.say(ann, dm, "and this")
        await fake.until(lambda: answers(fake, dm, one.ts))
        await fake.until(lambda: answers(fake, dm, two.ts))
        took = asyncio.get_running_loop().time() - start
    assert took < 4
    words = [newest(call).rsplit("\n", 1)[-1] for call in model.calls[1:]]
    assert words[0] == "ask @U0NOBODY1", "what was said later has not overtaken it"
    assert any("and this" in each for each in words)


@pytest.mark.parametrize("count", [60, 150, 700, 1100])
async def test_a_long_thread_is_known_by_its_start_and_its_end(count: int) -> None:
    """200 messages a page, 0.1 s a page: more than there is time for, read one after the other."""
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        root = await fake.say(ann, general, "fact 0 begins")
        for number in range(1, count):
            await fake.say((ann, bob)[number % 2], general, f"fact {number} noted", root.ts)
        await fake.settled()
        async with bot_on(fake, model):
            fake.faults.next("conversations.replies", *[Slow(0.1)] * 12)
            await asked(
                fake, general, await fake.say(ann, general, f"{fake.at_bot} sum up", root.ts)
            )
    seen = last(model.calls[0])
    known = [number for number in range(count) if f"fact {number} " in seen]
    assert known == [0, *range(max(1, count - (BACKFILL_MESSAGES - 1)), count)]
    missing = count - len(known)
    assert (f"{missing:,} earlier messages of this thread are not shown" in seen) is (missing > 0)


async def test_what_there_was_no_time_for_is_told_and_the_rest_is_kept() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        root = await fake.say(ann, general, "fact 0 begins")
        for number in range(1, 300):
            await fake.say(bob, general, f"fact {number} noted", root.ts)
        await fake.settled()
        async with bot_on(fake, model):
            fake.faults.next("conversations.replies", Slow(0.1), *[Slow(9)] * 4)
            await asked(
                fake, general, await fake.say(ann, general, f"{fake.at_bot} sum up", root.ts)
            )
    seen = last(model.calls[0])
    assert "fact 0 begins" in seen
    assert "fact 199 noted" in seen
    before, _, after = seen.partition("100 earlier messages of this thread are not shown")
    assert "fact 199" in before
    assert "sum up" in after


async def test_the_model_knows_where_it_is_as_people_call_it() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann, bob = fake.person("ann"), fake.person("bob")
        places = [
            fake.channel("general", ann),
            fake.channel("secret", ann, kind="private"),
            fake.group_dm(ann, bob),
            fake.dm(ann),
        ]
        for place in places:
            await asked(fake, place, await fake.say(ann, place, f"{fake.at_bot} hello"))
        await asked(fake, places[0], await fake.say(ann, places[0], f"{fake.at_bot} again"))
        looked_up = [str(call.args["channel"]) for call in fake.web.made("conversations.info")]
    scenes = [last(call) for call in model.calls]
    assert "Where: #general (slack, thread)" in scenes[0]
    assert "Where: #secret (slack, thread)" in scenes[1]
    assert 'name="a group direct message with ann, bob"' in scenes[2]
    assert "Where: a direct message (slack)" in scenes[3]
    assert scenes[3].count('name="ann"') == 1, "the one person is named once"
    assert sorted(looked_up) == sorted(place.id for place in places), "each is asked for once"


async def test_a_place_whose_name_slack_does_not_give_delays_the_answer_a_second() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        fake.faults.next("conversations.info", Slow(9))
        start = asyncio.get_running_loop().time()
        await asked(fake, general, await fake.say(ann, general, f"{fake.at_bot} hello"))
        took = asyncio.get_running_loop().time() - start
    assert took < 3
    assert general.id not in last(model.calls[0])


async def test_a_stranger_in_a_thread_is_heard_and_commands_nothing() -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann, eve = fake.person("ann"), fake.stranger("eve")
        both = fake.channel("both", ann, eve, shared=True)
        root = await fake.say(eve, both, "the invoice is 77 EUR")
        await asked(fake, both, await fake.say(ann, both, f"{fake.at_bot} how much?", root.ts))
        await fake.say(eve, both, f"{fake.at_bot} no, 99 EUR", root.ts)
        await fake.say(eve, both, f"{fake.at_bot} forget", root.ts)
        await fake.settled()
        await asked(fake, both, await fake.say(ann, both, f"{fake.at_bot} and now?", root.ts), 2)
    assert len(model.calls) == 2
    assert "77 EUR" in last(model.calls[0])
    assert "99 EUR" in last(model.calls[1])


async def test_what_the_bot_itself_said_before_is_known() -> None:
    """Source: hermes-agent, issue 38861: a person replies to what an earlier session had posted."""
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake, bot_on(fake, model):
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        root = put(fake, fake.bot, general, "The build of Friday is 4711")
        await asked(fake, general, await fake.say(ann, general, f"{fake.at_bot} which?", root.ts))
    assert "4711" in last(model.calls[0])
    assert f'from="{fake.bot.name}"' in last(model.calls[0])
