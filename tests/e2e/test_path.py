"""One message's path through the code stays short; `tests.benchmarks.path` says how it counts."""

from __future__ import annotations

from tests.benchmarks.path import folded, slack

FILES = 45
CROSSINGS = 380


async def test_a_message_on_slack_enters_few_files() -> None:
    entered, crossings = (await slack()).path(folded)
    assert len(entered) <= FILES, "\n".join(sorted(entered))
    assert crossings.total() <= CROSSINGS
    begun = {"bots/slack/connection/socket.py", "core/intake/intake.py", "core/turn/turn.py"}
    assert begun | {"core/store", "core/delivery/delivery.py", "bots/slack/api.py"} <= {*entered}
