"""Errors, by what the one who catches them does next. Each message is a sentence for a person."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from typing import ClassVar, Protocol


class Waitable(Protocol):
    """What can be waited for, as an `asyncio.Event`."""

    async def wait(self) -> object:
        """Return when it is given."""
        ...

    def is_set(self) -> bool:
        """Tell whether it was given."""
        ...


class ChatbotError(Exception):
    """The root of all errors of our own; its text says what is wrong and what to do."""


class SettingsError(ChatbotError):
    """The settings can't be used; the text lists every fault. End the program."""


class StoreError(ChatbotError):
    """The store did not do what it was asked. Nothing was acknowledged.

    While the program runs, both kinds are an outage: a failover, a rotated password and expired
    credentials refuse for a moment and then pass. So what runs catches this and tries again later.
    """


class StoreUnavailableError(StoreError):
    """The store does not answer, or not now."""


class StoreRefusedError(StoreError):
    """The store can't be used as it is: wrong password, read-only, a schema from the future.

    When the program starts, this ends it, since only the operator can repair it.
    """


class DeniedError(ChatbotError):
    """A command that is not done for this person; the text tells them why."""


class WaitError(ChatbotError):
    """What was asked for can't be done now, for no fault of any message.

    A limit that a platform or a model announced, or an outage of theirs. It costs a turn no try:
    the turn stands back, others go on, and it goes on when it may.
    """

    seconds: float | None = None
    """The wait that was announced, from now on; None if none was."""
    again: Waitable | None = None
    """Set when it works again, as far as this process knows; None where nobody would notice."""


class TurnChangedError(ChatbotError):
    """What the turn answers was edited, deleted or erased meanwhile. Go on with the thread anew."""


class LeaseLostError(ChatbotError):
    """The thread belongs to somebody else now. Stop, and take back what only we have posted."""

    def __init__(self, *, recorded: bool, mine: bool) -> None:
        """Say whether the turn's answer is recorded, and whether by this very lease."""
        super().__init__("the lease on this thread is no longer ours")
        self.recorded = recorded
        self.mine = mine


class MessageTooLargeError(ChatbotError):
    """A message is too large for the model, even by itself. Say so; asking again is of no use."""

    def __init__(self, *, size: int, room: int | None, fixed: int = 0) -> None:
        """Say how large it is and what is possible, or that it is not the message's fault.

        Args:
            size: Tokens of the message.
            room: Tokens that it may have; None if that is not known.
            fixed: Tokens of what every request has. Where that is more than a short message, it
                is what leaves no room.
        """
        self.is_long = size > fixed or size >= _LONG
        """The message is at fault, and not how the bot is set up."""
        super().__init__(_too_long(size, room) if self.is_long else _NO_ROOM)
        self.size = size
        self.room = room
        self.fixed = fixed


_LONG = 1_000
"""Tokens from which on a message is called long whatever else there is: some 2,500 characters."""
_NO_ROOM = (
    "I can't take in any message, however short: the model has no room for more than my "
    "instructions. The person who runs me finds the numbers in the log."
)


def _too_long(size: int, room: int | None) -> str:
    if room is None:
        return "This message is too long for the model. Please send it in parts, or shorten it."
    return (
        f"This message is too long: it is about {size:,} tokens, and I can read at most "
        f"{max(room, 0):,}. Please send it in parts, or shorten it."
    )


class ModelError(ChatbotError):
    """A model call came to nothing."""

    blames_message: ClassVar[bool] = True
    """What the message asks may be the cause, so that asking again may fail in the same way."""
    partial: str = ""
    """Text that had come. It is not an answer, and shown only when the turn is given up."""


class ModelBusyError(ModelError, WaitError):
    """The model can't answer now (overloaded, rate limit, network). Ask again after a while.

    It is never the fault of the message that is answered: whatever was asked would have failed.
    So it costs no try of the turn, which stands back and goes on when the model answers again.
    """

    blames_message: ClassVar[bool] = False

    def __init__(
        self, sentence: str, *, retry_after: float | None = None, partial: str = ""
    ) -> None:
        """Say what happened.

        `retry_after` is the wait that the model asked for, in seconds from now; None if it asked
        for none. `partial` is text that came in an attempt before the last.
        """
        super().__init__(sentence)
        self.retry_after = self.seconds = retry_after
        self.partial = partial


class ModelInterruptedError(ModelError):
    """The answer broke off in the middle. What came so far is not an answer.

    Where that happens again and again, the message may be what the model stumbles over.
    """

    def __init__(self, sentence: str, *, partial: str) -> None:
        """Say what happened, and what text had come."""
        super().__init__(sentence)
        self.partial = partial


class ModelRefusedError(ModelError):
    """The model will not take this call, however often: wrong key, unknown model, spend cap."""


class PromptRefusedError(ModelRefusedError):
    """The model will not take what this call holds: too long, or a file that it can't read."""


class PromptTooLargeError(PromptRefusedError):
    """The model will not take so much in one call. Ask again with less."""

    def __init__(
        self,
        sentence: str,
        *,
        size: int | None = None,
        limit: int | None = None,
        answer_limit: int | None = None,
        in_bytes: bool = False,
    ) -> None:
        """Say what happened, and how much is too much, as far as the refusal names it.

        Args:
            sentence: What happened, for a person.
            size: Tokens of the prompt as the model counts them, perhaps with the answer's room.
            limit: Tokens that prompt and answer may have together.
            answer_limit: Tokens that an answer may have, where the room for that was too large.
            in_bytes: Bytes were too many, and not tokens.
        """
        super().__init__(sentence)
        self.size = size
        self.limit = limit
        self.answer_limit = answer_limit
        self.in_bytes = in_bytes

    def share(self, answer: int) -> float | None:
        """Return how much of the prompt would fit, below 1; None where that is not said.

        `answer` is the room that is wanted for the answer; it gets half of the limit at most.
        """
        if self.size is None or self.limit is None:
            return None
        share = (self.limit - min(answer, self.limit // 2)) / self.size
        return share if share < 1 else None


class PlatformError(ChatbotError):
    """A call to a chat platform came to nothing."""


class OutOfReachError(PlatformError):
    """A platform can't be reached now, for no fault of the settings. Try again later."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        """Say why; `retry_after` is the wait that the platform asks for, in seconds."""
        super().__init__(sentence)
        self.retry_after = retry_after


class PlatformBusyError(PlatformError, WaitError):
    """A platform can't take this call now: a limit that it announced, or an outage of its own."""

    def __init__(
        self, sentence: str, *, seconds: float | None = None, again: Waitable | None = None
    ) -> None:
        """Say which call, and what `WaitError` has fields for."""
        super().__init__(sentence)
        self.seconds = seconds
        self.again = again


class FileUnreadableError(PlatformError):
    """A file can't be had: gone, too large, or not for us. Name it, with this text as the reason.

    The text ends a sentence: "I could not read plan.pdf: it was deleted."
    """


class FileGoneError(FileUnreadableError):
    """A file was removed where it was, so that nothing that was in it is to be shown again."""


class PostUnclearError(PlatformError):
    """The call may or may not have taken effect: read back before trying it again."""


class OutageError(PostUnclearError, WaitError):
    """As an unclear end, in an outage of the platform's: other calls end so too."""

    def __init__(self, sentence: str, *, again: Waitable) -> None:
        """Say which call; `again` is set when the platform works again."""
        super().__init__(sentence)
        self.again = again


class PostRefusedError(PlatformError):
    """The platform refuses this for good, however long one waits.

    The message is gone, too old, or may not be changed; or the bot may not write there any more.
    """


class ContentRefusedError(PlatformError):
    """The platform refuses what is in a post, and would take another: it is of a wrong shape."""


class StoppedByUserError(PlatformError):
    """Somebody told the bot to stop answering. What has come so far is the answer."""


class ReadBackRefusedError(PlatformError):
    """The platform does not let us read our own messages back."""


# What could not be made sense of, in words for the log. What people say is never among them: a name
# of a kind is shown only if it looks like one, and an error of others without its text, which may
# quote what it is about.
_NAME = re.compile(r"[\w./:-]{1,80}", re.ASCII)
UNNAMED = "?"


def named(*parts: object) -> str:
    """Return the name of a kind, made of what stands in a payload; `?` for a part that is none."""
    return "/".join(_named(part) for part in parts if part not in ("", None)) or UNNAMED


def broke(error: BaseException) -> str:
    """Return the kind of an error, and the file and the line that raised it."""
    kind, where = type(error).__name__, ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        where = f" at {'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line}"
    return kind + where


def described(error: BaseException) -> str:
    """Return what went wrong: the sentence of an error of ours, of others only kind and place."""
    return str(error) if isinstance(error, ChatbotError) else broke(error)


def _named(part: object) -> str:
    return part if isinstance(part, str) and _NAME.fullmatch(part) else UNNAMED
