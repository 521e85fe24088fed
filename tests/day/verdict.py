"""What must be true when the day is over."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from core.store.values import NothingDue
from tests.day.mind import COUNTED, answer_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.day.backstage import Backstage
    from tests.day.diary import Diary, Said, Thread
    from tests.day.mind import Asked
    from tests.day.stage import Sent, Shown

_BEGIN, _END = re.compile(r"^re #(\d+)$", re.MULTILINE), re.compile(r"^end #(\d+)$", re.MULTILINE)
_FENCE = re.compile(r"^\s*```\w*\s*$")
STOPPED = "Stopped as you asked."


async def judge(day: Diary, behind: Backstage, *, trimmed: Sequence[str]) -> None:
    """Hold the whole day against what should have come of it."""
    for page in day.threads.values():
        shown = day.stage.shown(page.name)
        replies_are_right(page, shown, day.stage.notices())
        memory_is_right(page, day.requests)
        marks_are_right(page, shown, day.requests, trimmed=page.name in trimmed)
        assert not day.stage.working(page.name), f"{page.name} still shows that the bot works"
    nothing_leaks(day)
    for who, thread, sent in day.sent:
        assert sent.seen_by == {who}, f"{sent.seen_by} see what {who} asked for"
        export_is_whole(day.threads[thread], sent)
    await nothing_is_left(day, behind)


# --- what people see ----------------------------------------------------------------------------


def replies_are_right(page: Thread, shown: Sequence[Shown], notices: Sequence[str]) -> None:
    """Each message for the bot has one whole answer, in order; nothing else is there."""
    beside = (*notices, *page.notices)
    answers = [each for each in shown if not each.text.startswith(beside)]
    assert not any(each.growing for each in shown), f"{page.name} has something unfinished"
    text = "\n".join(each.text for each in answers)
    begun = [int(number) for number in _BEGIN.findall(text)]
    wanted = [said.number for said in page.said if said.wanted]
    assert begun == wanted, f"{page.name}: answered were {begun}, not {wanted}"
    ended = [int(number) for number in _END.findall(text)]
    assert ended == [number for number in wanted if number not in page.stopped]
    assert lines_of(text) == lines_of("\n".join(_whole(page, said) for said in page.said)), text
    for each in answers:
        assert sum(map(bool, map(_FENCE.match, each.text.splitlines()))) % 2 == 0, each.text
    for number, seen in page.stopped.items():
        reply = next(each for each in answers if f"re #{number}\n" in each.text)
        assert reply.text.startswith(seen.strip()), "what had come did not stay"
        assert STOPPED in reply.notes


def _whole(page: Thread, said: Said) -> str:
    if not said.wanted:
        return ""
    if said.number in page.stopped:
        return f"re #{said.number}\n{COUNTED}"
    return answer_to(said.text or f"#{said.number}")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, but for fences and what repeats a table's header.

    A table is known by its cells: Discord has none, so columns in code stand for it there.
    """
    lines = [_cells(line) for line in text.splitlines() if not _FENCE.match(line)]
    return [line for line in lines if line.strip("-\u2500 ") and line != "Key Value"]


def _cells(line: str) -> str:
    cells = line.strip().strip("|").split("|") if line.strip().startswith("|") else [line]
    return " ".join(" ".join(cells).split())


# --- what the model was shown -------------------------------------------------------------------


def memory_is_right(page: Thread, requests: Sequence[Asked]) -> None:
    """The model knew what it should for each question, and nothing that was taken back."""
    for exam in page.exams:
        last = final(requests, exam.number)
        assert last.facts == exam.facts, f"{page.name}, #{exam.number}: {set(last.facts)}"
        assert len(last.media) == exam.media, f"{page.name}, #{exam.number}: its pictures"
    for gone in page.gone:
        for request in requests[gone.since :]:
            # One that was under way when its thread changed may come yet; nobody sees its answer.
            if request.for_summary or request is final(requests, request.answers[-1]):
                assert not gone.facts & request.facts, f"{page.name}: {gone.facts} came back"


def nothing_leaks(day: Diary) -> None:
    """No request shows anything of two conversations, and nothing was overheard as a question."""
    owner = {fact: p.name for p in day.threads.values() for s in p.said for fact in s.facts}
    place = {said.number: page.name for page in day.threads.values() for said in page.said}
    wanted = {said.number: said.wanted for page in day.threads.values() for said in page.said}
    for request in day.requests:
        names = {place[number] for number in (*request.seen, *request.answers)}
        names |= {owner[fact] for fact in request.facts if fact in owner}
        assert len(names) == 1, f"one request shows {names}"
        overheard = [n for n in request.answers if not wanted[n] and _is_kept(day, n)]
        assert not overheard, f"{overheard} were not for the bot"


def _is_kept(day: Diary, number: int) -> bool:
    return any(s.number == number and s.text for p in day.threads.values() for s in p.said)


def marks_are_right(
    page: Thread, shown: Sequence[Shown], requests: Sequence[Asked], *, trimmed: bool
) -> None:
    """✂️ is on each reply for which the model saw less than before, and on no other.

    What it saw is read from its requests, so this knows nothing of how the bot decides.
    """
    due = [n for n in _answered_together(page, requests) if _saw_less(page, requests, n)]
    marked = [each for each in shown if each.scissors]
    found = [int(_END.findall(each.text)[-1]) for each in marked]
    assert found == due, f"{page.name}: ✂️ is on the answers to {found}, not to {due}"
    assert bool(due) == trimmed, f"{page.name}: {due}"
    assert [each for each in shown if each.explained] == marked[:1]


def _answered_together(page: Thread, requests: Sequence[Asked]) -> list[int]:
    """Return the last number of each group of messages that got one answer."""
    wanted = [said.number for said in page.said if said.wanted]
    groups = {final(requests, number).answers for number in wanted}
    return sorted(group[-1] for group in groups)


def _saw_less(page: Thread, requests: Sequence[Asked], number: int) -> bool:
    """Return whether less was shown for an answer than for the one before it."""
    ends = _answered_together(page, requests)
    at = ends.index(number)
    if at == 0:
        return False
    now, before = final(requests, number), final(requests, ends[at - 1])
    taken_back = {said.number for said in page.said if not said.text}
    lost = before.seen - now.seen - taken_back
    return any(each > page.begun or page.begun > number for each in lost)


def final(requests: Sequence[Asked], number: int) -> Asked:
    """Return the request that got the answer to a message: the last."""
    return [each for each in requests if number in each.answers][-1]


# --- what is kept and sent ----------------------------------------------------------------------


def export_is_whole(page: Thread, sent: Sent) -> None:
    """An export has all that was said until it was made, and nothing that was taken back."""
    gone = {fact for each in page.gone for fact in each.facts}
    assert not [fact for fact in gone if fact in sent.text]
    if sent.name.endswith(".json"):
        records = json.loads(sent.text)["records"]
        people = [r["text"] for r in records if r["said_by"] == "person" and r["text"]]
        assert people == [said.text for said in page.said if said.text]
        text = "\n".join(r["text"] for r in records if r["said_by"] == "bot")
    else:
        text = "\n".join(line.removeprefix("> ") for line in sent.text.splitlines())
        assert all(said.text in text for said in page.said)
    wanted = [said.number for said in page.said if said.wanted]
    assert [int(number) for number in _END.findall(text)] == wanted


async def nothing_is_left(day: Diary, behind: Backstage) -> None:
    """Nobody waits, no lease is out, nothing was given up."""
    assert await behind.store.claim_any({day.stage.platform}, "nobody") == NothingDue(seconds=None)
    ended = await behind.program.run("buried")
    assert (ended.code, ended.lines) == (0, [])
    assert "The bot has given up no messages." in ended.err
