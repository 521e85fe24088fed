"""Commands beside the conversation, and a conversation as a document."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.commands.audit import event_line, record
from core.commands.commands import Commands, stats_lines
from core.commands.export.request import ExportFormat
from core.commands.export.writing import Look, Source, export
from core.commands.memory_view import thread_line, view_lines
from core.domain.admission import AdmissionPolicy, FollowUp, admissions
from core.domain.clock import SystemClock
from core.domain.message import Address, Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.session import Answer, AnswerKind, Usage
from core.domain.summary import Line, LineKind, Segment, dumped
from core.memory.memory import Memory
from core.memory.recall.recall import Recall
from core.memory.tokens import counter_for
from core.store.local.store import LocalStore
from core.store.values import Outcome, PendingAnswer, Work
from tests.builders import draft, message, terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

THREAD = ThreadKey("terminal", "ada", "main")


class HeldClock(SystemClock):
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def store(clock: HeldClock) -> LocalStore:
    return LocalStore(clock)


@pytest.fixture
def commands(store: LocalStore, clock: HeldClock) -> Commands:
    counter = counter_for("offline", rank_file=None)
    memory = Memory(counter=counter, budget=4000)
    return Commands(store, memory, clock, system="Be kind.", ttl=lambda _: 9999)


async def exchange(
    store: LocalStore,
    said: str,
    answered: str,
    *,
    thread: ThreadKey = THREAD,
    kind: AnswerKind = AnswerKind.ANSWER,
    trimmed: bool = False,
) -> None:
    number = len(store.logs[str(thread)])
    said_by_ada = message(
        number,
        said,
        author=Author(id="ada", name="Ada"),
        thread=thread,
        kind=Kind.TERMINAL,
        address=Address.DIRECT,
        sent_at=1_800_000_000.0 + number,
    )
    terms = AdmissionPolicy(
        admissions=admissions(said_by_ada.address, FollowUp.ALONE, overhear=True),
        ttl=1e7,
        reach=1000,
    )
    accepted = await store.accept(said_by_ada, terms, token=f"token{number}")
    assert isinstance(accepted.work, Work)
    work = accepted.work
    draft = PendingAnswer(
        last=work.next - 1, text=answered, kind=kind, cuts=(len(answered),), trimmed=trimmed
    )
    assert isinstance(await store.commit(work.lease, work.revision, draft), Answer)
    assert await store.settle(work.lease, Outcome.DONE) == "free"


async def document(store: LocalStore, form: ExportFormat) -> str:
    async def only() -> AsyncIterator[Source]:
        yield Source(THREAD)

    pieces = export(store, only(), form, look=Look(at=1_800_000_000.0))
    return "".join([piece async for piece in pieces])


async def test_a_conversation_as_markdown_quotes_what_was_said(store: LocalStore) -> None:
    await exchange(store, "My dog is called Rex.\n# and no heading", "Noted.")
    await exchange(store, "Again?", "No key.", kind=AnswerKind.NOTICE)
    await exchange(store, "Old?", "Gone.", trimmed=True)
    assert await document(store, ExportFormat.MARKDOWN) == (
        "# terminal:ada:main\n\nExported at 08:00 on 15 January 2027 (UTC).\n"
        "\n## Friday, 15 January 2027\n"
        "\n**Ada** (person gcvxg) · 08:00\n\n"
        "> My dog is called Rex.\n> # and no heading\n"
        "\n**bot** · 08:00\n\n> Noted.\n"
        "\n**Ada** (person gcvxg) · 08:00\n\n> Again?\n"
        "\n**bot** · 08:00 · notice\n\n> No key.\n"
        "\n**Ada** (person gcvxg) · 08:00\n\n> Old?\n"
        "\n**bot** · 08:00\n\n> Gone. ✂️\n"
    )


@pytest.mark.parametrize("count", [1, 450])
async def test_a_conversation_as_json_is_whole_whatever_its_length(
    store: LocalStore, count: int
) -> None:
    for number in range(count):
        await exchange(store, f"question “{number}”", f"answer {number}")
    parsed = json.loads(await document(store, ExportFormat.JSON))
    assert parsed["thread"] == "terminal:ada:main"
    assert [r["said_by"] for r in parsed["records"]] == ["person", "bot"] * count
    assert [r["text"] for r in parsed["records"][1::2]] == [f"answer {n}" for n in range(count)]


async def test_what_is_forgotten_is_in_no_view_and_no_export(
    store: LocalStore, commands: Commands
) -> None:
    await exchange(store, "My dog is called Rex.", "Noted.")
    assert "I have forgotten" in await commands.forget(THREAD)
    assert await commands.view(THREAD) is None
    assert "Rex" not in await document(store, ExportFormat.MARKDOWN)


async def test_a_reset_empties_the_view_and_keeps_the_export(
    store: LocalStore, commands: Commands
) -> None:
    await exchange(store, "My dog is called Rex.", "Noted.")
    await commands.reset(THREAD)
    assert not any("Rex" in line for line in view_lines(await commands.view(THREAD)))
    assert "Rex" in await document(store, ExportFormat.MARKDOWN)


async def test_the_view_shows_summary_and_window_with_their_tokens(
    store: LocalStore, commands: Commands
) -> None:
    for number in range(3):
        await exchange(store, f"fact {number}", "Noted.")
    work = await store.peek(THREAD)
    assert work is not None
    await store.compact(THREAD, covers=0, revision=work.revision, to=2, text="Two facts.")
    lines = view_lines(await commands.view(THREAD))
    assert lines[0].startswith("What the model would see now (hybrid, ")
    assert any(line.startswith("  summary: ") and "tokens" in line for line in lines)
    assert "    Two facts." in lines
    parts = (
        Segment(begin=0, end=1, lines=(Line("No nuts.", LineKind.LASTING), Line("They talk."))),
        Segment(begin=1, end=2, withheld=True),
    )
    await store.compact(THREAD, covers=2, revision=work.revision, to=2, text=dumped(parts))
    found = view_lines(await commands.view(THREAD))
    (title,) = [line for line in found if line.startswith("  summary: ")]
    assert title.endswith("tokens; a part is being rebuilt because a message was deleted")
    assert found.index("    - No nuts.") < found.index("    - They talk.")
    assert found[found.index("    - No nuts.") - 1].startswith("    What lasts")
    assert any(line.startswith("  word for word: 1 exchange, ") for line in lines)
    assert "    3. Ada: fact 2" in lines
    assert not any("fact 1" in line for line in lines)


async def test_a_view_tells_people_of_one_name_and_the_bot_apart(
    store: LocalStore, commands: Commands
) -> None:
    card = Quote(kind=QuoteKind.CARD, text="disk full")
    for number, (id_, name) in enumerate((("1", "Ann"), ("2", "ann"), ("3", "Bot"), ("4", "Bo"))):
        said = message(number, f"fact {number}", author=Author(id=id_, name=name), quotes=(card,))
        said = replace(said, thread=THREAD, text=said.text if number else "")
        await store.accept(said, terms())
    work = await store.claim(THREAD, "token")
    assert work is not None
    await store.commit(work.lease, work.revision, draft(3))
    await store.settle(work.lease, Outcome.DONE)
    lines = view_lines(await commands.view(THREAD))[-5:]
    tags = [Author(id=id_, name="").tag for id_ in "123"]
    assert lines == [
        f"    1. Ann ({tags[0]}): disk full",
        f"    2. ann ({tags[1]}): fact 1",
        f"    3. Bot ({tags[2]}): fact 2",
        "    4. Bo: fact 3",
        "    bot: an answer",
    ]


async def test_nothing_is_remembered_of_a_thread_that_never_was(commands: Commands) -> None:
    assert view_lines(await commands.view(THREAD)) == [
        "I don't remember anything from this thread yet."
    ]


async def test_threads_come_with_the_last_used_first(
    store: LocalStore, commands: Commands, clock: HeldClock
) -> None:
    for name in ("old", "new", "newest"):
        await exchange(store, "Hello", "Hi", thread=replace(THREAD, thread=name))
        clock.time += 90
    await exchange(store, "Hello", "Hi", thread=ThreadKey("terminal", "bob", "other"))
    found = await commands.threads("terminal", "ada")
    assert [info.thread.thread for info in found] == ["newest", "new", "old"]
    assert thread_line(found[0], clock.now()) == "1 reply, 1 minute ago"
    assert thread_line(found[0], clock.now() + 3 * 86400) == "1 reply, 3 days ago"


async def test_stats_say_how_long_conversations_are_and_where_people_drop_off(
    store: LocalStore, commands: Commands, clock: HeldClock
) -> None:
    assert stats_lines(await commands.stats()) == ["There are no conversations yet."]
    for name, turns in (("a", 1), ("b", 2), ("c", 2)):
        for _ in range(turns):
            await exchange(store, "Hello", "Hi", thread=replace(THREAD, thread=name))
    clock.time += 8 * 86400
    await exchange(store, "Hello", "Hi", thread=replace(THREAD, thread="d"))
    assert stats_lines(await commands.stats()) == [
        "Conversations: 4",
        "Turns: mean 1.5, median 1.5, p90 2, max 2",
        "Dropped off (idle for 7 days): 3",
        "  at turn 1: 1 (33%)",
        "  at turn 2: 2 (67%)",
    ]


async def test_one_forgets_ones_own_messages_and_may_do_so_again(
    store: LocalStore, commands: Commands
) -> None:
    for number in range(3):
        await exchange(store, f"secret {number}", "Noted.")
    work = await store.peek(THREAD)
    assert work is not None
    await store.compact(THREAD, covers=0, revision=work.revision, to=2, text="The secrets 0 and 1.")
    assert "nothing of yours" in await commands.forget_own(THREAD, "bob")
    assert "3 messages of yours" in await commands.forget_own(THREAD, "ada")
    assert "nothing of yours" in await commands.forget_own(THREAD, "ada")
    assert "secret" not in await document(store, ExportFormat.MARKDOWN)
    shown = view_lines(await commands.view(THREAD))
    assert "  summary: being rebuilt because a message was deleted" in shown
    assert not any("secret" in line for line in shown)


async def test_a_person_lists_the_threads_they_took_part_in(
    store: LocalStore, commands: Commands, clock: HeldClock
) -> None:
    await exchange(store, "Hello", "Hi")
    clock.time += 1
    await exchange(store, "Hello", "Hi", thread=ThreadKey("terminal", "b", "later"))
    await exchange(store, "Hello", "Hi", thread=ThreadKey("slack", "b", "elsewhere"))
    found = await commands.threads_of("terminal", "ada")
    assert [info.thread.thread for info in found] == ["later", "main"]
    assert await commands.threads_of("terminal", "bob") == []


async def test_the_audit_log_holds_ids_and_is_kept_and_never_left_out(
    store: LocalStore, clock: HeldClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR")
    clock.time = 1_800_000_000.0
    await record(store, "export", by="U1", thread=THREAD, at=clock.time)
    await record(store, "forget", by="U1", thread=THREAD, at=clock.time)
    kept = [event async for event in store.audit_events()]
    assert sorted(event.what for event in kept) == ["export", "forget"]
    line = caplog.messages[0]
    assert line in {event_line(event) for event in kept}
    assert json.loads(line) == {
        "deed": "export",
        "by": "U1",
        "thread": "terminal:ada:main",
        "at": "2027-01-15T08:00:00+00:00",
    }


async def test_the_view_says_what_the_last_message_would_recall_and_what_the_last_reply_cost(
    store: LocalStore, commands: Commands, clock: HeldClock
) -> None:
    memory = replace(commands._memory, by_kind={Kind.TERMINAL: "window"}, pairs=1)
    recall = Recall(store, memory, clock)
    commands = Commands(
        store,
        memory,
        clock,
        system="",
        ttl=lambda _: 9999,
        model="claude-sonnet-5-5",
        recall=recall,
    )
    await exchange(store, "My locker has the combination 4711.", "Noted.")
    for number in range(3):
        await exchange(store, f"The tram number {number} was late.", "I see.")
    await exchange(store, "What is the combination of my locker?", "4711.")
    usage = Usage(input=1_000, output=2_000, cache_read=9_000)
    work = await store.peek(THREAD)
    assert work is not None
    await store.accept(replace(message(90, "Thanks!", author="bob"), thread=THREAD), terms())
    claimed = await store.claim(THREAD, "token")
    assert claimed is not None
    pending = replace(draft(claimed.next - 1), usage=usage, searched=("words: locker",))
    await store.commit(claimed.lease, claimed.revision, pending)
    await store.settle(claimed.lease, Outcome.DONE)
    [info] = await commands.threads("terminal", "ada")
    lines = view_lines(await commands.view(THREAD, person="ada", info=info))
    found = "  looked up again for your last message: "
    at = next(number for number, line in enumerate(lines) if line.startswith(found))
    assert lines[at + 1] == "    Ada, Fri 2027-01-15 08:00: My locker has the combination 4711."
    assert not any("What is the combination" in line for line in lines)
    assert (
        "  last reply: 10,000 tokens read (90% from the cache), 2,000 written, about $0.02" in lines
    )
    assert "    I searched for: words: locker" in lines
    total = next(line for line in lines if "summaries included" in line)
    assert "10,0" in total
    assert any(
        line.startswith("  word for word: 1 exchange, ") and "from message 6 on (" in line
        for line in lines
    )
    nobody = view_lines(await commands.view(THREAD, person="carol"))
    assert not any(line.startswith(found) for line in nobody)
