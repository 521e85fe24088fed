"""What people see beside the conversation: App Home, what is remembered, menus. Pure.

Each takes what was asked of the core and returns a view or a message for Slack; the actions in
them are named by the constants here, and carry the key of their thread as their value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bots.slack.blocks import (
    TITLE,
    Json,
    actions,
    button,
    clipped,
    header,
    modal,
    plain,
    section,
    select,
    small,
)
from bots.slack.format import REMEMBER
from core.admission import FollowUp
from core.split import Splitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bots.slack.words import Word
    from core.commands import View
    from core.session import Turn

EXPORT_MD, EXPORT_JSON = "export_md", "export_json"
FORGET = "forget"
STRATEGY = "strategy"
CHOOSE = "choose_thread_to_"
"""Followed by the command that the chosen thread is for."""
SURE = "sure_to_"
"""The callback of the view that asks once more; followed by the command."""
STRATEGIES = (
    ("hybrid", "a summary, all that came after it, and what bears on the question"),
    ("summary", "a summary and the last exchange"),
    ("window", "the last exchanges, word for word"),
    ("full", "everything, word for word, as far as it fits"),
)

ROWS = 20
"""Threads in App Home: each takes two blocks of a hundred."""
_SUMMARY = 5_000
_WINDOW = 5_000
"""Characters of each in a view; Slack takes about 13,000 in all."""
_SAID = 300
_LINE = 200
_EXCHANGES = 40
_PARAGRAPH = 2_500
_ANSWERS = {
    FollowUp.ALWAYS: "in threads where I take part, unless a message names somebody else",
    FollowUp.ALONE: "in threads where I take part, as long as only one person talks to me",
    FollowUp.MENTIONED: "in channels only when I am mentioned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A thread in a list."""

    key: str
    """The thread's key as text."""
    where: str
    """What its channel is called: `#general`, `direct message`."""
    about: str
    """How long it is, and when something was last said."""
    first: str = ""
    """How it began, where that is known."""

    @property
    def line(self) -> str:
        """Return it in one line."""
        return " \N{MIDDLE DOT} ".join(filter(None, (self.where, self.about, self.first)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the bot is set, as far as people should know."""

    strategy: str
    """How it remembers this person's direct messages."""
    follow_up: FollowUp
    overhears: bool
    days: float
    """Days of silence after which a conversation is forgotten."""
    whole_dm: bool = True
    """A DM is one conversation, whatever threads it has."""


def home(rows: Sequence[Row], habits: Habits) -> Json:
    """Return App Home for one person: their threads, and how the bot is set."""
    blocks = [
        header("What I remember"),
        section(_remembers(habits)),
        select_strategy(habits.strategy),
        small(_overhears(habits)),
        header("Your conversations"),
    ]
    if not rows:
        blocks.append(section("None yet. Write to me in Messages, or mention me in a channel."))
    for row in rows[:ROWS]:
        blocks += [section(clipped(row.line, _LINE)), _row_actions(row)]
    if len(rows) > ROWS:
        blocks.append(small(f"And {len(rows) - ROWS} more: /chatbot export lists them."))
    return {"type": "home", "blocks": blocks}


def select_strategy(chosen: str) -> Json:
    """Return the setting of how direct messages are remembered."""
    options = [(name, f"{name}: {meaning}") for name, meaning in STRATEGIES]
    return section(
        "Of our direct messages I see:", select(STRATEGY, "Choose", options, chosen=chosen)
    )


def memory(view: View | None, key: str, where: str = "") -> Json:
    """Return what is remembered of a thread, for one person's eyes."""
    if view is None:
        nothing = section("I remember nothing of this thread yet.")
        return modal("What I remember", [nothing], private=key)
    seen, tokens = view.plan, view.plan.tokens
    summary = seen.summary
    if seen.withheld:
        summary = "It is being made anew, after a deletion."
    blocks = [
        small(f"{where or 'This thread'}, by {view.strategy}: {tokens.total:,} tokens in all"),
        header(f"Summary ({tokens.summary:,} tokens)"),
        *_paragraphs(summary or "None: nothing was summed up yet.", _SUMMARY),
        header(f"Word for word ({_count(len(seen.turns), 'exchange')}, {tokens.window:,} tokens)"),
        *_window(seen.turns),
    ]
    if seen.left_out:
        blocks.append(small(f"{_count(seen.left_out, 'message')} left out: they don't fit."))
    return modal("What I remember", [*blocks, _exports(key)], private=key)


def chooser(word: Word, rows: Sequence[Row]) -> Json:
    """Return the answer to a slash command in a channel: which of these threads is meant?

    Slack does not say in which thread a slash command was typed.
    """
    options = [(row.key, row.line) for row in rows]
    menu = select(f"{CHOOSE}{word}", "Choose a thread", options)
    if not menu["options"]:
        text = "You have no conversation with me that I remember."
        return {"text": text, "blocks": [section(text)]}
    text = f"Which conversation do you want to {word}?"
    if word == "memory":
        text = "What I remember of which conversation?"
    return {"text": text, "blocks": [section(text), actions(menu)]}


def sure(word: Word, key: str, what: str) -> Json:
    """Return the question before something is gone for good; `what` says what that is."""
    return modal(
        f"{word.title()} this thread?",
        [section(what)],
        private=key,
        submit=plain(word.title(), TITLE),
        callback_id=f"{SURE}{word}",
    )


def told(title: str, text: str) -> Json:
    """Return a view that says something."""
    return modal(title, _paragraphs(text, _SUMMARY))


def _remembers(habits: Habits) -> str:
    whole = "as one conversation" if habits.whole_dm else "thread by thread"
    return (
        f"I remember each thread by itself, and our direct messages {whole}. Older parts turn "
        f"into a summary; \u2702\ufe0f on a reply says so. After {habits.days:g} days of silence "
        "a conversation is forgotten. I answer in direct messages, when I am mentioned, and "
        f"{_ANSWERS[habits.follow_up]}."
    )


def _overhears(habits: Habits) -> str:
    if not habits.overhears:
        return "What is not meant for me I do not keep."
    return (
        "In threads where I take part, I also keep what people say to each other, so that my next "
        "answer knows it. \u201cquiet\u201d after a mention of me keeps me out of a thread."
    )


def _row_actions(row: Row) -> Json:
    return actions(
        button(REMEMBER, "What I remember", row.key),
        button(EXPORT_MD, "Export", row.key),
        button(EXPORT_JSON, "Export as JSON", row.key),
        button(FORGET, "Forget", row.key, danger=True),
    )


def _exports(key: str) -> Json:
    return actions(button(EXPORT_MD, "Export", key), button(EXPORT_JSON, "Export as JSON", key))


def _window(turns: Sequence[Turn]) -> list[Json]:
    """Return the newest exchanges that there is room for."""
    shown: list[Json] = []
    room = _WINDOW
    for turn in reversed(turns[-_EXCHANGES:]):
        lines = [f"{entry.author.name}: {clipped(entry.text, _SAID)}" for entry in turn.entries]
        text = "\n".join([*lines, f"I: {clipped(turn.answer.text, _SAID)}"])
        room -= len(text)
        if shown and room < 0:
            break
        shown.append(section(text))
    left = len(turns) - len(shown)
    earlier = [small(f"\u2026 and {_count(left, 'exchange')} before")] if left else []
    return [*earlier, *reversed(shown)]


def _paragraphs(text: str, limit: int) -> list[Json]:
    text, splitter = clipped(text, limit), Splitter(_PARAGRAPH)
    cuts = splitter.cut(text)
    return [section(splitter.piece(text, cuts, index)) for index in range(len(cuts))]


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
