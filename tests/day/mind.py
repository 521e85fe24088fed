"""A model whose mind can be read: what it was shown, and what it makes of that.

It answers each message that is meant for it between `re #7` and `end #7`, so that an answer can be
told from its pieces and matched with its question; and it never repeats a fact, so that one which
was deleted is nowhere any more. A fact is a word of its own, such as `amber-101`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from core.prompt.tags import RECALLED, SCENE, SUMMARY
from tests.fakes.claude import Answer, Talk
from tests.prompts import messages_in, newest_in

FACT = re.compile(r"\b[a-z]+-\d{3}\b")
NUMBER = re.compile(r"#(\d+)\b")
LONG, HELD, ENDLESS, MOMENT = "at length", "think hard", "never end", "take a moment"
"""What people say to get another answer than the usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as it is judged."""

    for_summary: bool
    answers: tuple[int, ...]
    """The numbers of the messages that it is to answer."""
    seen: frozenset[int]
    """The numbers of all that people said and that it shows word for word, in its place.

    What it recalls is not among them: that depends on what is asked, and on whether the thread is
    indexed by then, and comes and goes without a mark.
    """
    facts: frozenset[str]
    media: tuple[str, ...]
    """Pictures and documents in it, encoded."""


def asked(request: dict[str, Any]) -> Asked:
    """Return what a request to the model shows it."""
    messages = [(message["role"], _blocks(message)) for message in request["messages"]]
    users = [block for role, blocks in messages if role == "user" for block in blocks]
    texts = [block["text"] for block in users if block["type"] == "text"]
    for_summary = not texts[-1].startswith(f"<{SCENE}>")
    word_for_word = [
        text
        for text in texts
        if f"<{SUMMARY}>" not in text and not text.startswith(f"<{RECALLED}>")
    ]
    everything = [b["text"] for _, blocks in messages for b in blocks if b["type"] == "text"]
    new = () if for_summary else messages_in(newest_in(request))
    return Asked(
        for_summary=for_summary,
        answers=tuple(_number(said.text) for said in new if not said.overheard),
        seen=frozenset(int(n) for text in word_for_word for n in NUMBER.findall(text)),
        facts=frozenset(fact for text in everything for fact in FACT.findall(text)),
        media=tuple(b["source"]["data"] for b in users if b["type"] != "text"),
    )


class Mind:
    """What the fake of the model's API answers."""

    def __init__(self) -> None:
        self.awake = False
        """Whether it comes to an end with what it was to think about."""
        self.go_on = asyncio.Event()
        """Set where it may come to an end with what takes it a moment."""

    def __call__(self, request: dict[str, Any]) -> Answer:
        """Answer a request."""
        what = asked(request)
        if what.for_summary:
            return Talk(f"What was said: {', '.join(sorted(what.facts)) or 'nothing'}.")
        said = messages_in(newest_in(request))
        new = [each.text for each in said if not each.overheard]
        whole = "\n\n".join(answer_to(text) for text in new)
        if any(ENDLESS in text for text in new):
            return Talk(f"re #{_number(new[0])}\n\n{COUNTED}", then="hang")
        if any(HELD in text for text in new) and not self.awake:
            return Talk(whole[: len(whole) // 2], then="hang")
        return Talk(whole, gate=self.go_on if any(MOMENT in text for text in new) else None)


def answer_to(text: str) -> str:
    """Return the whole answer to one message."""
    number = _number(text)
    body = long_text() if LONG in text else "I have taken note of that."
    return f"re #{number}\n\n{body}\n\nend #{number}"


COUNTED = " ".join(f"number{count}" for count in range(60))
"""What an answer without an end begins with."""


def long_text() -> str:
    """Return an answer with tables and code in it, too long for one message anywhere."""
    parts = [_part(number, lines=20) for number in range(6)]
    return "\n\n".join([*parts, _part(6, lines=260)])


def _part(part: int, lines: int) -> str:
    rows = "\n".join(f"| {part}.{n} | {'value ' * 6}{n} |" for n in range(20))
    code = "\n".join(f"    total += {part} if {n} < total else {n} & 7" for n in range(lines))
    return (
        f"## Part {part}\n\n{'Some words before what must not be broken. ' * 4}\n\n"
        f"| Key | Value |\n| --- | --- |\n{rows}\n\n"
        f"```python\ndef sum_{part}():\n    total = 0\n{code}\n    return total\n```"
    )


def _number(text: str) -> int:
    found = NUMBER.search(text)
    assert found is not None, f"nobody in this day says: {text}"
    return int(found[1])


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
