"""Which recalled messages an answer used: by its words, in any language, without a model."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from core.domain.session import Passage
from core.memory.recall.used import MOST, used

if TYPE_CHECKING:
    from collections.abc import Sequence

OCTOBER_9 = 1_760_000_000.0


def said(text: str, position: int = 0, who: str = "Ann", at: float = OCTOBER_9) -> Passage:
    return Passage(position=position, who=who, when=at, text=text, platform_id=f"m{position}")


def answered(text: str, position: int = 0) -> Passage:
    return Passage(position=position, who="", when=OCTOBER_9, text=text, by_bot=True)


def places(answer: str, passages: Sequence[Passage], *seen: str) -> list[int]:
    return [each.position for each in used(answer, passages, seen=seen, zone=UTC)]


KEY = {
    "en": ("My locker at the pool has the combination 4711.", "What is my combination?", "4711."),
    "de": ("Ich wohne in der Goethestraße.", "Wo wohne ich?", "In der Goethestraße wohnst du."),
    "fr": ("Le code de la porte est au garage.", "Où est le code ?", "Le code est au garage."),
    "es": ("La llave está debajo de la alfombra.", "¿Dónde está la llave?", "Bajo la alfombra."),
    "pl": ("Klucz leży pod wycieraczką.", "Gdzie jest klucz?", "Klucz jest pod wycieraczką."),
    "ru": ("Я оставил ключ под ковриком у двери.", "Где ключ?", "Ключ лежит под ковриком."),  # noqa: RUF001
    "el": ("Το κλειδί είναι κάτω από το χαλί.", "Πού είναι το κλειδί;", "Κάτω από το χαλί."),  # noqa: RUF001
    "ar": ("تركت المفتاح تحت السجادة.", "أين المفتاح؟", "المفتاح تحت السجادة."),
    "zh": ("会议改到周三了", "会议在什么时候?", "会议在周三。"),
    "ja": ("会議は金曜日の15時に変更しました。", "会議はいつですか?", "会議は金曜日の15時です。"),
    "ko": (
        "회의가 금요일 오후 3시로 바뀌었어요.",
        "회의가 언제예요?",
        "회의는 금요일 오후 3시입니다.",
    ),
    "th": ("การประชุมย้ายไปห้องสีน้ำเงินแล้ว", "ประชุมที่ไหน", "การประชุมอยู่ที่ห้องสีน้ำเงิน"),
}
IDLE = {
    "en": "I'm sorry, I don't know that.",
    "de": "Das weiß ich leider nicht.",
    "fr": "Je ne sais pas, désolé.",
    "es": "No lo sé, lo siento.",
    "pl": "Niestety tego nie wiem.",
    "ru": "К сожалению, я этого не знаю.",  # noqa: RUF001
    "el": "Δυστυχώς δεν το ξέρω.",
    "ar": "آسف، لا أعرف ذلك.",
    "zh": "抱歉,我不知道。",
    "ja": "すみません、わかりません。",
    "ko": "죄송하지만 모르겠어요.",
    "th": "ขอโทษค่ะ ไม่ทราบ",
}


@pytest.mark.parametrize("language", KEY)
def test_an_answer_that_says_what_a_message_says_used_it(language: str) -> None:
    message, question, answer = KEY[language]
    others = [said(text, 7) for other, (text, _, _) in KEY.items() if other != language]
    assert places(answer, [said(message, 3)], question) == [3]
    assert places(answer, [said(message, 3), *others], question) == [3]


@pytest.mark.parametrize("language", KEY)
def test_an_answer_that_says_nothing_of_it_did_not(language: str) -> None:
    message, question, _ = KEY[language]
    assert places(IDLE[language], [said(message, 3)], question) == []


@pytest.mark.parametrize("language", KEY)
def test_what_the_window_or_the_question_says_is_no_use_of_a_message(language: str) -> None:
    message, question, answer = KEY[language]
    assert places(answer, [said(message, 3)], question, "So:", answer) == []


ALLERGY = said("I'm allergic to peanuts, please remember that.", 1)


def test_one_word_is_enough_if_it_is_the_answer() -> None:
    assert places("Peanuts.", [ALLERGY], "What am I allergic to?") == [1]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            "Use a list:\n```python\nresult = [x for x in items if x > 10]\n```\nIt runs fast.",
            "I have no time on Friday because of the items on my list.",
        ),
        (
            "1. Wake up early.\n2. Drink water.\n3. Plan your whole day in time.\n4. Sleep well.",
            "I have 3 kids and 2 dogs, and little time.",
        ),
        (
            ("The sea is calm tonight,\nthe tide is full.\nListen! you hear the grating roar."),
            "We went to the sea last summer and the kids loved the waves.",
        ),
    ],
)
def test_a_word_that_two_texts_happen_to_share_is_not(answer: str, text: str) -> None:
    asked = "How do I filter a list? And give me tips for a healthy day at the sea."
    assert places(answer, [said(text)], asked) == []


def test_of_messages_that_say_the_same_people_come_first_and_then_the_newest() -> None:
    noted = answered("Noted: you're allergic to peanuts.", 5)
    again = said("As I said, I'm allergic to peanuts.", 4)
    asked = "What am I allergic to?"
    assert places("You're allergic to peanuts.", [ALLERGY, noted], asked) == [1]
    assert places("You're allergic to peanuts.", [ALLERGY, again, noted], asked) == [4]
    assert places("You're allergic to peanuts.", [noted], asked) == [5]


def test_a_correction_is_used_and_what_it_corrects_only_if_that_is_said_too() -> None:
    passages = [
        said("The dinner is on Tuesday at Mario's.", 2),
        said("Correction: the dinner is moved to Thursday.", 5),
    ]
    assert places("It's on Thursday.", passages, "When is the dinner?") == [5]
    where = "When and where is the dinner?"
    assert places("The dinner is on Thursday at Mario's.", passages, where) == [2, 5]


def test_who_said_it_and_when_count_as_well() -> None:
    passages = [
        said("I'll bring the cake!", 4, who="Bob"),
        said("I'll bring drinks.", 6, who="Carla", at=OCTOBER_9 + 40 * 86_400),
    ]
    assert places("Bob did.", passages, "Who said they'd bring the cake?") == [4]
    assert places("On 18 November.", passages, "When did we talk of drinks?") == [6]
    assert places("On 18 March.", passages, "When did we talk of drinks?") == []


def test_at_most_three_are_named_and_each_says_something_of_its_own() -> None:
    names = ("Lisbon", "Oslo", "Quito", "Hanoi", "Riga")
    passages = [said(f"I have been to {name}.", at) for at, name in enumerate(names)]
    answer = f"You have been to {', '.join(names)}."
    found = places(answer, passages, "Which places have I been to?")
    assert len(found) == MOST == 3
    assert found == sorted(found)


def test_a_message_in_one_language_is_used_by_an_answer_in_another() -> None:
    passages = [said("Ich wohne in der Goethestraße, in Leipzig.", 4)]
    assert places("Ann lives in Leipzig.", passages, "Where does Ann live?") == [4]


def test_odd_texts_use_nothing() -> None:
    odd = ["", " ", "\ud800", "\u200b", "...", "a", "1", "\n\n- \n# "]
    for answer in odd:
        assert places(answer, [said(text, at) for at, text in enumerate(odd)]) in ([], [5], [6])
    assert places("Whatever is said.", []) == []
    assert places("Now.", [said("Now or never.", at=1e20)], "When?") == [0]
