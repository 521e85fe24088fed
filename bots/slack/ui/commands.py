"""The commands on Slack: their names, and how the bot explains them. Pure."""

from __future__ import annotations

COMMAND = "/chatbot"
"""The slash command."""
EXPORT_SHORTCUT, FORGET_SHORTCUT, PIN_SHORTCUT = "export_thread", "forget_thread", "pin_message"
SETTINGS_SHORTCUT = "settings_of_thread"
"""This and the three before: the callbacks of the shortcuts on messages."""

HELP = (
    "Mention me in a channel and I answer in a thread; in direct messages, just write.\n"
    "`/chatbot help` shows this, `/chatbot privacy` what I keep and who sees it. In a channel, the "
    "other commands let you choose a thread.\n"
    "`/chatbot export [link to a message] [md|json|zip]` sends you a conversation as a file, "
    "`/chatbot export mine` all that you took part in; `since 2026-11-01` and `until 2026-11-30` "
    "limit the days.\n"
    "`/chatbot memory` shows what I remember, `/chatbot forget` removes what you said, "
    "`/chatbot reset` starts the conversation over, `/chatbot stats` shows how long conversations "
    "are.\n"
    "`/chatbot remember …` keeps a text word for word, and so does *Remember this* in a message's "
    "menu; `/chatbot pins` lists what I keep that way, `/chatbot unpin 1` removes it, and "
    "`that's wrong: …` corrects what I remember.\n"
    "`/chatbot settings` shows what holds in a channel, with a form for those who may change it; "
    "for a thread, *Settings of this thread* in a message's menu does the same.\n"
    "Inside a thread, mention me with the same words (`@chatbot reset`), or put `!` before them "
    "(`!help`). There, `quiet` keeps me silent until someone mentions me, and `talk` ends that; "
    "`settings` shows what holds there and how to change it."
)
REMEMBERED = (
    "I remember each thread I take part in: what people said to me and what I answered. Older "
    "parts turn into a summary. When someone edits or deletes a message, I remember it that way."
)
_OVERHEARD = (
    "In a thread I take part in, I also read what people say to each other, so that my next answer "
    "takes it into account. When I am first mentioned in a thread, I read what was said before."
)
_NOT_OVERHEARD = "I read only what is said to me."


def help_text(*, overhears: bool) -> str:
    """Return the help; `overhears` says whether the bot reads what is not said to it."""
    return f"{HELP}\n{reading_line(overhears=overhears)}"


def reading_line(*, overhears: bool) -> str:
    """Return a sentence on which messages the bot reads."""
    return _OVERHEARD if overhears else _NOT_OVERHEARD
