"""Each rule of the protocol, broken on purpose: the store's tests would notice.

The verbs themselves are broken, for the store and for the model beside it, so that comparing
the two tells nothing: what notices is the ledger of `tests.properties`, which knows only what
people and workers were told.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.store import verbs
from core.store.values import Refused, TurnState
from core.store.verbs import inbox, turn
from tests.contract.stores import Harness, LocalHarness
from tests.properties.store_machine import try_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.domain.admission import Admission
    from core.store.header import Header
    from core.store.verbs import Now, Rows


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turn, "_is_holder", lambda header, lease: True)


def pop_for_claim(patch: pytest.MonkeyPatch) -> None:
    def claim(rows: Rows, now: Now, token: str, *, early: bool = False) -> object:
        work = _claim(rows, now, token, early=early)
        header = rows.header()
        if work is not None and header is not None:
            header.head, header.waiting = header.next, 0
            rows.put_header(header)
        return work

    _claim = verbs.claim
    patch.setattr(verbs, "claim", claim)


def claim_without_token(patch: pytest.MonkeyPatch) -> None:
    def claim(rows: Rows, now: Now, token: str, *, early: bool = False) -> object:
        header = rows.header()
        held = header is not None and header.is_held(now.time)
        return None if held else _claim(rows, now, token, early=early)

    _claim = verbs.claim
    patch.setattr(verbs, "claim", claim)


def commit_without_rev(patch: pytest.MonkeyPatch) -> None:
    def commit(rows: Rows, now: Now, lease: Any, revision: str, draft: Any, preview: str) -> object:
        header = rows.header()
        revision = header.revision if header is not None else revision
        return _commit(rows, now, lease, revision, draft, preview)

    _commit = verbs.commit
    patch.setattr(verbs, "commit", commit)


def commit_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """A retry of a commit, or a successor's, is recorded again."""

    def commit(rows: Rows, now: Now, lease: Any, revision: str, draft: Any, preview: str) -> object:
        header = rows.header()
        if header is not None and header.turn is not None:
            header.turn.state = TurnState.OPEN
            rows.put_header(header)
        return _commit(rows, now, lease, revision, draft, preview)

    _commit = verbs.commit
    patch.setattr(verbs, "commit", commit)


def compact_without_rev(patch: pytest.MonkeyPatch) -> None:
    def compact(rows: Rows, now: Now, **said: Any) -> bool:
        header = rows.header()
        revision = header.revision if header is not None else ""
        return _compact(rows, now, **{**said, "revision": revision})

    _compact = verbs.compact
    patch.setattr(verbs, "compact", compact)


def erase_forgets_seen(patch: pytest.MonkeyPatch) -> None:
    """Neither what was seen nor the tombstone keeps old messages out."""

    def erase(rows: Rows, now: Now, at: float, *, keep_log: bool) -> None:
        _erase(rows, now, at, keep_log=keep_log)
        rows.put_trace(verbs.Tombstone(expires=0))

    _erase = verbs.erase
    patch.setattr(verbs, "erase", erase)


def erase_forgets_the_open_turn(patch: pytest.MonkeyPatch) -> None:
    def erase(rows: Rows, now: Now, at: float, *, keep_log: bool) -> None:
        _erase(rows, now, at, keep_log=keep_log)
        header = rows.header()
        if header is not None and header.turn is not None:
            header.turn.state = TurnState.OPEN
            rows.put_header(header)

    _erase = verbs.erase
    patch.setattr(verbs, "erase", erase)


def early_deletion_is_ignored(patch: pytest.MonkeyPatch) -> None:
    def amend(rows: Rows, now: Now, message: str, identities: Any, *rest: Any, **more: Any) -> bool:
        return _amend(rows, now, message, (), *rest, **more)

    _amend = verbs.amend
    patch.setattr(verbs, "amend", amend)


def files_stay(patch: pytest.MonkeyPatch) -> None:
    def applied(change: Any, entry: Any) -> Any:
        return replace(_applied(change, entry), attachments=entry.attachments)

    _applied = verbs.Amendment.applied
    patch.setattr(verbs.Amendment, "applied", applied)


def quotes_stay(patch: pytest.MonkeyPatch) -> None:
    def applied(change: Any, entry: Any) -> Any:
        return replace(_applied(change, entry), quotes=entry.quotes)

    _applied = verbs.Amendment.applied
    patch.setattr(verbs.Amendment, "applied", applied)


def deletion_leaves_the_summary(patch: pytest.MonkeyPatch) -> None:
    def change(rows: Rows, header: Header, *rest: Any, **more: Any) -> None:
        before = header.summary, header.withheld
        _change(rows, header, *rest, **more)
        header.summary, header.withheld = before

    _change = inbox._change
    patch.setattr(inbox, "_change", change)


def settle_looks_and_then_frees(patch: pytest.MonkeyPatch) -> None:
    def close(rows: Rows, now: Now, header: Header, posted: Any) -> object:
        waiting, header.waiting = header.waiting, 0
        answer = _close(rows, now, header, posted)
        left = rows.header()
        if left is not None:
            left.waiting = waiting
            rows.put_header(left)
        return answer

    _close = turn._close
    patch.setattr(turn, "_close", close)


def refusal_says_nothing(patch: pytest.MonkeyPatch) -> None:
    nothing = Refused(recorded=False, mine=False)
    patch.setattr(turn, "_refused", lambda rows, header, lease: nothing)


def accept_forgets_ids(patch: pytest.MonkeyPatch) -> None:
    def known(rows: Rows, now: Now, message: Any) -> Admission | None:
        return _known(rows, now, replace(message, id="another"))

    _known = inbox._known
    patch.setattr(inbox, "_known", known)


def accept_forgets_identities(patch: pytest.MonkeyPatch) -> None:
    def known(rows: Rows, now: Now, message: Any) -> Admission | None:
        return _known(rows, now, replace(message, identities=("another",)))

    _known = inbox._known
    patch.setattr(inbox, "_known", known)


@contextlib.asynccontextmanager
async def memory() -> AsyncIterator[Harness]:
    yield LocalHarness()


@pytest.mark.parametrize(
    "sabotage",
    [
        no_fence,
        pop_for_claim,
        claim_without_token,
        commit_without_rev,
        commit_without_a_look,
        compact_without_rev,
        erase_forgets_seen,
        erase_forgets_the_open_turn,
        early_deletion_is_ignored,
        files_stay,
        quotes_stay,
        deletion_leaves_the_summary,
        settle_looks_and_then_frees,
        refusal_says_nothing,
        accept_forgets_ids,
        accept_forgets_identities,
    ],
    ids=lambda sabotage: sabotage.__name__,
)
def test_the_ledger_notices(
    sabotage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, RuntimeError)):  # the log breaks, or the store itself
        try_out(memory, shrink=False)
