"""Errors, by what the code that catches them does next. Each message is a sentence for a person."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from typing import ClassVar, Protocol


class Waitable(Protocol):
    """Something to wait for, such as an `asyncio.Event`."""

    async def wait(self) -> object:
        """Return once it is set."""
        ...

    def is_set(self) -> bool:
        """Return whether it is set."""
        ...


class ChatbotError(Exception):
    """The root of all errors of our own; its text says what is wrong and what to do."""


class SettingsError(ChatbotError):
    """The settings are invalid; the text lists every fault. End the program."""


class StoreError(ChatbotError):
    """The store did not do what it was asked to do. Nothing was acknowledged.

    While the program runs, both kinds are an outage: a failover, a rotated password or expired
    credentials may end. So running code catches this error and retries later.
    """


class StoreUnavailableError(StoreError):
    """The store does not answer at the moment."""


class StoreRefusedError(StoreError):
    """The store can't be used as it is: a wrong password, a read-only server, a newer schema.

    At the start it ends the program, since only the operator can fix it.
    """


class StoreDamagedError(StoreRefusedError):
    """What the store holds is damaged: no wait makes it readable again, only a backup does."""


class DeniedError(ChatbotError):
    """A command is refused to this person; the text tells them why."""


class WaitError(ChatbotError):
    """Something can't be done now, and no message is the reason.

    A platform or a model has announced a limit, or has an outage. A turn does not lose an attempt
    by it: the turn waits, others go on, and it continues when the wait is over.
    """

    seconds: float | None = None
    """The announced wait in seconds, from now on; None if none was announced."""
    again: Waitable | None = None
    """Set once it works again, as far as this process knows; None if nothing would set it."""


class TurnChangedError(ChatbotError):
    """A message of the turn was edited, deleted or erased meanwhile. Start the turn again."""


class LeaseLostError(ChatbotError):
    """Another worker holds the thread's lease now. Stop, and delete what only you have posted."""

    def __init__(self, *, recorded: bool, mine: bool) -> None:
        """Say whether the turn's answer is recorded, and whether this lease has recorded it."""
        super().__init__("the lease on this thread is no longer ours")
        self.recorded = recorded
        self.mine = mine


class MessageTooLargeError(ChatbotError):
    """A message is too large for the model, even by itself. Say so; retrying is useless."""

    def __init__(self, *, size: int, room: int | None, fixed: int = 0) -> None:
        """Say how large the message is and what is possible, or that it is not at fault.

        Args:
            size: The tokens of the message.
            room: The tokens that it may have; None if that is unknown.
            fixed: The tokens that every request has. If a short message is smaller than that, the
                instructions are what leaves no room.
        """
        self.is_long = size > fixed or size >= _LONG
        """The message is too long, and not the instructions in the settings."""
        super().__init__(_too_long(size, room) if self.is_long else _NO_ROOM)
        self.size = size
        self.room = room
        self.fixed = fixed


_LONG = 1_000
"""Tokens of a message that is long in any case: some 2,500 characters."""
_NO_ROOM = (
    "I can't read any message, however short: my instructions leave no room for it in the model. "
    "The person who runs me can find the numbers in the log."
)


def _too_long(size: int, room: int | None) -> str:
    if room is None:
        return "This message is too long for the model. Please send it in parts, or shorten it."
    return (
        f"This message is too long: it is about {size:,} tokens, and I can read at most "
        f"{max(room, 0):,}. Please send it in parts, or shorten it."
    )


class ModelError(ChatbotError):
    """A model call failed."""

    blames_message: ClassVar[bool] = True
    """Whether the message may be the cause, so that another attempt may fail in the same way."""
    partial: str = ""
    """Text that came before the error; it is no answer. Only a turn that is given up shows it."""
    said: str = ""
    """What the model's API says of it, without any words of the request; for the operator."""


class ModelBusyError(ModelError, WaitError):
    """The model can't answer now (overload, rate limit, network). Retry after a while.

    The message is never the cause: any other would have failed as well. So the turn does not lose
    an attempt; it waits, and continues once the model answers again.
    """

    blames_message: ClassVar[bool] = False

    def __init__(
        self, sentence: str, *, retry_after: float | None = None, partial: str = ""
    ) -> None:
        """Say what happened.

        `retry_after` is the wait that the model asked for, in seconds from now on; None if it asked
        for none. `partial` is the text of an earlier attempt.
        """
        super().__init__(sentence)
        self.retry_after = self.seconds = retry_after
        self.partial = partial


class ModelInterruptedError(ModelError):
    """The answer broke off in the middle. The text so far is no answer.

    If that happens again and again, the message may be the cause.
    """

    def __init__(self, sentence: str, *, partial: str) -> None:
        """Say what happened; `partial` is the text that came before."""
        super().__init__(sentence)
        self.partial = partial


class ModelRefusedError(ModelError):
    """The model refuses this call for good: a wrong key, an unknown model, a spend limit."""


class PromptRefusedError(ModelRefusedError):
    """The model refuses the content of this call: too much of it, or a file that it can't read."""


class PromptTooLargeError(PromptRefusedError):
    """The model refuses so much content in one call. Retry with less."""

    def __init__(
        self,
        sentence: str,
        *,
        size: int | None = None,
        limit: int | None = None,
        answer_limit: int | None = None,
        in_bytes: bool = False,
    ) -> None:
        """Say what happened, and how much is too much, as far as the refusal says so.

        Args:
            sentence: What happened, for a person.
            size: The tokens of the prompt as the model counts them, perhaps with `max_tokens`.
            limit: The tokens that prompt and answer may have together.
            answer_limit: The tokens that an answer may have, if `max_tokens` was too large.
            in_bytes: There were too many bytes, not too many tokens.
        """
        super().__init__(sentence)
        self.size = size
        self.limit = limit
        self.answer_limit = answer_limit
        self.in_bytes = in_bytes

    def share(self, answer: int) -> float | None:
        """Return the share of the prompt that would fit, below 1; None if the refusal names none.

        `answer` is the tokens wanted for the answer, which gets at most half of the limit.
        """
        if self.size is None or self.limit is None:
            return None
        share = (self.limit - min(answer, self.limit // 2)) / self.size
        return share if share < 1 else None


class PlatformError(ChatbotError):
    """A call to a chat platform failed."""


class OutOfReachError(PlatformError):
    """A platform is unreachable, and not because of the settings. Retry later."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        """Say why; `retry_after` is the wait that the platform asks for, in seconds."""
        super().__init__(sentence)
        self.retry_after = retry_after


class PlatformBusyError(PlatformError, WaitError):
    """A platform can't serve this call now: it has announced a limit, or has an outage."""

    def __init__(
        self, sentence: str, *, seconds: float | None = None, again: Waitable | None = None
    ) -> None:
        """Name the call; for `seconds` and `again` see `WaitError`."""
        super().__init__(sentence)
        self.seconds = seconds
        self.again = again


class FileUnreadableError(PlatformError):
    """A file can't be read: it is gone, too large, or not shared with the bot. Say so.

    The text ends a sentence: "I could not read plan.pdf: it was deleted."
    """


class FileGoneError(FileUnreadableError):
    """A file was deleted on its platform, so nothing of its content may be shown again."""


class PostUnclearError(PlatformError):
    """The call may or may not have taken effect: read back before retrying it."""


class OutageError(PostUnclearError, WaitError):
    """Like `PostUnclearError`, during an outage of the platform, when other calls fail as well."""

    def __init__(self, sentence: str, *, again: Waitable) -> None:
        """Name the call; `again` is set once the platform works again."""
        super().__init__(sentence)
        self.again = again


class PostRefusedError(PlatformError):
    """The platform refuses this call for good.

    The message is gone, too old or may not be changed, or the bot may no longer write there.
    """


class ContentRefusedError(PlatformError):
    """The platform refuses the content of a post, and would accept another: its shape is wrong."""


class StoppedByUserError(PlatformError):
    """A person told the bot to stop answering. The text so far is the answer."""


class ReadBackRefusedError(PlatformError):
    """The platform does not let the bot read its own messages back."""


# Descriptions of unexpected payloads and errors for the log. They never contain what people said: a
# type's name is shown only if it looks like one, and an error of a library without its text, which
# may quote the data that it is about.
_NAME = re.compile(r"[\w./:-]{1,80}", re.ASCII)
UNNAMED = "?"


def named(*parts: object) -> str:
    """Return the name of a type, made of parts of a payload; `?` for a part that is no name."""
    return "/".join(_named(part) for part in parts if part not in ("", None)) or UNNAMED


def broke(error: BaseException) -> str:
    """Return the type of an error, and the file and line that raised it."""
    kind, where = type(error).__name__, ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        where = f" at {'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line}"
    return kind + where


def described(error: BaseException) -> str:
    """Return what went wrong: the text of our own errors, only type and position of all others."""
    return str(error) if isinstance(error, ChatbotError) else broke(error)


def _named(part: object) -> str:
    return part if isinstance(part, str) and _NAME.fullmatch(part) else UNNAMED
