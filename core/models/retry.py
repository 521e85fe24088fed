"""Asking a model until it answers: how often, for how long, and what is shown meanwhile."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.clock import Backoff
from core.domain.errors import ModelBusyError, ModelInterruptedError
from core.domain.message import PieceCleaner, clean
from core.models.port import Completion, StopReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from core.domain.session import Usage
    from core.models.port import Model, ModelRequest, Thought, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often to retry, and for how long."""

    attempts: int = 4
    deadline: float = 90.0
    """Seconds after which no further attempt starts; a running one is not cut off."""
    backoff: Backoff = Backoff(first=0.5, cap=20.0, jitter=0.5)  # noqa: RUF009 - it is frozen
    """Waits between attempts; the wait that the model itself asks for may be longer."""

    def wait(self, failures: int, retry_after: float | None) -> float:
        """Return how long to wait after so many failures in a row."""
        jittered = self.backoff.wait(failures)
        # Never sooner than was asked for, and not all at the same moment either.
        return jittered if retry_after is None else retry_after + jittered / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A complete answer."""

    text: str
    stop: StopReason
    usage: Usage | None
    calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()


async def ask(
    model: Model,
    request: ModelRequest,
    *,
    clock: Clock,
    policy: RetryPolicy,
    show: Callable[[str], None],
    since: float | None = None,
) -> Answered:
    """Return the model's answer; retry if the model is busy or breaks off.

    Args:
        model: The model to ask.
        request: The request to send.
        clock: Measures the deadline, and waits between attempts.
        policy: How often to retry, and for how long.
        show: Called with all text so far each time more of it arrives, cleaned and never with half
            a character; called with an empty text when the answer starts over.
        since: The steady time from which the deadline counts; now if it is None.

    Raises:
        ModelRefusedError: At once, since retrying is useless.
        ModelInterruptedError: After the last attempt broke off as well. `partial` is the longest
            text of all attempts. The message may be the cause.
        ModelBusyError: After the last attempt, since the model can't answer now; the message is not
            the cause. `retry_after` is the announced wait, if any, and `partial` the longest text
            of the earlier attempts.
    """
    started = clock.monotonic() if since is None else since
    longest = ""
    for failures in range(1, policy.attempts + 1):
        attempt = _Attempt(show)
        try:
            return await attempt.run(model, request)
        except (ModelBusyError, ModelInterruptedError) as error:
            longest = max(longest, attempt.text or clean(error.partial), key=len)
            wait = policy.wait(failures, getattr(error, "retry_after", None))
            late = clock.monotonic() - started + wait > policy.deadline
            if late or failures == policy.attempts:
                raise _final(error, longest) from error.__cause__
        await clock.sleep(wait)
        if attempt.text:
            show("")
    raise ValueError("a retry policy needs at least one attempt")


class _Attempt:
    """One call. The text of every model comes in here, and is cleaned here."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self.text = ""
        """All text that came, except half a character at its end."""
        self._show = show

    async def run(self, model: Model, request: ModelRequest) -> Answered:
        cleaner = PieceCleaner()
        async with aclosing(model.stream(request)) as stream:
            async for item in stream:
                if isinstance(item, Completion):
                    whole = self.text + cleaner.rest()
                    return Answered(
                        text=whole,
                        stop=item.stop,
                        usage=item.usage,
                        calls=item.calls,
                        thoughts=item.thoughts,
                    )
                if sure := cleaner.take(item):
                    self.text += sure
                    self._show(self.text)
        raise ModelInterruptedError("The answer ended before it was complete.", partial=self.text)


def _final(
    error: ModelBusyError | ModelInterruptedError, longest: str
) -> ModelBusyError | ModelInterruptedError:
    """Return the error to give up with, which has the longest text that came."""
    if isinstance(error, ModelBusyError):
        return ModelBusyError(str(error), retry_after=error.retry_after, partial=longest)
    return ModelInterruptedError(str(error), partial=longest)
