"""Buttons, lists to choose from, and the texts that go with them.

A button's id says all that is needed to act on it, so it works after a restart and in every
process. Nothing in it is trusted: the person who presses it needs the right to what it does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bots.discord.outbound import format as shape
from bots.discord.outbound.platform import Buttons
from core.commands.export.request import THREAD_AS_MARKDOWN, asked
from core.commands.memory_view import ONE_MESSAGE, thread_line
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of
from core.domain.ratings import REASON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from core.commands.authorized import Remembered
    from core.commands.export.request import ExportRequest
    from core.store.values import ThreadInfo

REMEMBER = "chatbot:remember"
"""The id of the button under the first ✂️ of a thread; it acts on the thread that it is in."""
LISTED = 25
"""Threads to choose from, Discord's most (docs: components/reference, "String Select")."""
LABELS = {
    "export": "Export",
    "forget": "Forget",
    "memory": "What I remember",
    "reset": "Reset",
    "settings": "Change settings",
}
CORRECTION = "That's wrong"
_RATING = "Your rating"
_FACT = "fact"
"""The field of the modal for a correction."""
_PIN = re.compile(r"chatbot:(pin|unpin|wrong|fact|one|gone|why):([\w.-]*)(?::(.+))?", re.ASCII)
_STOP = re.compile(r"chatbot:stop:(\d{1,20}):(\d{1,20}!*)", re.ASCII)
_PRESSED = re.compile(r"chatbot:(do|whole|own|choose):([a-z]+|)(?::(.+))?", re.ASCII)
_KEPT = "chatbot:keep"
_WIDTH = 100
"""Characters of a list's entry, and of its description."""

_OLDER = "Older ones are not listed; use the command inside the thread."
_WHOLE = "This removes everything I keep from this conversation. The messages stay on Discord."
_OWN = (
    "Other people wrote in this thread too, so this removes what you said from what I keep and "
    "from my summary. Other people's messages and my replies stay."
)


@dataclass(frozen=True, slots=True)
class Press:
    """What a button, or an entry of a list, does."""

    word: str
    thread: ThreadKey | None
    """None for the thread that the button is in."""
    request: ExportRequest = THREAD_AS_MARKDOWN
    extent: str = ""
    """`own` or `whole` if it confirms that this is to be forgotten."""
    what: str = ""
    """The pin to remove, the message to pin, the number of the one to forget, or the turn to end.
    """
    root: str = ""
    """The id of a thread in the channel that the button is in, if it may not be the whole one."""


def pressed(custom_id: str, values: Sequence[str]) -> Press | None:
    """Return what was pressed or chosen; None for an unknown id, or one that does nothing."""
    if custom_id == REMEMBER:
        return Press("memory", None)
    found = _PRESSED.fullmatch(custom_id)
    if found is None:
        return _pressed_one(custom_id, values)
    kind, word, rest = found.groups()
    if kind in {"do", "choose"} and word not in LABELS:
        return None
    try:
        if kind == "choose":
            request = asked((rest or "").split()) or THREAD_AS_MARKDOWN
            return Press(word, ThreadKey.parse(values[0]), request)
        thread = ThreadKey.parse(rest or "")
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    return Press(word, thread) if kind == "do" else Press("forget", thread, extent=kind)


def _pressed_one(custom_id: str, values: Sequence[str]) -> Press | None:
    """Return what is done with a pin, a message or an answer; a list names it by its value."""
    if stopped := _STOP.fullmatch(custom_id):
        return Press("stop", None, what=stopped[2], root=stopped[1])
    found = _PIN.fullmatch(custom_id)
    if found is None:
        return None
    word, what, thread = found.groups()
    try:
        named = values[0] if word in {"one", "unpin"} else what
        return Press(word, ThreadKey.parse(thread) if thread else None, what=str(named))
    except (IndexError, ValueError):
        return None


def is_kept(custom_id: str) -> bool:
    """Return whether a person decided against forgetting."""
    return custom_id == _KEPT


def memory_button() -> discord.ui.View:
    """Return the button that shows what the bot remembers of the thread that it is in."""
    return stopped(button(LABELS["memory"], REMEMBER))


def stop_button(thread: str, turn: str) -> discord.ui.View:
    """Return the button that ends the answer of a turn in a thread, both given by their ids.

    The rest of the thread's key would not fit: it is that of the channel that the button is in.
    """
    return stopped(button("Stop", f"chatbot:stop:{thread}:{turn}"))


BUTTONS = Buttons(memory=memory_button, stop=stop_button)


def remembered(thread: ThreadKey, memory: Remembered) -> discord.ui.View:
    """Return lists to remove a pin and a message, and the button to correct what is remembered.

    Of the messages, the newest are listed, and first.
    """
    items: list[discord.ui.Item[discord.ui.View]] = []
    if memory.pins:
        options = [
            discord.SelectOption(label=_line(line), value=pin.id)
            for pin, line in memory.pins[:LISTED]
        ]
        custom_id = f"chatbot:unpin::{thread}"
        items.append(
            discord.ui.Select(custom_id=custom_id, placeholder="Remove a pin", options=options)
        )
    if memory.messages:
        options = [
            discord.SelectOption(label=_line(line), value=str(number))
            for number, line in reversed(memory.messages[-LISTED:])
        ]
        custom_id = f"chatbot:one::{thread}"
        items.append(
            discord.ui.Select(custom_id=custom_id, placeholder="Forget a message", options=options)
        )
    return stopped(*items, button(CORRECTION, f"chatbot:wrong::{thread}"))


def keep(message: str) -> discord.ui.View:
    """Return the button that pins a message of the thread that it is in."""
    return stopped(button("Remember this", f"chatbot:pin:{message}"))


def correction(thread: ThreadKey) -> dict[str, Any]:
    """Return the modal that asks what is right."""
    return _question(f"chatbot:fact::{thread}", CORRECTION, "What is right?", 4000)


def reason(message: str) -> dict[str, Any]:
    """Return the modal that asks what was wrong with an answer, by the id of its message."""
    return _question(f"chatbot:why:{message}", _RATING, "What was wrong with my answer?", REASON)


def _question(custom_id: str, title: str, label: str, longest: int) -> dict[str, Any]:
    """Return a modal with one text (docs: components/reference, "Text Input")."""
    field = {"type": 4, "custom_id": _FACT, "style": 2, "max_length": longest, "required": True}
    rows = [{"type": 1, "components": [{**field, "label": label}]}]
    return {"custom_id": custom_id, "title": title, "components": rows}


def typed(data: Mapping[str, Any]) -> str:
    """Return what a person typed in the modal of `correction` or `reason`."""
    for row in dicts_of(data, "components"):
        for field in (*dicts_of(row, "components"), dict_of(row, "component")):
            if field.get("custom_id") == _FACT:
                return str_of(field, "value")
    return ""


def offer(word: str, thread: ThreadKey) -> discord.ui.View:
    """Return the button that runs a command on a thread for the person who presses it."""
    return stopped(button(LABELS[word], f"chatbot:do:{word}:{thread}", danger=word == "forget"))


def confirm(thread: ThreadKey, extent: str) -> tuple[str, discord.ui.View]:
    """Return the question whether to forget a thread (`own` or `whole`), with buttons."""
    yes = button("Forget", f"chatbot:{extent}::{thread}", danger=True)
    return _WHOLE if extent == "whole" else _OWN, stopped(yes, button("Keep", _KEPT))


def confirm_one(thread: ThreadKey, number: int) -> tuple[str, discord.ui.View]:
    """Return the question whether to forget one message, with buttons."""
    yes = button("Forget", f"chatbot:gone:{number}:{thread}", danger=True)
    question = f"Forget message {number}? {ONE_MESSAGE}"
    return question, stopped(yes, button("Keep", _KEPT))


def choose(
    word: str,
    request: ExportRequest,
    infos: Sequence[ThreadInfo],
    title: Callable[[ThreadKey], str],
    now: float,
) -> tuple[str, discord.ui.View | None]:
    """Return the question which thread is meant, with the list to choose from."""
    if not infos:
        return "You have no conversations with me that you can see.", None
    options = [
        discord.SelectOption(
            label=_line(title(info.thread)),
            value=str(info.thread),
            description=_line(thread_line(info, now)),
        )
        for info in infos[:LISTED]
    ]
    chosen: discord.ui.Select[discord.ui.View] = discord.ui.Select(
        custom_id=f"chatbot:choose:{word}:{request}", placeholder=LABELS[word], options=options
    )
    more = f" {_OLDER}" if len(infos) >= LISTED else ""
    return f"Which conversation do you mean?{more}", stopped(chosen)


def shown(lines: Iterable[str]) -> tuple[str, bytes]:
    """Return as much of these lines as fits a message, and all of them in bytes if more is left."""
    text = "\n".join(lines)
    cuts = shape.cut(text, 1)
    whole = cuts[-1] == len(text)
    return shape.piece(text, cuts, 0), b"" if whole else text.encode()


def button(
    label: str, custom_id: str, *, danger: bool = False
) -> discord.ui.Button[discord.ui.View]:
    """Return a button."""
    style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
    return discord.ui.Button(label=label, custom_id=custom_id, style=style)


def stopped(*items: discord.ui.Item[discord.ui.View]) -> discord.ui.View:
    """Return items as a view that discord.py does not keep in memory, as it would by default."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _line(text: str) -> str:
    return shortened(text, _WIDTH)


def shortened(text: str, most: int) -> str:
    """Return a text on one line of at most so many characters, with a sign for what is left out."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
