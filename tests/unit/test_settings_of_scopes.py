"""Settings of threads, channels and servers: which one holds, what fits, and how they are kept."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.message import Kind
from core.domain.settings import (
    CHANGES,
    FIELDS,
    NAMED,
    NOTHING,
    Change,
    Layers,
    Scope,
    ScopeSettings,
    effective,
    read_value,
    server_channel,
    server_of,
)
from core.store import codec
from core.store.header import Header

if TYPE_CHECKING:
    from core.domain.settings import Field

_VALUES: dict[str, tuple[Any, Any]] = {
    "instructions": ("Be kind.", "Be brief."),
    "model": ("claude-haiku-5-5", "claude-opus-5-5"),
    "strategy": ("full", "window"),
    "memory_high": (3000, 4000),
    "memory_low": (0, 100),
    "memory_pairs": (1, 2),
    "follow_up": ("always", "mentioned"),
    "overhear": ("off", "on"),
    "answer_tokens": (16, 100),
    "recall": ("off", "on"),
}


def test_the_table_has_every_field_that_people_set() -> None:
    known = {each.name for each in fields(ScopeSettings)}
    assert known - {"reach", "muted", "changes"} == {each.name for each in FIELDS} == {*_VALUES}
    assert len(NAMED) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.word)
def test_the_nearest_scope_wins(field: Field) -> None:
    name = field.name
    near, far = _VALUES[name]
    server = ScopeSettings(**{name: far})
    assert effective(Layers(server=server)) == (server, {name: Scope.SERVER})
    channel = ScopeSettings(**{name: near})
    assert effective(Layers(channel=channel, server=server)) == (channel, {name: Scope.CHANNEL})
    held, sources = effective(Layers(channel, server, NOTHING))
    if name == "instructions":  # people pin their wishes in a thread
        assert (held, sources) == (server, {name: Scope.CHANNEL})
    else:
        assert (held, sources) == (channel, {name: Scope.THREAD})


def test_each_field_comes_from_its_own_scope() -> None:
    layers = Layers(
        thread=ScopeSettings(recall="off", muted=True),
        channel=ScopeSettings(model="claude-haiku-5-5", recall="on"),
        server=ScopeSettings(instructions="Be kind.", model="claude-opus-5-5"),
    )
    held, sources = effective(layers)
    assert held == ScopeSettings(
        recall="off", muted=True, model="claude-haiku-5-5", instructions="Be kind."
    )
    assert sources == {
        "recall": Scope.THREAD,
        "model": Scope.CHANNEL,
        "instructions": Scope.SERVER,
    }


def test_only_a_threads_own_quiet_holds() -> None:
    assert not effective(Layers(channel=ScopeSettings(muted=True))).settings.muted


def test_a_change_says_who_and_when() -> None:
    settings = NOTHING.changed("model", "claude-haiku-5-5", by="U1", at=1)
    settings = settings.changed("recall", "off", by="U2", at=2)
    settings = settings.changed("model", None, by="U3", at=3)
    assert settings == ScopeSettings(
        recall="off",
        changes=(Change(field="recall", by="U2", at=2), Change(field="model", by="U3", at=3)),
    )


def test_changes_are_bounded() -> None:
    settings = NOTHING
    for number in range(CHANGES + 5):
        settings = settings.changed("recall", "off", by="U1", at=number)
    assert len(settings.changes) == 1
    assert len(FIELDS) + 1 <= CHANGES


@pytest.mark.parametrize(
    ("word", "said", "value"),
    [
        ("high", " 3,000 ", 3000),
        ("low", "0", 0),
        ("answer", "16", 16),
        ("recall", "OFF", "off"),
        ("follow-up", "Mentioned", "mentioned"),
        ("instructions", "  Be kind.\n", "Be kind."),
        ("model", "b", "b"),
        ("memory", "", None),
        ("high", "  ", None),
    ],
)
def test_what_fits_is_read(word: str, said: str, value: object) -> None:
    assert read_value(NAMED[word], said, ("a", "b")) == value


@pytest.mark.parametrize(
    ("word", "said", "why"),
    [
        ("high", "199", "from 200 to 1,000,000"),
        ("high", "9" * 400, "from 200"),
        ("high", "0" * 9 + "300" + "9" * 9, "from 200"),  # its first twelve digits would do
        ("high", "0" * 9 + "300" + "9" * 5000, "from 200"),
        ("high", "-3000", "from 200"),
        ("high", "٣٠٠٠", "from 200"),
        ("high", "3e3", "from 200"),
        ("answer", "15", "from 16"),
        ("exchanges", "0", "from 1"),
        ("recall", "yes", "one of on, off"),
        ("model", "gpt-5", "one of a, b"),
        ("instructions", "x" * 2001, "2,001 characters, and 2,000 fit"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(word: str, said: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_value(NAMED[word], said, ("a", "b"))


@pytest.mark.parametrize(
    ("channel", "server"),
    [("T1/C1", "T1"), ("123/456", "123"), ("dm/456", ""), ("ann", ""), ("C1", "")],
)
def test_a_channels_name_tells_its_server(channel: str, server: str) -> None:
    assert server_of(channel) == server
    assert server_channel(channel) == (f"{server}/*" if server else "")


# --- as they are stored ---------------------------------------------------------------------------


def test_settings_of_an_earlier_version_are_read() -> None:
    stored = '{"v":1,"strategy":"window","reach":40,"muted":true}'
    assert codec.load_settings(stored) == ScopeSettings(strategy="window", reach=40, muted=True)
    header = (
        '{"v":1,"kind":"thread","expires":9.0,"rev":"r","ttl":9,"reach":1,"started_at":1,"last_at":1,'
        '"settings":{"strategy":"","reach":0,"muted":true}}'
    )
    assert codec.load_header(header).settings == ScopeSettings(muted=True)


def test_a_field_of_a_later_version_stops_nothing() -> None:
    stored = '{"v":1,"strategy":"window","reach":40,"new":7}'
    assert codec.load_settings(stored) == ScopeSettings(strategy="window", reach=40)


def test_settings_take_no_room_in_a_header_that_has_none() -> None:
    header = Header(
        kind=Kind.THREAD, expires_at=9.0, revision="r", ttl=9, reach=1, started_at=1, last_at=1
    )
    stored = json.loads(codec.dump(header))
    assert stored.get("settings", {}) == {"reach": 0}
