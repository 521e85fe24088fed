"""Builds from the settings the model that answers, its system prompt, and the memory."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bots.ops.loading import loading
from bots.settings.settings import OFFLINE
from core.domain.message import Kind
from core.domain.settings import OFF, ON
from core.memory.learned import HEADROOM
from core.memory.memory import Memory
from core.memory.tokens import counter_for, find_rank_file
from core.models.catalog import known_models, spec_of
from core.prompt.prompt import DEFAULT_SYSTEM_PROMPT, system_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bots.settings.settings import Settings
    from core.models.port import Completion, Model, ModelRequest


def guessed(name: str) -> str:
    """Return a sentence if a model's limits are unknown; empty if they are known."""
    spec = spec_of(name)
    if spec.name != name:
        return ""
    near = ", ".join(known_models()[:2])
    return (
        f"The model “{name}” is unknown, so its limits are a guess ({spec.input_limit:,} tokens); "
        f"known models are {near} and others."
    )


def model_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the models that answer and that summarize."""
    return (settings.model, settings.summary_model)


def model_name(settings: Settings) -> str:
    """Return the name of the model that answers."""
    return OFFLINE if settings.offline else settings.model


def model_for(settings: Settings) -> Model:
    """Return the model that answers."""
    if settings.offline:
        from core.models.offline.model import OfflineModel  # noqa: PLC0415 - slow to import

        return OfflineModel()
    with loading():
        from core.models.claude import ClaudeModel  # noqa: PLC0415 - slow to import

    return ClaudeModel(
        settings.anthropic_api_key.get_secret_value(), base_url=settings.anthropic_base_url or None
    )


def memory_for(settings: Settings) -> Memory:
    """Return the memory: how the bot counts tokens and what of a conversation it keeps."""
    name = model_name(settings)
    if settings.offline:  # it answers whatever people choose
        return _memory(settings, name)

    @cache
    def by_model(other: str) -> Memory:
        return memory if other == name else replace(_memory(settings, other), by_model=by_model)

    memory = replace(_memory(settings, name), by_model=by_model)
    return memory


def _memory(settings: Settings, name: str) -> Memory:
    room = spec_of(name).input_limit - min(settings.answer_tokens, spec_of(name).output_limit)
    counter = counter_for(name, rank_file=find_rank_file(os.environ, tempfile.gettempdir()))
    return Memory(
        counter=counter,
        budget=min(int(room * (1 - HEADROOM)), settings.input_tokens or room),
        marks=settings.marks,
        keep=settings.keep_exchanges,
        cache_minimum=spec_of(name).cache_minimum,
        system_tokens=counter.count(system_text(system_prompt(settings), "")),
        by_kind={kind: settings.strategy(kind) for kind in Kind},
        pairs=settings.memory_pairs,
        pin_tokens=settings.pin_tokens,
        zone=ZoneInfo(settings.timezone),
    )


def answer_tokens(settings: Settings) -> int:
    """Return how many tokens an answer may have: at most what the model can write."""
    return min(settings.answer_tokens, spec_of(model_name(settings)).output_limit)


def usual_words(settings: Settings) -> dict[str, str]:
    """Return in words what the environment says of what people can set; see `ScopedSettings`."""
    marks = settings.marks
    own = "by the length of the turns"
    return {
        "instructions": "none",
        "model": model_name(settings),
        "memory_high": f"{marks.high:,}" if marks else own,
        "memory_low": f"{marks.low:,}" if marks else own,
        "memory_pairs": f"{settings.memory_pairs:,}",
        "follow_up": settings.follow_up,
        "overhear": ON if settings.overhear else OFF,
        "answer_tokens": f"{answer_tokens(settings):,}",
        "recall": ON if settings.recall_tokens else OFF,
    }


def system_prompt(settings: Settings) -> str:
    """Return the system prompt."""
    return settings.instructions or DEFAULT_SYSTEM_PROMPT


class LazyOfflineModel:
    """The offline model, imported when it is first used: as a fallback it rarely is."""

    name = OFFLINE
    has_tools = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        """Yield the offline model's answer."""
        from core.models.offline.model import OfflineModel  # noqa: PLC0415 - see the class

        async for item in OfflineModel().stream(request):
            yield item

    async def count(self, request: ModelRequest) -> int | None:
        """Return None: it has no limit that a request could come near."""
        del request
        return None

    async def close(self) -> None:
        """Do nothing: it holds no resources."""
