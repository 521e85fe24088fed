"""The benchmark of recall reads others' data and finds what is there, and no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.benchmarks import recall
from tests.benchmarks.recall_sets import ASSISTANT, LANGUAGES, assistant_talk, people_talk

if TYPE_CHECKING:
    from pathlib import Path

FILLER = "We talked about the weather, the neighbours and what to cook on the weekend. " * 4


def line(*, with_assistant: bool) -> str:
    """Return a conversation of 120 messages, in which the first one is asked for."""
    said = ["I keep the spare key under the blue flowerpot.", *[FILLER] * 119]
    turns = [
        {
            "id": f"D{n}",
            "speaker": ASSISTANT if with_assistant and n % 2 else "Ann" if n % 3 else "Bob",
            "at": ["1:56 pm on 8 May, 2023", "2023-05-09T10:00:00", 1_683_800_000][min(n // 40, 2)],
            "text": text,
        }
        for n, text in enumerate(said)
    ]
    questions = [
        {"text": "Where does Bob keep the spare key?", "evidence": ["D0"]},
        {"text": "What about zeppelins?", "evidence": ["D0"]},
    ]
    return json.dumps({"conversation": "one", "turns": turns, "questions": questions})


async def test_it_reads_conversations_of_both_shapes(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text(line(with_assistant=False) + "\n\n" + line(with_assistant=True) + "\n")
    talks = recall.read(file)
    times = [each.at for each in talks[0].turns]
    assert times == sorted(times)
    assert 1_683_500_000 < times[0] < times[40] < times[80] < 1_683_900_000
    found = (await recall.measure(talks, [500]))["shown"]
    assert found["window"][0] == {"whole": 0.0, "passage": 0.0}
    assert found["recall"][500] == {"whole": 50.0, "passage": 50.0}
    assert found["bm25s"][500]["whole"] >= 50.0


def test_the_made_conversations_are_always_the_same_and_answerable() -> None:
    for make in (people_talk, assistant_talk):
        for language in LANGUAGES:
            talk = make(language, 1)
            assert talk == make(language, 1)
            ids = {each.id for each in talk.turns}
            assert talk.questions
            assert all(each.evidence and ids.issuperset(each.evidence) for each in talk.questions)
