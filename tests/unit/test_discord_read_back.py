"""Which of our messages are a turn's: nothing of another turn's may be taken for one of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bots.discord.outbound.format import preview
from bots.discord.outbound.read_back import find
from core.delivery.port import AS_FILE, DeliveryTarget
from core.domain.message import Kind, ThreadKey

THREAD = ThreadKey("discord", "1/2", "30")
OPENS = DeliveryTarget(thread=THREAD, kind=Kind.THREAD, turn="30", trigger="30", answer_in="30")
LATER = replace(OPENS, turn="35", trigger="35")
AGAIN = replace(OPENS, turn="30!")


def mine(id_: str, text: str, to: str = "", **more: Any) -> dict[str, Any]:
    reference = {"message_reference": {"message_id": to}} if to else {}
    return {"id": id_, "content": text, **reference, **more}


def found(where: DeliveryTarget, *messages: dict[str, Any]) -> dict[str, int]:
    """Return the pieces that are found, by the ids of messages; -1 is a preview."""
    posted = find(messages, where, token="t", replies=where.trigger != "30")
    return {each.id: each.key.piece for each in posted}


def test_the_first_answer_of_a_thread_ends_where_replies_begin() -> None:
    first = (mine("31", "one"), mine("32", "two"))
    assert found(OPENS, *first) == {"31": 0, "32": 1}
    later = (mine("36", "three", to="35"), mine("37", "four"), mine("38", preview("half")))
    assert found(OPENS, *first, *later) == {"31": 0, "32": 1, "38": -1}
    assert found(OPENS, *later) == {"38": -1}
    assert found(LATER, *first, *later[:2]) == {"36": 0, "37": 1}


def test_a_message_that_was_put_in_again_has_only_what_is_known_by_its_words() -> None:
    stood = (mine("31", "given up"), mine("36", "three", to="35"), mine("37", "four"))
    file = mine("38", "", attachments=[{"id": "1"}])
    half, answer = mine("39", preview("half")), mine("40", "five")
    assert found(AGAIN, *stood, file, half) == {"39": -1}
    known = replace(AGAIN, pieces=("five", "six"))
    assert found(known, *stood, file, half, answer, file | {"id": "41"}) == {
        "39": -1,
        "40": 0,
        "41": AS_FILE,
    }
    replied = replace(AGAIN, turn="35!", trigger="35")
    assert found(replied, *stood) == {}
    assert found(replace(replied, pieces=("five",)), *stood, mine("42", "five", to="35")) == {
        "42": 0
    }


def test_a_recorded_answer_is_found_by_its_words_wherever_it_stands() -> None:
    known = replace(OPENS, pieces=("one", "two"))
    messages = (mine("36", "three", to="35"), mine("37", "two"), mine("38", "one"))
    assert found(known, *messages) == {"37": 1, "38": 0}
