"""What people were promised, noted without a look into any store, and how a log is held to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.admission import Admission
from core.domain.session import Answer, Entry, Status

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.message import Attachment, Message, Quote
    from core.domain.session import Record
    from core.store.values import Refused, Work

SEEN = 25 * 3600 - 60.0


@dataclass
class Ledger:
    """The promises of one thread. Times are seconds of the test."""

    owed: dict[str, str] = field(default_factory=dict)
    """Messages that were accepted and neither deleted, erased nor expired, and their text."""
    answers: dict[str, str] = field(default_factory=dict)
    """Each answer that was committed and not erased, and by which token."""
    files: dict[str, tuple[Attachment, ...]] = field(default_factory=dict)
    """The files of what is owed, as the last edit has left them."""
    quotes: dict[str, tuple[Quote, ...]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Texts that were deleted or erased."""
    stamps: dict[str, float] = field(default_factory=dict)
    admissions: dict[str, tuple[Admission, float]] = field(default_factory=dict)
    """What was answered to each identity of an event, and when."""
    line: float = 0
    """Nothing said up to then is admitted again."""
    void: set[str] = field(default_factory=set)
    """Turns that were open when their thread was erased or reset, and not cleared yet."""
    covers: int = 0
    told: dict[str, range] = field(default_factory=dict)
    """What the summary says, and of which positions."""
    taken_back: set[str] = field(default_factory=set)
    """What of it is gone, because something was deleted there."""

    def offered(self, said: Message, now: float, *, verdict: Admission, new: bool) -> None:
        """Note what became of a message with one identity, and look whether it may have."""
        (identity,) = said.identities
        before, when = self.admissions.get(identity, (None, 0.0))
        if before is not None and now - when < SEEN:
            assert (verdict, new) == (before, False), "I2: an event is answered the same again"
        if not new:
            return  # known by its id, perhaps: then this identity is not noted
        assert said.id not in self.owed, "I2: a message that stands is known by its id"
        if said.sent_at <= self.line:
            assert verdict is Admission.GONE, "I11: nothing from before the line is admitted"
        elif verdict is Admission.ACCEPTED:
            self.owed[said.id] = said.text
            self.files[said.id] = said.attachments
            self.quotes[said.id] = said.quotes
        self.admissions[identity] = (verdict, now)
        if verdict in {Admission.ACCEPTED, Admission.OVERHEARD}:
            self.gone.discard(said.text)
            self.void.discard(said.id)

    def amended(
        self,
        name: str,
        stamp: float,
        text: str | None,
        files: tuple[Attachment, ...] | None,
        quotes: tuple[Quote, ...] | None,
    ) -> None:
        """Note an edit or a deletion, of a message and of all that was put in again of it."""
        for copy in [known for known in self.owed if known.rstrip("!") == name]:
            if text is not None and stamp <= self.stamps.get(copy, 0):
                continue
            self.stamps[copy] = stamp
            shown = self.quotes[copy] if quotes is None else quotes
            if text is None or (text, files, shown) == ("", (), ()):
                # A message of files or quotes alone has no words that could return.
                self.gone |= {self.owed.pop(copy)} - {""}
            else:
                self.owed[copy] = text
                self.files[copy] = self.files[copy] if files is None else files
                self.quotes[copy] = shown

    def requeued(self, name: str, copy: Entry) -> None:
        """Note that a message was put in again."""
        self.owed[copy.id] = copy.text
        self.files[copy.id] = copy.attachments
        self.quotes[copy.id] = copy.quotes
        self.stamps[copy.id] = self.stamps.get(name, 0)

    def erased(self, line: float, *, keep_log: bool, left: Collection[str]) -> None:
        """Note a line, behind which these messages are left."""
        self.line = max(line, self.line)
        self.told = {}
        if not keep_log:
            self.gone |= {*self.owed.values(), *self.answers}
            self.covers = 0
            self.owed, self.answers = {}, {}
        self.owed = {name: text for name, text in self.owed.items() if name in left}

    def expired(self) -> None:
        """Note that the session ended."""
        self.owed, self.answers, self.stamps = {}, {}, {}
        self.covers = 0
        self.told = {}
        self.void.clear()

    def summed_up(self, covers: int, told: dict[str, range]) -> None:
        """Note a summary."""
        self.covers, self.told, self.taken_back = covers, told, set()

    def deleted_at(self, position: int) -> None:
        """Note that a message or a file is gone from a position that the summary may cover."""
        self.taken_back |= {said for said, span in self.told.items() if position in span}


def check_log(work: Work, records: tuple[Record, ...], waiting: int) -> None:
    """Look whether a log can be one, by itself."""
    places = [(record.position, isinstance(record, Answer)) for record in records]
    assert places == sorted(set(places)), "each place once, its answer right behind it"
    names = [record.id for record in records if isinstance(record, Entry)]
    assert len(names) == len(set(names)), "I2: each message has one place"
    assert 0 <= work.summary.covers <= work.head <= work.next, "I7: no gap, no overlap"
    assert work.reset_position <= work.head
    assert all(place < work.next for place, _ in places)
    owing: list[int] = []
    for record in records:
        if isinstance(record, Answer):
            assert record.position < work.head, "an answer moves head"
            if record.position >= work.reset_position:
                owing = []
        elif record.status is Status.ADDRESSED and record.position >= work.reset_position:
            owing.append(record.position)
    assert all(place >= work.head for place in owing), "I1: head passes nothing by"
    assert len(owing) == waiting
    assert work.records == tuple(record for record in records if record.position >= work.since)


def check_promises(ledger: Ledger, work: Work, records: tuple[Record, ...]) -> None:
    """Look whether a log keeps what people were promised."""
    said = {record.id: record for record in records if isinstance(record, Entry)}
    for name, text in ledger.owed.items():
        assert name in said, "I1: an accepted message is never lost"
        assert (said[name].status, said[name].text) == (Status.ADDRESSED, text)
        assert said[name].attachments == ledger.files[name], "what was taken out stays out"
        assert said[name].quotes == ledger.quotes[name]
    answers = [record for record in records if isinstance(record, Answer)]
    assert {answer.text: answer.token for answer in answers} == ledger.answers
    numbers = [int(answer.text.removeprefix("answer")) for answer in answers]
    assert numbers == sorted(numbers), "I4: answers stand in the order of their commits"
    assert work.summary.covers >= ledger.covers, "I7: the summary's end never falls"
    for words in ledger.told:
        gone = words in ledger.taken_back
        assert (words in work.summary.text) != gone, "I11: deleted, so withheld, and nothing else"
    assert work.summary.withheld == bool(ledger.taken_back & {*ledger.told})
    assert not ledger.gone & {record.text for record in records}, "I11: nothing erased returns"


def check_refusal(refused: Refused, turn: str, token: str, records: tuple[Record, ...]) -> None:
    """Look whether a refused worker was told the truth on its turn's answer."""
    tokens = [r.token for r in records if isinstance(r, Answer) and r.turn == turn]
    assert refused.recorded == bool(tokens)
    assert refused.mine == (tokens == [token])


def check_read(work: Work, last: int, records: tuple[Record, ...]) -> None:
    """Look whether an answer that was recorded is one to what stands in the log."""
    stands = {(r.position, r.text, r.status) for r in records if isinstance(r, Entry)}
    read = (r for r in work.records if isinstance(r, Entry) and work.head <= r.position <= last)
    for record in read:
        if record.status is Status.ADDRESSED:
            assert (record.position, record.text, record.status) in stands, "it was read as it is"
