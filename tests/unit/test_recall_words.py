"""The terms by which a text is found again, in each kind of script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.memory.recall.words import (
    PASSAGE,
    date_terms,
    is_follow_up,
    language_of,
    passages_of,
    terms_of,
    wanted_in,
)


def shared(question: str, said: str) -> int:
    """Return how many words and runs of letters a question shares with what was said."""
    found = terms_of(said)
    wanted = wanted_in([question], [found.language] if found.language else [])
    return len(wanted.words & {*found.words}) + len(wanted.grams & {*found.grams})


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where did she go?", "I went to Rome."),
        ("How many children?", "One child so far."),
        ("Who is running?", "We ran there."),
        ("Has Ann's brother called?", "Ann has two brothers."),
        ("Welche Rechnung war offen?", "Die Rechnungsnummer steht auf dem Brief."),
        ("Wo sind die Häuser?", "Das Haus ist gelb und nicht weit."),
        ("Dónde están las llaves?", "La llave está en la mesa."),
        ("Какую машину он купил?", "Я купил новые машины."),
        ("Το σπίτι;", "Τα σπίτια είναι μικρά."),  # noqa: RUF001 - Greek
        ("我的猫呢?", "小猫在睡觉"),
        ("会議は何時?", "会議が変更されました"),
        ("회의는 언제?", "회의가 바뀌었어요"),
        ("รถไฟมากี่โมง", "รถไฟมาถึงตอนเช้า"),
        ("Café Müller?", "we met at the cafe muller"),
        ("on 8 May 2023", "2023-05-08"),
        ("am 8. Mai", "8 May"),
        ("5月8日に", "on 8 May"),
        ("room 0042", "it is room 42"),
        ("Where was the smorrebrod?", "We ate smørrebrød there."),
        ("Who is mueller?", "We met Mr Müller there."),
        ("ışık nerede?", "IŞIK benim kuzenim."),  # noqa: RUF001 - Turkish
        ("the invoice total helper", "call invoiceTotalForRegion"),
        ("parseHTMLResponse", "it should parse the response"),
        ("who pays 1200?", "The rent is 1,200 euros."),
        ("1250?", "Die Miete kostet 1.250,50 Euro."),
        ("12500000", "12 500 000 people"),
        ("Whose is 5550199?", "Call me at 555-0199."),
        ("01701234567", "Omar: +49 (170) 123 45 67"),
        ("room 42", "الغرفة ٤٢"),
        ("1200", "قیمت ۱۲۰۰ تومان است"),
        ("แมว", "แมวของฉันชื่อมะลิ"),
        ("ยา", "กินยาทุกวัน"),
        ("집은 어디?", "집에서 멀다"),
        ("돈은?", "돈이 서랍에 있어"),
        ("איפה כלב?", "אני אוהב את הכלב של דנה"),
        ("הכלב", "וכלב"),
        ("🦊?", "🦊 is the code name"),
        ("👩‍🚀", "the 👩🏽‍🚀 is back"),
    ],
)
def test_a_question_finds_other_forms_of_its_words(question: str, said: str) -> None:
    assert shared(question, said)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where is the dog?", "The cat is in the house."),
        ("Wo ist der Hund?", "Die Katze ist in dem Haus."),
        ("猫はどこ?", "犬が好き"),
        ("Who has an iPhone?", "I can hear you."),
        ("What costs 1200?", "It is 1,300 euros."),
        ("555-0199", "5550198"),
        ("집은 어디?", "산에서 본다"),
        ("🦊", "🐻"),
        ("👍", "👍"),
    ],
)
def test_what_only_looks_alike_is_not_found(question: str, said: str) -> None:
    found = terms_of(said)
    assert not wanted_in([question], [found.language]).words & {*found.words}


def test_a_message_of_a_day_is_found_by_the_day() -> None:
    day = {*date_terms(datetime(2023, 5, 8, tzinfo=UTC))}
    assert day <= wanted_in(["What happened on May 8, 2023?"], ()).words
    assert day <= wanted_in(["Was war am 8. Mai 2023?"], ()).words


@pytest.mark.parametrize(
    "text", ["thanks!", "Great, thank you", "ok", "haha", "👍", "👍🏽", "❤️", "Danke!", ""]
)
def test_small_talk_asks_for_nothing(text: str) -> None:
    assert not wanted_in([text], ["english", "german"]).words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the name of the dog?", "english"),
        ("Was ist denn der Name von dem Hund?", "german"),
        ("¿Cómo se llama el perro de mi hermana?", "spanish"),
        ("Comment est-ce que le chien s'appelle, et où est-il?", "french"),
        ("Hvad er det, og hvorfor er jeg her?", "danish"),
        ("Rechnungsnummer 4711", ""),
        ("", ""),
    ],
)
def test_the_language_is_told_by_function_words(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["And what did he say?", "Why?", "wann war das", "что он сказал"])
def test_a_follow_up_points_back(text: str) -> None:
    assert is_follow_up(text)


def test_a_statement_is_no_follow_up() -> None:
    assert not is_follow_up("Thanks a lot")


@pytest.mark.parametrize(
    "text",
    [
        "One. Two! Three? " * 100,
        "a" * 3000,
        "word " * 500,
        "\n".join(["line"] * 300),
        "一句话。" * 300,
        "x" * (PASSAGE + 1),
        "",
        "short",
    ],
)
def test_passages_are_all_of_a_text_without_gaps(text: str) -> None:
    cuts = passages_of(text)
    assert "".join(text[start:end] for start, end in cuts) == text
    assert all(0 < end - start <= PASSAGE for start, end in cuts) or not text
    assert len(cuts) <= 1 + 3 * len(text) / PASSAGE


def test_passages_end_with_sentences() -> None:
    text = "This is one sentence of a longer story. " * 30
    assert all(text[start:end].endswith(". ") for start, end in passages_of(text))
