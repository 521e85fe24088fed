"""A person who talks with the bot, whose model takes less than the bot believes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.domain.message import Kind
from core.domain.session import Answer
from core.models.claude import ClaudeModel
from tests.fakes.claude import FakeClaude, Talk
from tests.fakes.claude_limits import WORDINGS, Limit, bytes_of
from tests.prompts import newest_in
from tests.world import THREAD, World, message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.domain.message import ThreadKey
    from core.intake.intake import Intake
    from core.worker.worker import Worker
    from tests.fakes.claude_limits import Wording

MODEL = "claude-sonnet-5-5"
LIMIT = 4_000
WORDS = "some words to remember. " * 40


def briefly(request: dict[str, Any]) -> Talk:
    """Answer with the beginning of what was said last."""
    said = newest_in(request)
    return Talk("Yes: " + said.partition(">\n")[2][:30])


@dataclass
class Chat:
    """A person who talks, with a model that takes less than the bot believes."""

    world: World
    claude: FakeClaude
    worker: Worker
    intake: Intake
    said: int = 0

    async def say(self, *texts: str, thread: ThreadKey = THREAD) -> Answer:
        """Say these messages at once; return the last answer to them."""
        for text in texts:
            self.said += 1
            await self.intake.take(replace(message(self.said, text), thread=thread))
        await self.world.settled()
        return (await self.answers(thread))[-1]

    async def say_until_refused(self) -> None:
        """Talk until a request was too large."""
        while not self.claude.refused:
            await self.say(f"Message. {WORDS}")

    async def answers(self, thread: ThreadKey = THREAD) -> list[Answer]:
        """Return all answers in a thread."""
        return [r for r in await self.world.store.history(thread) if isinstance(r, Answer)]


@asynccontextmanager
async def chatting(
    wording: Wording = WORDINGS["Anthropic"],
    *,
    limit: int = LIMIT,
    tokenizer: Callable[[str], float] = bytes_of,
    budget: int = 100_000,
    answer_tokens: int = 100,
    counts: bool = False,
    pairs: int = 0,
    delay: float = 0.0,
) -> AsyncIterator[Chat]:
    """Yield a chat with a model of this limit; `counts` says whether it counts on request.

    With `pairs`, the model sees so many exchanges and no summary. `delay` is that of each chunk.
    """
    limited = Limit(limit, wording, tokenizer)
    async with FakeClaude(briefly, limit=limited, counts=counts, delay=delay) as claude:
        model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=5)
        world = World(model, model_name=MODEL, budget=budget, answer_tokens=answer_tokens)
        if pairs:
            kinds = dict.fromkeys(Kind, "window")
            world.memory = replace(world.memory, by_kind=kinds, pairs=pairs)
        try:
            async with world.worker() as worker:
                yield Chat(world, claude, worker, world.intake(worker))
        finally:
            await model.close()
