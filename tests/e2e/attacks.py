"""What an attack must leave as it was: the store, and the log. For tests of both platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from core.store.local.store import LocalStore

SECRET = "4711"
"""What the victims' words and pins have in them, and nobody else may be shown."""
FOREIGN = "xyzzy"
"""What an attacker's words have in them, and nobody's memory may contain."""


class Held(NamedTuple):
    """All that a store holds, but which events were seen, and its audit log."""

    text: str

    @classmethod
    def by(cls, store: LocalStore) -> Held:
        """Return what a store holds now."""
        kept: tuple[Mapping[str, object], ...] = (
            store.headers,
            {key: sorted(log.items()) for key, log in store.logs.items() if log},
            {key: sorted(ids.items()) for key, ids in store.ids.items() if ids},
            store.traces,
            store.places,
        )
        who = sorted(store.who)
        return cls("\n".join([*(repr(sorted(each.items())) for each in kept), repr(who)]))


def check_log(caplog: pytest.LogCaptureFixture, attempts: Sequence[object]) -> None:
    """See that no line has words of anybody's, and that none but a refusal's is written."""
    lines = [record.getMessage() for record in caplog.records]
    ours = [r for r in caplog.records if r.name.partition(".")[0] in {"bots", "core"}]
    assert not [line for line in lines if SECRET in line or FOREIGN in line]
    assert not [r.getMessage() for r in ours if r.levelname in {"WARNING", "ERROR"}]
    assert len([r for r in ours if r.levelname == "INFO"]) <= len(attempts)
