"""Long conversations with questions about them, made up for `tests.benchmarks.recall`.

How they are made: each language has a file of sentences that we wrote (`en.toml`, `de.toml`, …). A
*fact* is what a person says (`said`), what the other says before and after it, and a question that
seldom has the fact's words (`ask`); a *group* is one question about things said at different times;
*advice* is what an assistant said and is asked for later. `people_talk` lets two people meet in 30
dated sessions of 16 to 28 messages, mostly small talk, which is also in the message with a fact;
each of them says each fact once, with other cities, animals and numbers, so that a question about
one finds the other's words as well. `assistant_talk` lets a person ask an assistant 60 times about
projects; the answers have about 3,800 characters of general advice, and the facts stand in what the
person says besides. All choices come from a seed, so each run makes the same conversations.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LANGUAGES = ("de", "en", "es", "ja", "ru", "zh")
ASSISTANT = "assistant"
SESSIONS, EXCHANGES, ANSWER = 30, 60, 3800
_DAY = 24 * 3600.0
_START = datetime(2025, 1, 6, 18, 30, tzinfo=UTC).timestamp()
_SLOTS = ("city", "animal", "dish", "number")


@dataclass(frozen=True)
class Said:
    """One message."""

    id: str
    speaker: str
    at: float
    text: str


@dataclass(frozen=True)
class Question:
    """A question about a conversation, and the messages that answer it."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Talk:
    """A conversation and what is asked about it."""

    name: str
    turns: tuple[Said, ...]
    questions: tuple[Question, ...]


Step = tuple[str, dict[str, str]]


class _Maker:
    def __init__(self, language: str, number: int) -> None:
        text = (Path(__file__).parent / f"{language}.toml").read_text("utf-8")
        self.data: dict[str, Any] = tomllib.loads(text)
        self.name = f"{language}-{number}"
        self.chance = random.Random(self.name)
        self.people: list[str] = self.data["people"][number % len(self.data["people"])]
        self.turns: list[Said] = []
        self.questions: list[Question] = []
        self.at = _START

    def filled(self, text: str, **names: str) -> str:
        slots = {slot: self.chance.choice(self.data[slot]) for slot in _SLOTS}
        project = self.chance.choice(self.data["project"])
        return text.format(**{"project": project, "who": "", "other": "", **slots, **names})

    def say(self, speaker: str, text: str) -> str:
        self.at += self.chance.uniform(20, 150)
        said = Said(f"D{len(self.turns)}", speaker, self.at, text)
        self.turns.append(said)
        return said.id

    def chatter(self, who: str, sentences: int) -> str:
        """Return small talk."""
        chosen = self.chance.sample(self.data["small"], sentences)
        return " ".join(self.filled(each, other=self.other(who)) for each in chosen)

    def other(self, who: str) -> str:
        return self.people[1 - self.people.index(who)]

    def tell(self, who: str, fact: dict[str, str]) -> tuple[str, str]:
        """Let a person say a fact; return the question about it, and the message's id."""
        if "lead" in fact:
            self.say(self.other(who), fact["lead"])
        parts = [self.filled(fact["said"]), self.chatter(who, 1)]
        self.chance.shuffle(parts)
        said = self.say(who, " ".join(parts))
        if "after" in fact:
            self.say(self.other(who), fact["after"])
        return fact["ask"].format(who=who), said

    def made(self) -> Talk:
        self.chance.shuffle(self.questions)
        return Talk(self.name, tuple(self.turns), tuple(self.questions))


def _planned(make: _Maker) -> list[list[Step]]:
    """Return who says which fact in which session."""
    planned: list[list[Step]] = [[] for _ in range(SESSIONS)]
    for who in make.people:
        facts = [*make.data["fact"]]
        for group in make.data["group"]:
            facts += [{"said": said, "ask": group["ask"]} for said in group["said"]]
        for fact in facts:
            make.chance.choice(planned).append((who, fact))
    return planned


def people_talk(language: str, number: int) -> Talk:
    """Return two people's conversation."""
    make = _Maker(language, number)
    chance = make.chance
    planned = _planned(make)
    evidence: dict[str, list[str]] = {}
    for session in planned:
        make.at = make.at - make.at % _DAY + 18 * 3600 + _DAY * chance.randint(6, 20)
        steps = [*session, *[None] * max(2, (chance.randint(16, 28) - 3 * len(session)) // 2)]
        chance.shuffle(steps)
        for step in steps:
            if step is None:
                who = chance.choice(make.people)
                for speaker in (who, make.other(who)):
                    make.say(speaker, make.chatter(speaker, chance.randint(2, 3)))
            else:
                ask, said = make.tell(*step)
                evidence.setdefault(ask, []).append(said)
    make.questions = [Question(ask, tuple(found)) for ask, found in evidence.items()]
    return make.made()


def assistant_talk(language: str, number: int) -> Talk:
    """Return a person's conversation with an assistant that answers at length."""
    make = _Maker(language, number)
    chance, (who, _) = make.chance, make.people
    facts = [(fact["said"], fact["ask"]) for fact in make.data["fact"]]
    facts += [(said, group["ask"]) for group in make.data["group"] for said in group["said"]]
    spots = chance.sample(range(EXCHANGES - 4), len(facts))
    planned = dict(zip(spots, facts, strict=True))
    advised = dict(
        zip(
            chance.sample(range(EXCHANGES - 4), len(make.data["advice"])),
            make.data["advice"],
            strict=True,
        )
    )
    evidence: dict[str, list[str]] = {}
    for turn in range(EXCHANGES):
        if chance.random() < 1 / 6:
            make.at += _DAY * chance.randint(1, 9)
        task = make.filled(chance.choice(make.data["task"]))
        said, ask = planned.get(turn, ("", ""))
        asked = make.say(who, f"{make.filled(said)} {task}" if said else task)
        if ask:
            evidence.setdefault(ask.format(who=who), []).append(asked)
        sentences: list[str] = []
        while sum(map(len, sentences)) < ANSWER:
            sentences.append(make.filled(chance.choice(make.data["answer"])))
        if advice := advised.get(turn):
            sentences.insert(chance.randrange(len(sentences)), advice["said"])
        answered = make.say(ASSISTANT, "\n\n".join(_paragraphs(sentences)))
        if advice:
            evidence.setdefault(advice["ask"], []).append(answered)
    make.questions = [Question(ask, tuple(found)) for ask, found in evidence.items()]
    return make.made()


def _paragraphs(sentences: list[str]) -> list[str]:
    return [" ".join(sentences[start : start + 5]) for start in range(0, len(sentences), 5)]
