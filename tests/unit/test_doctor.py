"""What the doctor tries on a store, and what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bots.ops.doctor import doctor, examined, try_store
from bots.ops.finding import Finding, Level, wrong
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from core.domain.errors import ChatbotError
from core.store.local.store import LocalStore
from core.store.urls import open_store
from core.store.values import NothingDue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from core.domain.session import Record


class Forgetful(LocalStore):
    """A store that takes what it is given, and has nothing to give back."""

    async def history(self, *args: Any, **named: Any) -> tuple[Record, ...]:
        return ()


class Generous(LocalStore):
    """A store that gives every worker the lease."""

    async def claim(self, thread: Any, token: str, *, early: bool = False) -> Any:
        return await self.peek(thread)


class Hoarding(LocalStore):
    """A store that erases nothing."""

    async def erase(self, *args: Any, **named: Any) -> None:
        pass


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
async def test_a_trial_leaves_nothing_to_see_or_to_do(
    kind: str, tmp_path: Path, redis_url: str
) -> None:
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/a.db", "redis": redis_url}
    store = await open_store(urls[kind], clock=SystemClock(), lease_seconds=5)
    try:
        await try_store(store, SystemClock())
        threads = (await store.threads()).threads
        assert not [info for info in threads if info.thread.platform == "doctor"]
        assert isinstance(await store.claim_any(["doctor"], "token"), NothingDue)
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Forgetful, "did not come back"),
        (Generous, "two workers got the lease"),
        (Hoarding, "erased thread is still there"),
    ],
)
async def test_a_store_that_does_not_keep_its_word_is_named(
    kind: type[LocalStore], words: str
) -> None:
    with pytest.raises(ChatbotError, match=words):
        await try_store(kind(SystemClock(), lease_seconds=5), SystemClock())


async def test_a_store_out_of_reach_does_not_hide_the_rest() -> None:
    given: dict[str, Any] = {"store": "redis://:pa55word@127.0.0.1:9/0", "model": "offline"}
    findings = [finding async for finding in examined(Settings(**given), SystemClock())]
    faults = [finding for finding in findings if finding.level is Level.WRONG]
    assert [finding.about for finding in faults] == ["Store"]
    assert "CHATBOT_STORE" in str(faults[0])
    assert {"Model", "Slack"} <= {finding.about for finding in findings}
    assert "pa55word" not in "".join(map(str, findings))


async def test_a_secret_is_never_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "xoxb-111-222-secret"

    async def leaky(settings: Settings, clock: object) -> Any:
        yield wrong("Slack", f"the token {token} is odd", "Mend it.")

    monkeypatch.setattr("bots.ops.doctor._platforms", lambda: (leaky,))
    given: dict[str, Any] = {"store": "memory://", "SLACK_BOT_TOKEN": token, "model": "offline"}
    assert await doctor(Settings(**given)) == 1
    out = capsys.readouterr().out
    assert "WRONG  Slack: the token *** is odd. Mend it." in out
    assert token not in out


async def test_a_terminal_obeys_nothing_that_others_have_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of workspaces, servers and bots are in findings."""

    async def findings(*_: Any) -> AsyncIterator[Finding]:
        yield wrong("Slack", "a\x1b]0;pwned\x07b\x1b[2J\u202e in c\nok d", "e\u2028f.")

    monkeypatch.setattr("bots.ops.doctor.examined", findings)
    assert await doctor(Settings.model_validate({})) == 1
    line, _ = capsys.readouterr().out.splitlines()
    assert line == "WRONG  Slack: a]0;pwnedb[2J in c ok d. e f."
