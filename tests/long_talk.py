"""A conversation of sixty turns on any platform, with a model that answers from what it is shown.

Early on, people state facts, correct one, delete one, pin a wish and send a file; then they talk of
other things, and ask in the end. The model has no memory: each answer is found in its request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from core.prompt.tags import SCENE
from tests.fakes.claude import Talk
from tests.prompts import newest_in

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS: dict[str, Any] = {"memory_high": 900, "memory_low": 300}
FACT = "The flat that we rent is at Rua do Salitre 48, on the third floor."
WRONG = "The dinner with the Lopes family is on Tuesday."
CORRECTION = "I was wrong: the dinner with the Lopes family is on Thursday."
SECRET = "My passport has the number XK4471923."
WISH = "remember: always write prices in euros"
BOOKED = "We have booked the flights with the morning connection."
LISTED = "Here is what we take with us, the packing list."
FILE, CONTENT = "packing-lisbon.txt", "Adapter, sunscreen, two umbrellas."
UNKNOWN = "I can't see that here."
_TOPICS = (
    "The tram was late again", "Soup for lunch was cold", "The printer needs paper",
    "My plants want water", "A neighbour plays the cello", "The new shoes are blue",
    "Our cat sleeps on the keyboard", "The radio plays old songs", "It rained on the terrace",
)  # fmt: skip
QUESTIONS = {
    "fact": "Where is the flat that we rent?",
    "correction": "On which day is the dinner with the Lopes family?",
    "deletion": "Which number does my passport have?",
    "pin": "What did I want you to do about prices?",
    "date": "When did we book the flights?",
    "file": "What is the name of the file with the packing list?",
}
ANSWERS = {
    "fact": (r"Rua do Salitre \d+", "It is at {}."),
    "correction": (r"Lopes family is on (\w+)", "The dinner is on {}."),
    "deletion": (r"XK\d+", "It is {}."),
    "pin": (r"always write prices in (\w+)", "You wanted prices in {}."),
    "date": (r' on="(\w{3} \d{4}-\d\d-\d\d)[^"]*">\n' + re.escape(BOOKED), "You did on {}."),
    "file": (r"packing-\w+\.txt", "It is {}."),
}
TURNS = 60


class Stage(Protocol):
    """Where the conversation takes place."""

    async def say(self, who: str, text: str, *, file: tuple[str, str] | None = None) -> str:
        """Say something to the bot, and wait until its turn is over; return the message's id."""
        ...

    async def delete(self, message: str) -> None:
        """Delete a message, and wait until the bot knows."""
        ...

    async def rest(self) -> None:
        """Wait until nothing is being summed up or indexed."""
        ...

    def answer(self) -> tuple[str, str]:
        """Return the bot's last answer, and the line of its sources."""
        ...

    def link(self, message: str) -> str:
        """Return the platform's own link to a message."""
        ...


@dataclass
class LongTalk:
    """What was said, and what came of it."""

    said: dict[str, str] = field(default_factory=dict)
    """The ids of the messages that are asked about."""
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The answers to the questions, with their sources."""


def mind(body: dict[str, Any]) -> Talk:
    """Answer from what the request shows; sum up without any fact, so that no summary helps."""
    if not is_reply(body):
        lists = "<chat_lasting>\n- They plan a journey.\n</chat_lasting>\n<chat_going_on>\n"
        return Talk(f"{lists}- They talked.\n</chat_going_on>")
    asked = newest_in(body)
    for name, question in QUESTIONS.items():
        if question in asked:
            pattern, words = ANSWERS[name]
            found = [each for text in texts_in(body) for each in re.finditer(pattern, text)]
            return Talk(words.format(found[-1][found[-1].re.groups]) if found else UNKNOWN)
    return Talk("I see.")


def is_reply(body: dict[str, Any]) -> bool:
    """Return whether a request asks for an answer, and not for a summary."""
    return any(text.startswith(f"<{SCENE}>") for text in texts_in(body))


def texts_in(body: dict[str, Any]) -> Iterator[str]:
    """Yield all texts of a request's messages."""
    for message in body["messages"]:
        for part in message["content"]:
            yield part.get("text", "")


async def take_place(stage: Stage) -> LongTalk:
    """Let the conversation take place."""
    talk = LongTalk()
    first = {"fact": FACT, "wrong": WRONG, "secret": SECRET, "pin": WISH, "date": BOOKED}
    for name, text in first.items():
        talk.said[name] = await stage.say("ann", text)
    talk.said["file"] = await stage.say("ann", LISTED, file=(FILE, CONTENT))
    talk.said["correction"] = await stage.say("bob", CORRECTION)
    await stage.delete(talk.said["secret"])
    for number in range(TURNS - len(talk.said) - len(QUESTIONS)):
        who = ("ann", "bob")[number % 2]
        await stage.rest()
        await stage.say(who, f"{_TOPICS[number % len(_TOPICS)]}, for the {number + 1}. time.")
    for name, question in QUESTIONS.items():
        await stage.rest()
        await stage.say("ann", question)
        talk.answers[name] = stage.answer()
    return talk
