"""Modals, lists of threads, and App Home. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.slack.inbound.events import NAME, channel_of
from bots.slack.outbound.format import REMEMBER
from bots.slack.ui.commands import HELP, REMEMBERED, reading_line
from core.commands.export.request import THREAD_AS_MARKDOWN, ExportOf, asked
from core.commands.memory_view import ONE_MESSAGE, thread_line
from core.delivery.splitting.break_points import in_line
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of
from core.domain.ratings import REASON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.commands.authorized import Remembered
    from core.store.values import ThreadInfo

Json: TypeAlias = dict[str, Any]

FORGET = "forget_thread"
"""The callback of the modal that asks for confirmation before anything is removed."""
WHY = "why_not_helpful"
"""The button that asks for a reason, and the modal behind it."""
CORRECT = "correct_memory"
"""The callback of the modal that asks what is right."""
MEMORY_TITLE, CORRECTION_TITLE, PINS_TITLE = "What I remember", "That's wrong", "Pins"
ACTIONS = {
    "export": ("thread_export", "Export"),
    "memory": ("thread_memory", "What I remember"),
    "settings": ("thread_settings", "Settings"),
    "reset": ("thread_reset", "Reset"),
    "forget": ("thread_forget", "Forget"),
}
"""By command: the action of its button, and the button's label."""
PIN_ACTIONS = {
    "correct": ("pin_correct", "That's wrong"),
    "here": ("pin_here", "Pin it here"),
    "keep": ("pin_keep", "Remember this"),
    "message": ("message_forget", "Forget a message"),
    "unpin": ("pin_remove", "Remove"),
}
"""As `ACTIONS`, for what concerns pins, or one message of those that are remembered."""
WHY_TITLE = "Your rating"
REFUSED = "Slack refuses to show this here. You can get all of it by `/chatbot export`."
"""Stands for a modal that Slack refuses."""
_FACT = "fact"
"""The block, and the action in it, of the field for what is right."""
_MESSAGES, _LINE = 100, 75
"""The most entries of a menu, and characters of each (docs: reference/block-kit/block-elements and
composition-objects/option-object)."""
_CARRIED = 2900
"""Characters that a modal carries; Slack accepts 3,000 (docs: reference/views/modal-views)."""
_CHUNK = 2900
"""Characters of a section; Slack accepts 3,000 (docs: reference/block-kit/blocks/section-block)."""
_CHUNKS = 4
LISTED = 10
"""Threads in a list of the latest ones."""
_SHOWN = 20
"""Threads in a list at most. Each needs two blocks of App Home, and Slack accepts 100 in all."""

PRIVACY = "privacy_show"
"""The action of the button that shows the privacy page."""
_PRIVACY = "What I keep, where and for how long, and who sees it."
NOWHERE = ThreadKey(NAME, "home", "home")
"""Stands for what is in no channel: the home tab, and what concerns all conversations of a person.
"""
_MINE = "All conversations that you took part in and can still see, in one file."
_OLDER = (
    "Older threads are not listed; mention me in one with `memory`, `export`, `forget` or `reset`."
)


def modal(title: str, blocks: list[Json], **more: Any) -> Json:
    """Return a modal, with a button that closes it."""
    return {
        "type": "modal",
        "title": plain(title),
        "close": plain("Close"),
        "blocks": blocks,
        **more,
    }


def words(title: str, lines: Iterable[str]) -> Json:
    """Return a modal that shows lines unchanged, as far as they fit."""
    return modal(title, plain_blocks("\n".join(lines)))


def words_of(view: Json) -> Json:
    """Return a modal with the texts of another one, and nothing to press or to choose."""
    sections = (dict_of(block, "text") for block in view["blocks"])
    lines = [text for section in sections if (text := str_of(section, "text"))]
    return modal(view["title"]["text"], plain_blocks("\n".join(lines)))


def forget(thread: ThreadKey, *, whole: bool) -> Json:
    """Return the modal that asks whether to forget a thread, or one's own messages in it."""
    about = (
        "This removes everything I keep from this thread. The messages stay on Slack."
        if whole
        else "Other people wrote in this thread too, so this removes what you said from what I "
        "keep and from my summary. Other people's messages and my replies stay."
    )
    return modal(
        "Forget this thread?" if whole else "Forget my messages?",
        [section(plain(about))],
        submit=plain("Forget"),
        callback_id=FORGET,
        private_metadata=f"{'whole' if whole else 'own'} {thread}",
    )


def remembered(thread: ThreadKey, memory: Remembered) -> Json:
    """Return the modal that shows what the bot remembers of a thread, for people to change."""
    action, label = PIN_ACTIONS["unpin"]
    pins = [
        section(plain(start_of(line))) | {"accessory": button(action, label, f"{pin.id} {thread}")}
        for pin, line in memory.pins
    ]
    action, label = PIN_ACTIONS["correct"]
    buttons = [button(action, label, str(thread)), *_messages(thread, memory.messages)]
    below = {"type": "actions", "elements": buttons}
    there = {line for _, line in memory.pins}
    lines = [line for line in memory.lines if line.strip() not in there]
    return modal(MEMORY_TITLE, [*pins, *plain_blocks("\n".join(lines)), below])


def _messages(thread: ThreadKey, messages: Sequence[tuple[int, str]]) -> list[Json]:
    """Return the menu of messages to forget one, the newest first; none if there are none.

    Slack asks again before it sends a choice (docs: reference/block-kit/composition-objects/
    confirmation-dialog-object).
    """
    if not messages:
        return []
    action, label = PIN_ACTIONS["message"]
    options = [
        {"text": plain(start_of(" ".join(line.split()), _LINE)), "value": f"{number} {thread}"}
        for number, line in reversed(messages[-_MESSAGES:])
    ]
    confirm = {
        "title": plain("Forget this message?"),
        "text": plain(ONE_MESSAGE),
        "confirm": plain("Forget"),
        "deny": plain("Keep"),
        "style": "danger",
    }
    menu = {"type": "static_select", "action_id": action, "placeholder": plain(label)}
    return [{**menu, "options": options, "confirm": confirm}]


def correction(thread: ThreadKey) -> Json:
    """Return the modal that asks what is right instead of what the bot remembers."""
    field = {
        "type": "plain_text_input",
        "action_id": _FACT,
        "multiline": True,
        "max_length": 3000,  # the most (docs: reference/block-kit/block-elements)
    }
    label = plain("What is right?")
    hint = plain("I keep it word for word, above everything else I remember here.")
    fact = {"type": "input", "block_id": _FACT, "label": label, "hint": hint, "element": field}
    more = {"submit": plain("Correct"), "callback_id": CORRECT, "private_metadata": str(thread)}
    return modal(CORRECTION_TITLE, [fact], **more)


def reason(named: str) -> Json:
    """Return the modal that asks why an answer was not helpful; `named` says which answer."""
    field = {
        "type": "plain_text_input",
        "action_id": _FACT,
        "multiline": True,
        "max_length": REASON,
    }
    hint = plain("It is kept with the answer. Exports of this conversation include it.")
    label = plain("What was wrong with the answer?")
    asked = {"type": "input", "block_id": _FACT, "label": label, "hint": hint, "element": field}
    more = {"submit": plain("Send"), "callback_id": WHY, "private_metadata": named}
    return modal(WHY_TITLE, [asked], **more)


def typed(view: Json) -> str:
    """Return what a person typed in the modal of `correction` or `reason`."""
    values = dict_of(dict_of(view, "state"), "values")
    return str_of(dict_of(dict_of(values, _FACT), _FACT), "value")


def carried(view: Json) -> tuple[str, str]:
    """Return the command, and its text, that the modal of `choose` carries."""
    command, _, text = str_of(view, "private_metadata").partition(" ")
    return command, text


def choose(command: str, infos: Sequence[ThreadInfo], now: float, text: str = "") -> Json:
    """Return the modal in which a person chooses one of their threads for a command.

    With a text, the modal carries it for a command that pins it. That of an export is its request.
    """
    if not infos:
        return words("Your threads", ["You have no thread with me here yet."])
    if text and command != "export":
        if len(text) > _CARRIED:
            return words(PINS_TITLE, ["That is too long for a pin. Please say it in fewer words."])
        action, label = PIN_ACTIONS["here"]
        blocks = [
            section(_about(info, now)) | {"accessory": button(action, label, f"- {info.thread}")}
            for info in infos[:_SHOWN]
        ]
        return modal("Your threads", blocks + _older(infos), private_metadata=f"{command} {text}")
    action, label = ACTIONS[command]
    asks = f" {text}" if text else ""
    blocks = [
        section(_about(info, now))
        | {"accessory": button(action, label, f"{info.thread}{asks}", danger=command == "forget")}
        for info in infos[:_SHOWN]
    ]
    mine = [export_mine(text)] if command == "export" else []
    return modal("Your threads", blocks + _older(infos) + mine)


def export_mine(text: str = "") -> Json:
    """Return the button that exports all of a person's conversations; `text` is a request."""
    request = replace(asked(text.split()) or THREAD_AS_MARKDOWN, of=ExportOf.MINE)
    press = button(ACTIONS["export"][0], "Export all of mine", f"{NOWHERE} {request}")
    return section(plain(_MINE)) | {"accessory": press}


def home(
    infos: Sequence[ThreadInfo], now: float, *, overhears: bool, setup: Sequence[str] = ()
) -> Json:
    """Return a person's App Home; `setup` are lines on how the bot is set up."""
    blocks: list[Json] = [
        header("What I remember"),
        section(plain(REMEMBERED)),
        section(plain(reading_line(overhears=overhears))),
        header("Commands"),
        section(markdown(HELP)),
        header("How I am set up"),
        *plain_blocks("\n".join(setup)),
        section(plain(_PRIVACY)) | {"accessory": button(PRIVACY, "Privacy", "-")},
        header("Your threads"),
    ]
    if not infos:
        blocks.append(section(plain("None yet. Mention me in a channel, or write to me.")))
    for info in infos[:_SHOWN]:
        blocks.append(section(_about(info, now)))
        buttons = [
            button(action, label, str(info.thread), danger=command == "forget")
            for command, (action, label) in ACTIONS.items()
        ]
        blocks.append({"type": "actions", "elements": buttons})
    mine = [export_mine()] if infos else []
    return {"type": "home", "blocks": blocks + _older(infos) + mine}


def shut(text: str) -> Json:
    """Return the App Home of a person whom the bot does not listen to."""
    return {"type": "home", "blocks": [section(plain(text))]}


def button(action: str, label: str, value: str, *, danger: bool = False) -> Json:
    """Return a button."""
    style = {"style": "danger"} if danger else {}
    text = plain(label)
    return {"type": "button", "action_id": action, "text": text, "value": value, **style}


def plain(text: str) -> Json:
    """Return plain text, which Slack only shows."""
    return {"type": "plain_text", "text": text}


def markdown(text: str) -> Json:
    """Return text of our own in Slack's markup."""
    return {"type": "mrkdwn", "text": text}


def actions() -> list[str]:
    """Return the actions of all buttons for threads."""
    threads = (*ACTIONS.values(), *PIN_ACTIONS.values())
    return [REMEMBER, PRIVACY, WHY, *(action for action, _ in threads)]


def command_of(action: str) -> str:
    """Return the command of a button."""
    known = {name: command for command, (name, _) in (ACTIONS | PIN_ACTIONS).items()}
    return (known | {PRIVACY: "privacy", WHY: "why"}).get(action, "memory")


def start_of(line: str, most: int = _CHUNK) -> str:
    """Return a line of at most so many characters, with a sign for what is left out."""
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _about(info: ThreadInfo, now: float) -> Json:
    channel = channel_of(info.thread.channel)
    place = "Direct messages" if channel.startswith("D") else f"<#{channel}>"
    began = int(info.started_at)
    date = f"<!date^{began}^{{date_short_pretty}} {{time}}|{began}>"
    return markdown(f"{place}, since {date}\n{thread_line(info, now)}")


def section(text: Json) -> Json:
    """Return a paragraph."""
    return {"type": "section", "text": text}


def header(text: str) -> Json:
    """Return a heading."""
    return {"type": "header", "text": plain(text)}


def _older(infos: Sequence[ThreadInfo]) -> list[Json]:
    """Return a line on threads that are not listed, if the list is full."""
    return [section(markdown(_OLDER))] if len(infos) >= LISTED else []


def plain_blocks(text: str) -> list[Json]:
    """Return sections with as much of a text as fits, cut after a word or a grapheme."""
    parts: list[str] = []
    start = 0
    while start < len(text) and len(parts) <= _CHUNKS:
        rest = len(text) - start <= _CHUNK
        end = len(text) if rest else in_line(text, start, start + _CHUNK)
        parts.append(text[start:end])
        start = end
    if len(parts) > _CHUNKS:
        parts = [*parts[:_CHUNKS], "… and more; an export has all of it."]
    return [section(plain(part if part.strip() else "…")) for part in parts or ["…"]]
