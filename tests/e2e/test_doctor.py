"""`chatbot doctor` as a process of its own: its lines, and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.setup.manifest import manifest
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.e2e.program import Program


async def test_it_says_what_is_wrong_with_slack_and_how_to_mend_it(program: Program) -> None:
    async with FakeSlack() as slack:
        slack.configure(manifest("socket"))
        slack.channel("general", slack.person("ann"))
        program.settings |= {
            "CHATBOT_SLACK_BASE_URL": slack.api_url,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_BOT_TOKEN": slack.bot_token,
        }
        ended = await program.run("doctor")
        assert ended.code == 0, ended
        assert ended.lines[-1] == "No problems found"
        assert not slack.said_by_app()
        assert not slack.socket.opened  # a running bot's events stay its own

        slack.install.scopes.discard("im:history")
        ended = await program.run("doctor")
    assert ended.code == 1
    assert ended.lines[-1] == "1 problem to fix"
    (line,) = [line for line in ended.lines if line.startswith("WRONG")]
    assert "im:history is missing (receives direct messages" in line
    assert line.endswith("and reinstall the app.")
    assert slack.bot_token not in ended.out.decode() + ended.err


async def test_a_half_of_the_tokens_is_told_and_the_rest_is_looked_at(program: Program) -> None:
    program.settings |= {
        "SLACK_BOT_TOKEN": "xoxp-1",
        "CHATBOT_SLACK_BASE_URL": "http://127.0.0.1:9/",
    }
    ended = await program.run("doctor")
    assert ended.code == 1
    said = "\n".join(ended.lines)
    assert "SLACK_BOT_TOKEN contains a user's token" in said
    assert "the settings don't say how events arrive" in said
    assert "Store: sqlite:" in said
