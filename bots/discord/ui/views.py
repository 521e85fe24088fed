"""What people see beside messages: what is said to one of them, buttons, a list to choose from.

The ids of buttons say all that is needed to act on them, so they work after a restart and in
every process. Nothing in them is trusted: whoever presses has to have the right to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bots.discord.outbound import format as shape
from bots.discord.setup.manifest import COMMAND
from core.commands.commands import thread_line
from core.commands.export import Form
from core.domain.message import ThreadKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.store.values import ThreadInfo

REMEMBER = "chatbot:remember"
"""The button under the first ✂️ of a thread; the thread is where it stands."""
LISTED = 25
"""Threads to choose from; a list has no more (docs: components/reference, "String Select")."""
LABELS = {
    "export": "Export",
    "forget": "Forget",
    "memory": "What I remember",
    "reset": "Reset",
}
_PRESSED = re.compile(r"chatbot:(do|whole|own|choose):([a-z]+|)(?::(.+))?", re.ASCII)
_KEPT = "chatbot:keep"
_WIDTH = 100
"""Characters of an entry of a list, and of its description."""

_OLDER = "Older ones are not listed; use the command inside the thread."
_WHOLE = "This removes everything I keep from this conversation. The messages stay on Discord."
_OWN = (
    "Other people wrote in this thread too, so this removes what you said from what I keep and "
    "from my summary. Other people's messages and my replies stay."
)
_HEARD = (
    "In a thread I take part in, I also read what people say to each other, so that my next answer "
    "takes it into account. When I am first mentioned in a thread, I read what was said before."
)
_NOT_HEARD = "I read only what is said to me."
_HELP = f"""\
Mention me in a channel and I answer in a thread; in direct messages, just write.
`/{COMMAND} help` shows this. In a channel, the other commands let you choose a conversation; in a \
thread and in direct messages they act on that one.
`/{COMMAND} export` sends you a conversation as a file that only you can see.
`/{COMMAND} memory` shows what I remember, `/{COMMAND} forget` removes what you said, \
`/{COMMAND} reset` starts the conversation over, `/{COMMAND} stats` shows how long conversations \
are.
In a message's menu, under Apps, you can export or forget its thread.
Inside a thread, mention me with the same words (`@{COMMAND} reset`), or put `!` before them \
(`!reset`). There, `quiet` keeps me silent until someone mentions me, and `talk` ends that."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a button, or an entry of a list, stands for."""

    word: str
    thread: ThreadKey | None
    """None for the one where it stands."""
    form: Form = Form.MARKDOWN
    extent: str = ""
    """`own` or `whole` where it says for sure that this shall be forgotten."""


def pressed(custom_id: str, values: Sequence[str]) -> Press | None:
    """Return what was pressed or chosen; None where it is none of ours, or nothing to do."""
    if custom_id == REMEMBER:
        return Press("memory", None)
    found = _PRESSED.fullmatch(custom_id)
    if found is None:
        return None
    kind, word, rest = found.groups()
    if kind in {"do", "choose"} and word not in LABELS:
        return None
    try:
        if kind == "choose":
            form = Form.JSON if rest == Form.JSON else Form.MARKDOWN
            return Press(word, ThreadKey.parse(values[0]), form)
        thread = ThreadKey.parse(rest or "")
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    return Press(word, thread) if kind == "do" else Press("forget", thread, extent=kind)


def is_kept(custom_id: str) -> bool:
    """Tell whether somebody has thought better of forgetting."""
    return custom_id == _KEPT


def help_text(*, overhears: bool) -> str:
    """Return what can be asked for and how; and whether the bot hears what is not said to it."""
    return f"{_HELP}\n{_HEARD if overhears else _NOT_HEARD}"


def remember() -> discord.ui.View:
    """Return the button that shows what is remembered where it stands."""
    return _still(_button(LABELS["memory"], REMEMBER))


def offer(word: str, thread: ThreadKey) -> discord.ui.View:
    """Return the button that does a command on a thread for whoever presses it."""
    return _still(_button(LABELS[word], f"chatbot:do:{word}:{thread}", danger=word == "forget"))


def sure(thread: ThreadKey, extent: str) -> tuple[str, discord.ui.View]:
    """Return the question whether a thread shall be forgotten, and the buttons to answer it."""
    yes = _button("Forget", f"chatbot:{extent}::{thread}", danger=True)
    return _WHOLE if extent == "whole" else _OWN, _still(yes, _button("Keep", _KEPT))


def choose(
    word: str,
    form: Form,
    infos: Sequence[ThreadInfo],
    title: Callable[[ThreadKey], str],
    now: float,
) -> tuple[str, discord.ui.View | None]:
    """Return the question which thread is meant, and the list to choose from."""
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
        custom_id=f"chatbot:choose:{word}:{form}", placeholder=LABELS[word], options=options
    )
    more = f" {_OLDER}" if len(infos) >= LISTED else ""
    return f"Which conversation do you mean?{more}", _still(chosen)


def shown(lines: Iterable[str]) -> tuple[str, bytes]:
    """Return as much of some lines as a message shows, and all of them if that is not all."""
    text = "\n".join(lines)
    cuts = shape.cut(text, 1)
    whole = cuts[-1] == len(text)
    return shape.piece(text, cuts, 0), b"" if whole else text.encode()


def _button(
    label: str, custom_id: str, *, danger: bool = False
) -> discord.ui.Button[discord.ui.View]:
    style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
    return discord.ui.Button(label=label, custom_id=custom_id, style=style)


def _still(*items: discord.ui.Item[discord.ui.View]) -> discord.ui.View:
    """Return items below a message; discord.py shall not keep them, as it would for each one."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
