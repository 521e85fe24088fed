"""`chatbot doctor`: looks at settings, store, model and platforms; says how to mend what is wrong.

A platform joins with a function in `_platforms` that takes the settings and a clock and yields
`Finding`s, whether or not the platform is set up.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bots.app import App, model_notes
from bots.factories import model_for, model_name
from bots.ops.finding import Level, fine, note, wrong
from bots.ops.redaction import redact
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
_MODEL = "Look at ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and CHATBOT_MODEL."
_MODEL_PASSES = (
    "This may pass by itself: look at https://status.claude.com, and run the doctor again later. "
    "If it stays, look at the network, at a proxy, and at ANTHROPIC_BASE_URL if it is set."
)
_STORE_PASSES = (
    "If the server is down or starts, wait for it; else look at the network, and at CHATBOT_STORE, "
    "which is {store}."
)
_TRIAL_TTL = 3600.0
"""Seconds after which a trial's thread is gone, should the doctor be killed before it erases it."""


async def doctor(settings: Settings) -> int:
    """Print what is fine, what is wrong and how to repair it; return 1 where something is wrong."""
    hidden = sorted(settings.secrets, key=len, reverse=True)
    faults = 0
    async for finding in examined(settings, SystemClock()):
        _print(redact(str(finding), hidden))
        faults += finding.level is Level.WRONG
    _print(f"{faults} to mend" if faults else "Nothing is wrong")
    return 1 if faults else 0


async def examined(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Yield what there is to say, in the order in which it matters."""
    yield fine("Settings", "all can be read")
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
            await tried(app.store, app.clock)
            counted = app.memory.counter.describe()
    except StoreUnavailableError as error:
        yield wrong("Store", str(error), _STORE_PASSES.format(store=settings.store_shown))
        return
    except ChatbotError as error:
        mend = f"Look at CHATBOT_STORE, which is {settings.store_shown}, and at the server there."
        yield wrong("Store", str(error), mend)
        return
    yield fine("Store", f"{settings.store_shown} takes, leases, gives back and forgets a message")
    yield fine("Tokens", f"counted by {counted}")


async def tried(store: Store, clock: Clock) -> None:
    """Put a message in, lease its thread, read it back, and remove it all again.

    No worker sees it: the thread belongs to a platform that there is not. What stays is what any
    erased thread leaves, a hash. Raises what the store raises, and `ChatbotError` when what comes
    back is not what was put in.
    """
    name, said = secrets.token_hex(8), "The doctor was here."
    thread = ThreadKey("doctor", "trial", name)
    message = Message(
        thread=thread,
        kind=Kind.TERMINAL,
        id=name,
        identities=(f"doctor:{name}",),
        author=Author(id="doctor", name="doctor"),
        text=said,
        at=clock.now(),
    )
    terms = AdmissionPolicy(
        admissions=admissions(message, FollowUp.ALWAYS, overhear=False), ttl=_TRIAL_TTL, reach=1
    )
    work = (await store.accept(message, terms, token=name)).work
    try:
        if work is None or (await store.accept(message, terms)).new:
            raise ChatbotError("a message was not taken in, or not once only")
        if await store.claim(thread, secrets.token_hex(8)) is not None:
            raise ChatbotError("two workers got the lease on one thread")
        if await store.renew(work.lease, work.rev) != "ok":
            raise ChatbotError("a lease could not be renewed")
        read = [getattr(record, "text", "") for record in await store.history(thread)]
        if read != [said]:
            raise ChatbotError("a message did not come back as it was put in")
    finally:
        await store.erase(thread, at=clock.now())
        if work is not None:
            await store.settle(work.lease, Outcome.CLEARED)
    if await store.history(thread) or await store.peek(thread) is not None:
        raise ChatbotError("a thread that was erased is still there")


async def _model(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    for remark in model_notes(settings, clock.now()):
        yield note("Model", remark)
    if settings.offline:  # it asks nobody
        return
    error = await _refusal(settings)
    if error is None:
        yield fine("Model", f"{model_name(settings)} answers")
    elif isinstance(error, ModelRefusedError):
        yield wrong("Model", str(error).rstrip("."), _MODEL)
    else:
        yield wrong("Model", str(error).rstrip("."), _MODEL_PASSES)


async def _refusal(settings: Settings) -> ModelError | None:
    """Ask the model for a word; return what is wrong, or nothing."""
    words = ModelMessage(role="user", blocks=(Block(text="Say: ready"),))
    request = ModelRequest(
        model=model_name(settings), system=(), messages=(words,), max_tokens=_PING_TOKENS
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


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is what was asked for
