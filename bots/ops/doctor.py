"""`chatbot doctor`: examines settings, store, model and platforms, and says how to fix problems.

To add a platform, add a function to `_platforms` that takes the settings and a clock and yields
`Finding`s, whether or not the platform is set up.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bots.app import App, model_notes
from bots.factories import model_for, model_name
from bots.ops.finding import Level, fine, note, wrong
from bots.ops.redaction import redact
from bots.terminal.text import inert
from core.domain.admission import AdmissionPolicy, FollowUp, admissions
from core.domain.clock import SystemClock
from core.domain.errors import ChatbotError, ModelError, ModelRefusedError, StoreUnavailableError
from core.domain.message import Author, Kind, Message, ThreadKey
from core.models.port import Block, ModelMessage, ModelRequest
from core.store.values import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bots.ops.finding import Finding
    from bots.settings.settings import Settings
    from core.domain.clock import Clock
    from core.store.port import Store

_PING_TOKENS = 16
_MODEL = "Check ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and CHATBOT_MODEL."
_MODEL_PASSES = (
    "This may be temporary: check https://status.claude.com and run the doctor again later. If it "
    "persists, check the network, any proxy, and ANTHROPIC_BASE_URL if it is set."
)
_STORE_PASSES = (
    "If the server is down or starting, wait for it; otherwise check the network and "
    "CHATBOT_STORE, which is {store}."
)
_TRIAL_TTL = 3600.0
"""Seconds after which the store drops the test thread if the doctor is killed."""


async def doctor(settings: Settings) -> int:
    """Print what works, what is wrong and how to fix it; return 1 if something is wrong."""
    hidden = sorted(settings.secrets, key=len, reverse=True)
    problems = 0
    async for finding in examined(settings, SystemClock()):
        _print(redact(str(finding), hidden))
        problems += finding.level is Level.WRONG
    _print(_summary(problems))
    return 1 if problems else 0


async def examined(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Yield the findings, the most basic first."""
    yield fine("Settings", "all are valid")
    async for finding in _store(settings):
        yield finding
    async for finding in _model(settings, clock):
        yield finding
    for examine in _platforms():
        async for finding in examine(settings, clock):
            yield finding


def _platforms() -> tuple[Callable[[Settings, Clock], AsyncIterator[Finding]], ...]:
    from bots.discord.setup.doctor import examined as discord  # noqa: PLC0415 - slow to import
    from bots.slack.setup.doctor import examined as slack  # noqa: PLC0415

    return (slack, discord)


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with await App.open(settings) as app:
            for remark in await app.store.check():
                yield note("Store", remark)
            await try_store(app.store, app.clock)
            counted = app.memory.counter.describe()
    except StoreUnavailableError as error:
        yield wrong("Store", str(error), _STORE_PASSES.format(store=settings.store_shown))
        return
    except ChatbotError as error:
        fix = f"Check CHATBOT_STORE, which is {settings.store_shown}, and the server there."
        yield wrong("Store", str(error), fix)
        return
    yield fine("Store", f"{settings.store_shown} can store, lease, return and delete a message")
    yield fine("Tokens", f"counted by {counted}")


async def try_store(store: Store, clock: Clock) -> None:
    """Store a message, lease its thread, read the message back, and delete everything.

    No worker sees it, since the thread belongs to a platform that does not exist. Only a hash
    remains, as of every erased thread.

    Raises:
        ChatbotError: The store does not do what it should, or raises an error of its own.
    """
    name, text = secrets.token_hex(8), "The doctor was here."
    thread = ThreadKey("doctor", "trial", name)
    message = Message(
        thread=thread,
        kind=Kind.TERMINAL,
        id=name,
        identities=(f"doctor:{name}",),
        author=Author(id="doctor", name="doctor"),
        text=text,
        sent_at=clock.now(),
    )
    policy = AdmissionPolicy(
        admissions=admissions(message.address, FollowUp.ALWAYS, overhear=False),
        ttl=_TRIAL_TTL,
        reach=1,
    )
    work = (await store.accept(message, policy, token=name)).work
    try:
        if work is None or (await store.accept(message, policy)).new:
            raise ChatbotError("a message was not accepted exactly once")
        if await store.claim(thread, secrets.token_hex(8)) is not None:
            raise ChatbotError("two workers got the lease on one thread")
        if await store.renew(work.lease, work.revision) != "ok":
            raise ChatbotError("a lease could not be renewed")
        read = [getattr(record, "text", "") for record in await store.history(thread)]
        if read != [text]:
            raise ChatbotError("a message did not come back as it was stored")
    finally:
        await store.erase(thread, at=clock.now())
        if work is not None:
            await store.settle(work.lease, Outcome.CLEARED)
    if await store.history(thread) or await store.peek(thread) is not None:
        raise ChatbotError("an erased thread is still there")


async def _model(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    for remark in model_notes(settings, clock.now()):
        yield note("Model", remark)
    if settings.offline:  # it makes no calls
        return
    error = await _ask_model(settings)
    if error is None:
        yield fine("Model", f"{model_name(settings)} answers")
    elif isinstance(error, ModelRefusedError):
        yield wrong("Model", _in_words(error), _MODEL)
    else:
        yield wrong("Model", _in_words(error), _MODEL_PASSES)


def _in_words(error: ModelError) -> str:
    """Return what is wrong, with the words of the API."""
    sentence = str(error).replace(": the log says why", "").rstrip(".")
    return f"{sentence} (the API says: {error.said})" if error.said else sentence


async def _ask_model(settings: Settings) -> ModelError | None:
    """Ask the model for one word; return its error, or None if it answers."""
    message = ModelMessage(role="user", blocks=(Block(text="Say: ready"),))
    request = ModelRequest(
        model=model_name(settings), system=(), messages=(message,), max_tokens=_PING_TOKENS
    )
    model = model_for(settings)
    try:
        async for _ in model.stream(request):
            pass
    except ModelError as error:
        return error
    finally:
        await model.close()
    return None


def _summary(problems: int) -> str:
    if not problems:
        return "No problems found"
    return f"{problems} problem{'s' if problems > 1 else ''} to fix"


def _print(line: str) -> None:
    print(" ".join(inert(line).split("\n")), flush=True)  # noqa: T201 - the command's output
