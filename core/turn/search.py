"""Asks the model for one answer, which may take several calls: it can search its conversation.

What the model says before a search stays part of the answer, and people see it meanwhile. The tool
stays in all requests of a turn, and may be called in all but the last: a change of either would
make the API read the whole prompt again (Anthropic's documentation, "Tool use with prompt
caching").

Arguments of a search come from the model, and so from whatever it has read: they are checked and
bounded, and what is wrong goes back to it in words. A search never leaves its conversation, and
finds nothing of before its last reset.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from core.domain.errors import ModelBusyError, ModelInterruptedError, StoppedByUserError, described
from core.domain.message import clean
from core.domain.session import Usage
from core.memory.fading import whole
from core.memory.recall.recall import Search
from core.models.port import Block, ModelMessage, StopReason, Tool, ToolResult
from core.models.retry import Answered, ask
from core.prompt.recalled import recalled_text
from core.prompt.transcript import NO_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from core.delivery.preview import Preview
    from core.domain.clock import Clock
    from core.domain.session import Passage, Session
    from core.memory.recall.recall import Recall
    from core.models.port import Model, ModelRequest, Part, ToolCall
    from core.models.retry import RetryPolicy
    from core.prompt.files import Files
    from core.turn.planning import Prompt

log = logging.getLogger(__name__)

# --- asking ---------------------------------------------------------------------------------------

_CALLS: Final = 6
"""The most calls of the model for one answer, if it goes on to search when it may not."""
_FRAME_TOKENS: Final = 30
"""Tokens of a call and of the frame of its result."""


@dataclass(slots=True)
class Spent:
    """What all calls of a turn were billed for, those for nothing included."""

    usage: Usage | None = None
    units: float = 0.0
    """What the token counter measured in their prompts; 0 if one of them is not known."""
    _is_known: bool = True

    def add(self, usage: Usage | None, units: float) -> None:
        """Add a call that was answered; without a usage or units, the units are unknown."""
        if usage is not None:
            self.usage = (self.usage or Usage()) + usage
        self._is_known = self._is_known and usage is not None and units > 0
        self.units = self.units + units if self._is_known else 0.0


class ToolLoop:
    """Asks one model."""

    def __init__(self, model: Model, clock: Clock, policy: RetryPolicy) -> None:
        """Ask this model, and retry by this policy."""
        self._model = model
        self._clock = clock
        self._policy = policy

    async def answer(
        self,
        prompt: Prompt,
        search: ConversationSearch,
        preview: Preview,
        spent: Spent,
        *,
        since: float,
    ) -> Answered:
        """Return the answer to a prompt, and show it as it comes.

        Args:
            prompt: The prompt.
            search: The searches of the turn.
            preview: Shows the text so far.
            spent: Counts what the calls cost.
            since: The steady time from which the time for retries counts.

        Raises:
            ModelError: Whatever the model raises; its `partial` has the text of all calls.
        """
        if preview.text:  # of an earlier request, which was refused
            preview.show("")
        request, said, added = prompt.request, "", 0
        for _ in range(_CALLS):
            try:
                answered = await self._ask(request, said, preview, since)
            except StoppedByUserError:
                return _stopped(preview)
            except (ModelBusyError, ModelInterruptedError) as error:
                error.partial = joined(said, error.partial)
                raise
            spent.add(answered.usage, _units(prompt, added))
            said = joined(said, answered.text)
            if answered.stop is not StopReason.CALLS:
                return replace(answered, text=said)
            may_call = not search.is_used_up  # it gets its results, or hears that it was the last
            try:
                results = await preview.unless_stopped(
                    search.results(answered.calls, prompt.room - prompt.tokens - added)
                )
            except StoppedByUserError:
                return _stopped(preview)
            request = _continued(request, answered, results, may_call=may_call)
            added += sum([prompt.counter.count(each.text) + _FRAME_TOKENS for each in results])
            added += prompt.counter.count(answered.text)
        return replace(answered, text=said, stop=StopReason.END)

    async def _ask(
        self, request: ModelRequest, said: str, preview: Preview, since: float
    ) -> Answered:
        """Make one call; show its text behind what the model has said before."""
        asking = ask(
            self._model,
            request,
            clock=self._clock,
            policy=self._policy,
            show=lambda text: preview.show(joined(said, text)),
            since=since,
        )
        return await preview.unless_stopped(asking)


def joined(said: str, text: str) -> str:
    """Return two texts of one answer, between which the model has searched, as two paragraphs."""
    if not said.strip() or not text.strip():
        return said if said.strip() else text
    return f"{said.rstrip()}\n\n{text.lstrip()}"


def _stopped(preview: Preview) -> Answered:
    return Answered(text=preview.text, stop=StopReason.STOPPED, usage=None)


def _units(prompt: Prompt, added: int) -> float:
    known = prompt.known_units
    return known + added / prompt.counter.factor if known else 0.0


def _continued(
    request: ModelRequest, answered: Answered, results: Sequence[ToolResult], *, may_call: bool
) -> ModelRequest:
    """Return the request that goes on behind the results of calls."""
    text = (Block(answered.text),) if answered.text.strip() else ()
    calls: tuple[Part, ...] = (*answered.thoughts, *text, *answered.calls)
    messages = (
        *request.messages,
        ModelMessage("assistant", calls),
        ModelMessage("user", tuple(results)),
    )
    return replace(request, messages=messages, may_call=may_call)


# --- searching ------------------------------------------------------------------------------------

SEARCHES: Final = 3
"""The most searches in a turn: each is one more call of the model, for which people wait."""
RESULT_TOKENS: Final = 1_500
"""The most tokens of what one search returns."""
_LEAST_TOKENS: Final = 100
"""Less room is no use for a result."""
_WORDS, _NAME, _DATE = 300, 100, 40
"""The most characters of arguments."""
_LINE = 200
"""The most characters of what is stored of a search."""

SEARCH: Final = Tool(
    name="search_conversation",
    description=(
        "Searches this conversation for earlier messages, and parts of text files, that are not "
        "shown to you, and returns them word for word with who sent them and when. Use it when the "
        "answer depends on something said earlier that you can't see. Don't use it for what you "
        "see already, or for general knowledge. You have three searches for an answer."
    ),
    schema={
        "type": "object",
        "properties": {
            "words": {
                "type": "string",
                "description": "Words that the messages probably contain, in their language.",
            },
            "who": {
                "type": "string",
                "description": "Only what the person with this name, or a part of it, said.",
            },
            "from": {
                "type": "string",
                "description": "Only what was said on or after this day, as YYYY-MM-DD.",
            },
            "to": {
                "type": "string",
                "description": "Only what was said on or before this day, as YYYY-MM-DD.",
            },
        },
        "required": ["words"],
    },
)
_MOST: Final = {"words": _WORDS, "who": _NAME, "from": _DATE, "to": _DATE}

_NOTHING = "Nothing was found. Try other words once more, or say that you did not find it."
_NOTHING_OF_THEM = (
    'Nothing was found that they said. Search once more without "who", or say that you did not '
    "find it."
)
_NO_ROOM = "There is no room for search results in this answer. Answer with what you see."
_NO_MORE = "There are no more searches for this answer. Answer with what you have found."
_LAST = "That was the last search for this answer."
_FAILED = "The search failed. Answer with what you see, and say that you could not look it up."
_UNKNOWN = 'There is no tool of this name; there is only "search_conversation".'


class ArgumentError(Exception):
    """What is wrong with the arguments of a search, as a sentence for the model."""


class ConversationSearch:
    """The searches of one turn."""

    def __init__(
        self,
        recall: Recall,
        session: Session,
        count: Callable[[str], int],
        files: Files = NO_FILES,
    ) -> None:
        """Search the conversation of this session.

        `count` returns the tokens of a text; `files` are those that the prompt shows.
        """
        self._files = files
        self._recall = recall
        self._session = session
        self._count = count
        self.lines: list[str] = []
        """What was looked for, a line for each search."""
        self.found: list[Passage] = []
        """The messages that the model was shown."""

    @property
    def is_used_up(self) -> bool:
        """Return whether no further search may be made."""
        return len(self.lines) >= SEARCHES

    async def results(self, calls: Sequence[ToolCall], room: int) -> tuple[ToolResult, ...]:
        """Return the result of each call, in order, in at most `room` tokens together."""
        results: list[ToolResult] = []
        for call in calls:
            result = await self._result(call, min(room, RESULT_TOKENS))
            room -= self._count(result.text)
            results.append(result)
        if self.is_used_up and not results[-1].is_error:
            results[-1] = results[-1]._replace(text=f"{results[-1].text}\n{_LAST}")
        return tuple(results)

    async def _result(self, call: ToolCall, room: int) -> ToolResult:
        """Return what a call finds. Never fails: the model reads what went wrong."""
        if call.name != SEARCH.name:
            return ToolResult(call.id, _UNKNOWN, is_error=True)
        if self.is_used_up:
            return ToolResult(call.id, _NO_MORE, is_error=True)
        try:
            search = search_of(call.arguments, self._session.zone)
        except ArgumentError as error:
            self.lines.append("(a search that could not be read)")
            return ToolResult(call.id, str(error), is_error=True)
        self.lines.append(line_of(call.arguments or {}))
        if room < _LEAST_TOKENS:
            return ToolResult(call.id, _NO_ROOM, is_error=True)
        try:
            found = await self._recall.search(
                self._session.thread, search, budget=room, shown=whole(self._files)
            )
        except Exception as error:  # noqa: BLE001 - no search may prevent an answer
            log.warning("a search of the model failed: %s", described(error))
            return ToolResult(call.id, _FAILED, is_error=True)
        nothing = _NOTHING_OF_THEM if search.who else _NOTHING
        return ToolResult(call.id, self._shown(found, room) if found else nothing)

    def _shown(self, found: Sequence[Passage], room: int) -> str:
        """Return the passages as the model sees them, as many as fit."""
        passages = [each for each in found if each.position >= self._session.reset_position]
        while passages:
            text = recalled_text(passages, self._session.zone)
            if self._count(text) <= room:
                self.found += passages
                return text
            passages.pop(0)  # the oldest
        return _NO_ROOM


def search_of(arguments: Mapping[str, object] | None, zone: tzinfo) -> Search:
    """Return the search that these arguments ask for; days are those of the zone.

    Raises:
        ArgumentError: They can't be understood.
    """
    if arguments is None:
        raise ArgumentError('The arguments have to be a JSON object: {"words": "..."}.')
    if unknown := sorted(arguments.keys() - _MOST.keys()):
        raise ArgumentError(f"Unknown arguments: {', '.join(unknown)[:_NAME]}.")
    given = {name: _text(name, arguments.get(name)) for name in _MOST}
    if not any(given.values()):
        raise ArgumentError("Name the words to look for.")
    since, until = (_day(name, given[name], zone) for name in ("from", "to"))
    if until is not None:
        until += timedelta(days=1)
    if since is not None and until is not None and since >= until:
        raise ArgumentError('"from" is later than "to".')
    return Search(
        words=given["words"],
        who=given["who"],
        since=since.timestamp() if since else None,
        until=until.timestamp() if until else None,
    )


def line_of(arguments: Mapping[str, object]) -> str:
    """Return what valid arguments look for, as a line for people."""
    given = {name: str(arguments.get(name) or "").strip() for name in _MOST}
    parts = [f'"{given["words"]}"'] if given["words"] else []
    parts += [f"by {given['who']}"] if given["who"] else []
    parts += [f"{name} {given[name]}" for name in ("from", "to") if given[name]]
    return " ".join(clean(", ".join(parts)).split())[:_LINE]


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ArgumentError(f'"{name}" has to be a text.')
    if len(value) > _MOST[name]:
        raise ArgumentError(f'"{name}" may have at most {_MOST[name]} characters.')
    return value.strip()


def _day(name: str, text: str, zone: tzinfo) -> datetime | None:
    """Return the beginning of a day; a time behind it does not count."""
    if not text:
        return None
    try:
        day = datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=zone)
        day.timestamp()
        (day + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(f'"{name}" has to be a day, such as 2026-03-31.') from None
    return day
