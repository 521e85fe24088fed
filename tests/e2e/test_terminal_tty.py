"""The terminal for a person: what stands on the screen."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.e2e.keyboard import Keyboard
from tests.fakes.claude import FakeClaude, Talk

if TYPE_CHECKING:
    from tests.e2e.program import Program


async def test_a_person_talks_looks_and_leaves(program: Program) -> None:
    async with Keyboard(program, "run") as person:
        await person.shows("not a language model")
        await person.type("My dog is called Rex.")
        await person.shows("bot> ")
        await person.type("What is my dog called?")
        await person.shows("bot> ")
        assert "Rex" in await person.shows("main>")
        await person.type("/memory")
        await person.shows("word for word: 2 exchanges")
        await person.type("/nope")
        await person.shows("There is no command /nope")
        await person.type("/quit")
        assert await person.ends() == 0
        assert "Traceback" not in person.screen


async def test_lines_typed_before_come_back_with_the_arrow_key(program: Program) -> None:
    async with Keyboard(program, "run") as person:
        await person.type("My dog is called Rex.")
        await person.shows("bot> ")
        await person.shows("main>")
        person.press("\x04")
        assert await person.ends() == 0
    async with Keyboard(program, "run") as person:
        await person.shows("main>")
        person.press("\x1b[A")
        await person.shows("My dog is called Rex.")
        person.press("\x03")
        assert await person.ends() == 130


async def test_an_answer_is_shown_as_it_is_written(program: Program) -> None:
    async with FakeClaude(delay=0.2) as claude:
        claude.next(Talk("The first words come early, and \x1b[31mthe last ones late."))
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        async with Keyboard(program, "run") as person:
            await person.type("Hello")
            await person.shows("bot> The first")
            assert "late." not in person.screen
            await person.shows("late.")
            await person.shows("main>")
            assert person.screen.count("The first words") == 1
            assert "\x1b[31m" not in person._seen


async def test_ctrl_c_while_it_answers_ends_at_once_and_the_answer_comes_later(
    program: Program,
) -> None:
    async with FakeClaude(delay=0.5) as claude:
        claude.next(Talk("This is a long answer that nobody wants to wait for any more."))
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        async with Keyboard(program, "run") as person:
            await person.type("Hello")
            await person.shows("bot> This")
            person.press("\x03")
            assert await person.ends() == 130
            assert "Traceback" not in person.screen
    program.settings["CHATBOT_MODEL"] = "offline"
    async with Keyboard(program, "run") as person:
        await person.shows("Finishing the reply that was interrupted…")
        await person.shows("bot> ")
        await person.type("/threads")
        await person.shows("main: 1 reply")


async def test_scissors_and_their_meaning_stand_under_the_first_trimmed_answer(
    program: Program,
) -> None:
    program.settings |= {"CHATBOT_MEMORY": "window", "CHATBOT_MEMORY_PAIRS": "1"}
    async with Keyboard(program, "run") as person:
        for number in range(3):
            await person.type(f"Fact number {number}")
            await person.shows("bot> ")
        await person.shows("✂️ means")
        await person.shows("/memory shows what I remember.")
        await person.shows("main>")


async def test_two_people_share_a_thread_and_each_sees_everything_once(program: Program) -> None:
    program.settings["CHATBOT_USER"] = "ada"
    async with Keyboard(program, "chat", "--thread", "shared", prompt="shared>") as ada:
        await ada.shows("shared>")
        async with Keyboard(program, "chat", "--thread", "shared", prompt="shared>") as bob:
            await bob.shows("shared>")
            await ada.type("My dog is called Rex.")
            await ada.shows("bot> ")
            await bob.shows("ada: My dog is called Rex.")
            await bob.shows("bot> ")
            await bob.type("What is my dog called?")
            await bob.shows("Rex")
            await ada.shows(": What is my dog called?")
            await ada.shows("Rex")
            await bob.type("/quit")
            assert await bob.ends() == 0
        for screen in (ada.screen, bob.screen):
            assert screen.count("You said:") == 1
        await ada.type("/quit")
        assert await ada.ends() == 0


async def test_told_to_stop_it_gives_the_terminal_back_and_ends(program: Program) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        async with Keyboard(program, "run") as person:
            await person.shows("main>")
            person.process.send_signal(number)
            assert await person.ends() == 0
            assert "Traceback" not in person.screen


async def test_ctrl_c_at_the_prompt_ends_it(program: Program) -> None:
    async with Keyboard(program, "run") as person:
        await person.shows("main>")
        person.press("\x03")
        assert await person.ends() == 130
        assert "Traceback" not in person.screen


async def test_the_offline_model_answers_from_what_left_the_window(program: Program) -> None:
    program.settings |= {"CHATBOT_MEMORY": "window", "CHATBOT_MEMORY_PAIRS": "1"}
    async with Keyboard(program, "run") as person:
        for text in ("我的猫叫小黑。", "My locker has the code 4711.", "It rains.", "Soup again."):
            await person.type(text)
            await person.shows("bot> ")
        await person.type("What is the code of my locker?")
        await person.shows("bot> ")
        assert "4711" in await person.shows("main>")
        await person.type("我的猫叫什么名字?")
        await person.shows("bot> ")
        assert "小黑" in await person.shows("main>")
