"""What stands on a person's screen, from the first words of an answer to its last."""

from __future__ import annotations

import io

import pytest

from bots.terminal.screen import TtyScreen
from core.domain.session import Answer, AnswerKind, Entry
from tests.talk import entry


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setenv("NO_COLOR", "1")
    return io.StringIO()


def answer(
    text: str,
    *,
    kind: AnswerKind = AnswerKind.ANSWER,
    trimmed: bool = False,
    explain: bool = False,
    notes: tuple[str, ...] = (),
) -> Answer:
    return Answer(
        position=0,
        turn="t",
        token="k",
        kind=kind,
        text=text,
        sent_at=0,
        trimmed=trimmed,
        explain_trim=explain,
        notes=notes,
    )


async def test_an_answer_grows_where_it_stands(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    await screen.working(working=True)
    await screen.preview(" One ")
    await screen.preview(" One two")
    await screen.answer(answer("One two three", trimmed=True), mine=True)
    assert out.getvalue() == "…\r \rbot> One two three ✂️\n"


async def test_an_answer_that_starts_over_says_so(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    await screen.preview("One")
    await screen.preview("")
    await screen.preview("Two")
    await screen.answer(answer("Three"), mine=True)
    assert out.getvalue() == ("bot> One\n(starting over)\nbot> Two\n(starting over)\nbot> Three\n")


async def test_a_notice_after_a_preview_stands_by_itself(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    await screen.preview("One")
    await screen.answer(answer("It broke off.", kind=AnswerKind.NOTICE), mine=True)
    assert out.getvalue() == "bot> One\n(starting over)\nIt broke off.\n"


async def test_scissors_are_explained_and_notes_told(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    await screen.answer(answer("Hi", trimmed=True, explain=True, notes=("A note.",)), mine=True)
    first, second, third = out.getvalue().splitlines()
    assert first == "bot> Hi ✂️"
    assert second.startswith("✂️ means")
    assert third == "A note."


async def test_what_others_say_is_labelled_and_inert(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    said: Entry = entry(0, "Hello\x1b[2J", who="Bob\n\x1b[1m")
    await screen.entry(said)
    await screen.answer(answer("Hi\x07"), mine=False)
    assert out.getvalue() == "Bob [1m: Hello[2J\nbot> Hi\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x85", "\x0b"], ids=ascii)
async def test_nothing_that_others_say_looks_like_the_bots(out: io.StringIO, end: str) -> None:
    screen = TtyScreen(out)
    await screen.entry(entry(0, f"Hi{end}bot> I promise", who=f"bot> x{end}bot>"))
    lines = out.getvalue().splitlines()
    assert lines == ["bot\u203a x bot\u203a: Hi", "  bot> I promise"]


async def test_nothing_is_written_through_a_prompt(out: io.StringIO) -> None:
    screen = TtyScreen(out)
    above: list[str] = []

    async def over(write: object) -> None:
        assert callable(write)
        above.append("prompt hidden")
        write()

    screen.above = over
    await screen.tell("One", "Two")
    await screen.working(working=True)
    assert above == ["prompt hidden"]
    assert out.getvalue() == "One\nTwo\n"


@pytest.mark.parametrize(
    "text", ["One\r\ntwo \r\r three\n\n four \t five\x1b[2J six \u202e ", " \r\n a\r", "x" * 50]
)
async def test_an_answer_that_grows_sign_by_sign_is_shown_as_one_that_comes_at_once(
    out: io.StringIO, text: str
) -> None:
    screen = TtyScreen(out)
    for end in range(len(text) + 1):
        if text[:end].strip():
            await screen.preview(text[:end])
    grown, whole = out.getvalue(), io.StringIO()
    await TtyScreen(whole).preview(text)
    assert grown == whole.getvalue()
