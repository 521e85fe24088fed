"""What a model is sent of linked conversations, and what people see: for tests on each platform."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from core.prompt.tags import LINKED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from core.models.port import Model
    from tests.fakes.claude import FakeClaude

NOT_THEIRS = "The link leads to a conversation that you can't read, or that I don't know."
NOT_FOR_ALL = "not everyone here can read it"
EMPTY = "I remember no conversation at the link."
UNASKED = "I could not find out whether you may read it"


@asynccontextmanager
async def closing(model: Model) -> AsyncGenerator[None, None]:
    """Close a model at the end of the block."""
    try:
        yield
    finally:
        await model.close()


def sent(claude: FakeClaude) -> str:
    """Return all that was sent to the model last, but for the system prompt."""
    return "\n".join(_texts(claude.requests[-1]["messages"]))


def linked(claude: FakeClaude) -> str:
    """Return the linked conversations in the last request; empty if there are none."""
    beginning = f"<{LINKED} "
    return "\n".join(each for each in _last(claude) if each.startswith(beginning))


def bare(block: str) -> str:
    """Return a block without its link, to be compared with another one."""
    before, _, rest = block.partition('link="')
    return before + rest.partition('"')[2]


def _last(claude: FakeClaude) -> list[str]:
    return _texts(claude.requests[-1]["messages"][-1:])


def _texts(messages: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for message in messages:
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        found += [part.get("text", "") for part in parts]
    return found
