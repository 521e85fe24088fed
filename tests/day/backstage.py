"""Behind the scene: the real program, a real Redis, and the model that it asks."""

from __future__ import annotations

import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.store.redis import RedisStore
from tests.day.mind import Mind
from tests.e2e.program import Program
from tests.fakes.claude import KEY, FakeClaude
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from core.store.port import Store
    from tests.day.stage import Stage
    from tests.e2e.program import Ended, Running

SMALL = {
    "CHATBOT_MEMORY_HIGH": "900",
    "CHATBOT_MEMORY_LOW": "300",
    "CHATBOT_KEEP_EXCHANGES": "1",
}
"""Marks that a talk of a few messages passes."""
LEASE_SECONDS = 2
"""The bot's calls may take a part of it, which has to be enough on a busy machine."""


class Backstage:
    """Starts the program and ends it, gently or not."""

    def __init__(
        self, stage: Stage, program: Program, store: Store, mind: Mind, claude: FakeClaude
    ) -> None:
        self.store = store
        self.mind = mind
        self.claude = claude
        self.program = program
        self._stage = stage
        self._running: Running | None = None

    async def start(self) -> None:
        """Start the program, and wait until it hears people."""
        self._running = await self.program.start("run")
        await self._stage.joined(self._running, self.store)

    async def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        if self._running is not None:
            await self._running.kill()
            assert self._running.process.stderr is not None
            # pytest shows it where the day goes wrong
            sys.stderr.write((await self._running.process.stderr.read()).decode())
            self._running = None

    def ask_to_stop(self) -> None:
        """Tell it to come to an end, as an operator's system does."""
        assert self._running is not None
        self._running.process.send_signal(signal.SIGTERM)

    async def ended(self) -> Ended:
        """Wait for its end."""
        assert self._running is not None
        return await self._running.end()


@asynccontextmanager
async def backstage(stage: Stage, home: Path) -> AsyncGenerator[Backstage, None]:
    """Prepare all that the program needs, in an empty directory; the day starts it."""
    (home / "redis").mkdir()
    mind, program = Mind(), Program(home)
    with redis_server(directory=home / "redis") as server:
        async with FakeClaude(mind) as claude:
            program.settings |= SMALL | {
                "ANTHROPIC_API_KEY": KEY,
                "ANTHROPIC_BASE_URL": claude.url,
                "CHATBOT_LOG_LEVEL": "INFO",
                "CHATBOT_STORE": server.url,
                "CHATBOT_LEASE_SECONDS": str(LEASE_SECONDS),
            }
            program.settings |= stage.settings()
            store = RedisStore.from_url(server.url, lease_seconds=LEASE_SECONDS)
            behind = Backstage(stage, program, store, mind, claude)
            try:
                yield behind
            finally:
                await behind.kill()
                await store.close()
