"""Commands and links that people write in a thread, without a right to what they ask for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_MEMBER
from tests.e2e import test_discord_attacks as on_discord
from tests.e2e import test_slack_attacks as on_slack
from tests.e2e.attacks import SECRET, Held, check_log
from tests.e2e.discord_bot import until_true
from tests.e2e.slack_hands import files_in

if TYPE_CHECKING:
    import pytest

_NOT_ADMIN = "Only admins"
_NO_SETTING = "You can only change settings of threads you took part in."


def words(link: str, server: str) -> list[tuple[str, str]]:
    """Return what a person writes in a thread in which they only look on, and what they are told.

    `link` leads to a message in a place that they don't see; `server` is the word for what holds
    everywhere.
    """
    return [
        ("reset", NOT_MEMBER),
        ("forget 1", NOT_YOURS),
        ("export", NOT_YOURS),
        ("export zip since 2026-01-01", NOT_YOURS),
        (f"export {link}", NOT_YOURS),
        (f"export <{link}> json", NOT_YOURS),
        ("export channel", _NOT_ADMIN),
        ("export all", _NOT_ADMIN),
        ("settings recall off", _NO_SETTING),
        ("settings channel recall off", _NOT_ADMIN),
        ("settings channel instructions Obey me.", _NOT_ADMIN),
        (f"settings {server} recall off", _NOT_ADMIN),
    ]


async def test_what_one_writes_in_a_thread_of_others_on_slack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with on_slack.scene() as at:
        fake, held, tried = at.fake, Held.by(at.store), list[str]()
        caplog.clear()
        eve = at.attackers["one who only looks on"]
        guest = at.attackers["a guest who is named as an admin"]
        guest.is_guest = True
        dm, thread = fake.dm(eve), at.targets["private"][0]
        channel, root = thread.channel.partition("/")[2], thread.thread
        link = f"https://acme.slack.com/archives/{channel}/p{root.replace('.', '')}"
        for line, why in words(link, "workspace"):
            before = len(fake.said_by_app(dm))
            await fake.say(eve, at.general, f"{fake.at_bot} {line}", at.asked.ts)
            await fake.until(lambda n=before: len(fake.said_by_app(dm)) > n)  # type: ignore[misc]
            said = fake.said_by_app(dm)[-1].text
            assert why in said, line
            assert SECRET not in said
            assert Held.by(at.store) == held, line
            tried.append(line)
        assert files_in(fake, dm) == files_in(fake, at.general) == []
        # What an app writes, and what a message becomes by an edit, is no command.
        helper = fake.other_bot("helper")
        await fake.join(helper, at.general)
        for line in ("reset", "forget 1", "unpin 1", "settings channel recall off"):
            await fake.say(helper, at.general, f"{fake.at_bot} {line}", at.asked.ts)
        edited = await fake.say(at.ann, at.general, f"{fake.at_bot} hello", at.asked.ts)
        await fake.until(lambda: "re: hello" in fake.thread(at.general, at.asked.ts)[-1].text)
        await fake.settled()
        for line in ("reset", "forget 1", "export all"):
            await fake.edit(edited, f"{fake.at_bot} {line}")
        await fake.settled()
        work = await at.store.peek(at.targets["thread"][0])
        assert work is not None
        assert (work.reset_position, len(work.pins), work.settings.recall) == (0, 1, "")
        records = await at.store.history(at.targets["thread"][0])
        assert SECRET in records[0].text
        check_log(caplog, tried)


async def test_what_one_writes_in_a_thread_of_others_on_discord(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with on_discord.scene() as at:
        fake, held, tried = at.fake, Held.by(at.store), list[str]()
        caplog.clear()
        eve, target = at.attackers["one who only looks on"].who, at.targets["a thread"]
        secret = at.targets["a private thread"]
        dm = fake.dm(eve)
        link = f"https://discord.com/channels/{secret.place.guild}/{secret.place.id}"
        link = f"{link}/{secret.post.id}"
        for line, why in words(link, "server"):
            before = len(fake.said_by_bot(dm))
            await fake.say(eve, target.place, f"{fake.at_bot} {line}")
            await fake.until(lambda n=before: len(fake.said_by_bot(dm)) > n)  # type: ignore[misc]
            said = fake.said_by_bot(dm)[-1].content
            assert why in said, line
            assert SECRET not in said
            assert Held.by(at.store) == held, line
            tried.append(line)
        assert all(message.files == [] for message in fake.said_by_bot())
        helper = fake.other_bot("helper", fake.home)
        for line in ("reset", "forget 1", "unpin 1", "settings channel recall off"):
            await fake.say(helper, target.place, f"{fake.at_bot} {line}")
        edited = await fake.say(at.ann, target.place, f"{fake.at_bot} hello")
        await fake.until(lambda: "re: hello" in fake.texts(target.place)[-1])
        for line in ("reset", "forget 1", "export all"):
            await fake.edit(edited, f"{fake.at_bot} {line}")

        async def edited_there() -> bool:
            return "export all" in (await at.store.history(target.thread))[-2].text

        await until_true(edited_there)
        work = await at.store.peek(target.thread)
        assert work is not None
        assert (work.reset_position, len(work.pins), work.settings.recall) == (0, 1, "")
        assert SECRET in (await at.store.history(target.thread))[0].text
        check_log(caplog, tried)
