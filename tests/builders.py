"""Messages, policies and answers with defaults for all that a test doesn't care about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.domain.admission import Admission, AdmissionPolicy
from core.domain.message import Address, Author, Kind, Message, ThreadKey
from core.domain.session import Answer, AnswerKind, Usage
from core.store.values import Outcome, PendingAnswer, Refused

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Work

THREAD = ThreadKey("slack", "C1", "100.1")
OTHER = ThreadKey("slack", "C1", "200.1")
USAGE = Usage(input=10, output=5, cache_read=3, cache_write=2)


def message(
    number: int = 1, text: str = "", *, author: Author | str = "U1", **fields: Any
) -> Message:
    """Return the message with this number; unless given, its other fields follow from it."""
    made = Message(
        thread=THREAD,
        kind=Kind.THREAD,
        id=f"m{number}",
        identities=(f"event{number}", f"id{number}"),
        author=Author(id=author, name=f"Name of {author}") if isinstance(author, str) else author,
        text=text or f"text {number}",
        sent_at=1000.0 + number,
        address=Address.MENTIONED,
    )
    return replace(made, **fields)


def terms(
    verdict: Admission = Admission.ACCEPTED,
    *,
    admissions: tuple[Admission, ...] = (),
    ttl: float = 10_000,
    reach: int = 1000,
    waiting_limit: int = 50,
    overheard_limit: int = 100,
) -> AdmissionPolicy:
    """Return a policy that gives every message this verdict, in any thread."""
    return AdmissionPolicy(
        admissions=admissions or (verdict,) * 8,
        ttl=ttl,
        reach=reach,
        waiting_limit=waiting_limit,
        overheard_limit=overheard_limit,
    )


TERMS = terms()
OVERHEAR = terms(Admission.OVERHEARD)


def draft(
    last: int,
    text: str = "an answer",
    *,
    kind: AnswerKind = AnswerKind.ANSWER,
    cuts: tuple[int, ...] = (),
    refused: int = 0,
    seen_from: int = 0,
) -> PendingAnswer:
    """Return an answer to all messages up to position `last`."""
    return PendingAnswer(
        last=last,
        text=text,
        kind=kind,
        cuts=cuts,
        usage=USAGE,
        refused=refused,
        seen_from=seen_from,
    )


async def begin(
    store: Store, number: int = 1, *, token: str = "", on: AdmissionPolicy = TERMS, **fields: Any
) -> Work:
    """Accept a message, and claim its thread in the same step."""
    accepted = await store.accept(message(number, **fields), on, token or f"token{number}")
    assert accepted.work is not None
    return accepted.work


async def finish(store: Store, work: Work, **fields: Any) -> Work | str:
    """Commit an answer to all waiting messages, and settle the turn."""
    done = draft(work.next - 1, **fields)
    assert isinstance(await store.commit(work.lease, work.revision, done, "preview"), Answer)
    settled = await store.settle(work.lease, Outcome.DONE, posted=("p1", "p2"))
    assert not isinstance(settled, Refused)
    return settled


async def converse(store: Store, *numbers: int, **fields: Any) -> None:
    """Run a turn for each of these messages, from accept to settle."""
    for number in numbers:
        work = await begin(store, number, **fields)
        assert await finish(store, work, text=f"answer {number}") == "free"
