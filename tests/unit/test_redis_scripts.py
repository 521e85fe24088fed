"""The scripts of the Redis store: their keys, what they leave behind, and how they are called."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from core.domain.admission import Admission
from core.domain.errors import StoreRefusedError
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind
from core.domain.pins import Pin, PinKind
from core.domain.ratings import Opinion, Rating
from core.domain.session import Answer, AnswerKind, Entry, Status, Usage
from core.domain.settings import ScopeSettings
from core.store import codec
from core.store.header import FIELDS, Header, OpenTurn
from core.store.keys import SEEN_SECONDS, TOMBSTONE_SECONDS, digest
from core.store.redis import RedisStore, pins, records, scripts, wire
from core.store.redis.connecting.client import command, connect
from core.store.redis.names import PARTITIONS, Names
from core.store.redis.scripts import Script
from core.store.values import AuditEvent, Outcome
from tests.builders import OTHER, THREAD, draft, message, terms
from tests.contract import redis_data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.store.redis.connecting.client import Client, Value

VERBS = sorted(
    path.name.removesuffix(".lua")
    for path in scripts._folder().iterdir()
    if path.name.endswith(".lua")
)
TAG = digest(THREAD)
ANN = Author(id="U1", name="Ann")
PIN = Pin(
    id="p1", kind=PinKind.WISH, text="tea", author=ANN, by=ANN, said_at=1.5, pinned_at=6000.5,
    source="m1", edited_at=2.5,
)  # fmt: skip
SCRIPT = scripts.script
GUARD = """
local declared = {}
for _, key in ipairs(KEYS) do declared[key] = true end
local unguarded = redis
local redis = {call = function(name, ...)
  local keys = {...}
  if name == 'TIME' or name == 'PUBLISH' then keys = {} end
  if name ~= 'MGET' and name ~= 'UNLINK' then keys = {keys[1]} end
  for _, key in ipairs(keys) do
    if not declared[key] then error('UNDECLARED ' .. name .. ' ' .. key) end
  end
  return unguarded.call(name, ...)
end}
"""


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    client = connect(redis_url)
    await client.flushall()
    await command(client, "SCRIPT FLUSH")  # a script that the server knows is called by its hash
    yield client
    await client.aclose()


@pytest.fixture
async def store(client: Client, redis_url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore.from_url(redis_url)
    yield store
    await store.close()


async def every_verb(store: RedisStore) -> None:
    """Go through every verb, and through every branch that touches other keys."""
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(strategy="full"), ttl=1000)
    for number in range(3):
        verdict = Admission.OVERHEARD if number else Admission.ACCEPTED
        await store.accept(message(number), terms(verdict, overheard_limit=1))
    await store.accept(message(9), terms(waiting_limit=0))
    work = await store.claim(THREAD, "a")
    assert work is not None
    await store.stop(THREAD, work.lease.turn)
    await store.renew(work.lease, work.revision, "preview")
    answer = draft(work.next - 1, kind=AnswerKind.BURIED)
    await store.commit(work.lease, work.revision, answer)
    await store.settle(work.lease, Outcome.UNDELIVERED, posted=("p",))
    assert await store.buried()
    await store.requeue(THREAD, 0)
    work = await store.claim(THREAD, "b")
    assert work is not None
    await store.settle(work.lease, Outcome.FAILED)
    await store.amend(THREAD, "m0", ("event0",), edited_at=5, text="else")
    await store.amend(THREAD, "m0", ("event0",), edited_at=6, text=None)
    await store.amend(THREAD, "none", ("none",), edited_at=6, text=None)
    await store.compact(THREAD, covers=0, revision="", to=0, text="")
    for record in await store.history(THREAD):
        if isinstance(record, Answer):
            opinion = Opinion(person="U1", value=1, at=5)
            await store.rate(THREAD, record.position, record.turn, opinion)
    (revision,) = await store.revisions([THREAD])
    assert await store.redact(THREAD, await store.history(THREAD), revision=revision, person="U1")
    await store.claim_any(["slack"], "c")
    await store.history(THREAD)
    await store.claim_once("slack", "press 1")
    await store.pin(THREAD, Kind.THREAD, PIN, beside=(), ttl=9)
    await store.pin(OTHER, Kind.THREAD, PIN, beside=(), ttl=9)
    await store.unpin(THREAD, (PIN.id,))
    await store.peek(THREAD)
    await store.threads(person="U1", channel=("slack", "C1"))
    await store.advance("cursor", 7)
    await store.audit(AuditEvent(id="1", what="export", by="U1", thread=THREAD, at=5))
    await store.audited()
    dump = await store.dump(THREAD)
    await store.load(THREAD, await store.history(THREAD), first=True, dump=dump)
    accepted = await store.accept(message(20, thread=OTHER), terms(), "d")
    assert accepted.work is not None
    await store.erase(OTHER, at=1)
    await store.settle(accepted.work.lease, Outcome.CLEARED)
    await store.erase(THREAD, at=5000)
    await store.sweep()


class Recorder:
    """Stands in for the scripts, and notes the keys of each call."""

    def __init__(self) -> None:
        self.calls: dict[str, list[list[str]]] = {}

    def __call__(self, name: str) -> Script:
        recorder, plain = self, SCRIPT(name)

        class Recorded(Script):
            async def run(self, client: Client, words: tuple[Value, ...]) -> object:
                count = int(words[0])
                keys = [str(key) for key in words[1 : count + 1]]
                recorder.calls.setdefault(name, []).append(keys)
                return await command(client, "EVAL", GUARD + plain.source, *words)

        unknown = "0" * 40  # to the server, so that each call comes by `run`
        return Recorded(plain.source, unknown, plain.keys, plain.args)


async def test_keys_are_declared_and_share_a_slot(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(scripts, "script", recorder)
    await every_verb(store)
    await expire(store)
    assert await store.sweep() == 1
    assert sorted(recorder.calls) == VERBS
    for name, calls in recorder.calls.items():
        for keys in calls:
            tags = {key.partition("{")[2].partition("}")[0] for key in keys}
            assert len(tags) == 1, f"{name} touches {keys}"
            assert tags == {""} or name != "advance"


async def expire(store: RedisStore) -> None:
    client = store._client
    await store.accept(message(30, thread=OTHER), terms(ttl=0.01))
    await asyncio.sleep(0.02)
    assert await command(client, "EXISTS", Names().of(OTHER)["header"]) == 1


async def test_what_remains_after_a_turn(store: RedisStore, client: Client) -> None:
    accepted = await store.accept(message(1), terms(ttl=1000), "a")
    work = accepted.work
    assert work is not None
    await store.commit(work.lease, work.revision, draft(0))
    await store.settle(work.lease, Outcome.DONE, posted=("p",))
    tag = Names().of(THREAD)["tag"]
    kept = {key.removeprefix(tag): await client.pttl(key) for key in await redis_data.names(client)}
    seen = {f"s:{digest(THREAD, identity)}" for identity in message(1).identities}
    own = {f"{letter}:{THREAD}" for letter in "heip"}
    assert set(kept) == own | seen | {"who", "all", "ends", f"t:{TAG}"}
    assert all(left > 0 for left in kept.values()), "each key has a time to live"
    assert kept[f"h:{THREAD}"] == pytest.approx((1000 + 3600) * 1000, rel=0.01)
    assert kept[f"t:{TAG}"] == pytest.approx(2000 * 1000, rel=0.01)
    assert {round(kept[key] / 1000) for key in seen} == {SEEN_SECONDS}


async def test_what_remains_while_work_waits(store: RedisStore, client: Client) -> None:
    await store.accept(message(1), terms(ttl=1000))
    work = Names().of(THREAD)["work"]
    assert await client.zrange(work, 0, -1) == [str(THREAD).encode()]
    assert await client.pttl(work) > 1000 * 1000


async def test_each_turn_renews_the_time_to_live(store: RedisStore, client: Client) -> None:
    await store.accept(message(1), terms(ttl=1000))
    names = Names().of(THREAD)
    await redis_data.age(client, 900)
    await store.claim(THREAD, "a")
    for key in ("header", "entries", "ids"):
        assert await client.pttl(names[key]) > (1000 + 3600 - 60) * 1000


async def test_what_remains_after_an_erase(store: RedisStore, client: Client) -> None:
    await store.accept(message(1), terms())
    await store.erase(THREAD, at=5000)
    tag = Names().of(THREAD)["tag"]
    seen = {f"{tag}s:{digest(THREAD, identity)}" for identity in message(1).identities}
    assert set(await redis_data.names(client)) == seen | {f"{tag}t:{TAG}"}
    assert await client.ttl(f"{tag}t:{TAG}") == pytest.approx(TOMBSTONE_SECONDS, abs=5)


async def test_scripts_survive_a_flush(store: RedisStore, client: Client) -> None:
    await every_verb(store)
    for number in range(100, 103):
        await client.script_flush()
        assert (await store.accept(message(number, thread=OTHER), terms(), "a")).new


async def test_two_processes_take_each_message_in_once(redis_url: str, client: Client) -> None:
    program = """
import asyncio, sys
from core.store.redis import RedisStore
from tests.builders import message, terms

async def main():
    store = RedisStore.from_url(sys.argv[1])
    answers = [await store.accept(message(n), terms(), "t" + sys.argv[2]) for n in range(100)]
    print(sum(answer.new for answer in answers), sum(answer.work is not None for answer in answers))
    await store.close()

asyncio.run(main())
"""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, redis_url, name, stdout=asyncio.subprocess.PIPE
        )
        for name in "ab"
    ]
    said = [(await each.communicate())[0].split() for each in started]
    assert sum(int(new) for new, _ in said) == 100
    assert sorted(int(works) > 0 for _, works in said) == [False, True], "one holds the lease"


async def test_data_from_the_future_is_left_alone(store: RedisStore, client: Client) -> None:
    await store.accept(message(1), terms())
    header = Names().of(THREAD)["header"]
    await client.hset(header, "v", str(codec.VERSION + 1))
    before = await client.hgetall(header)
    with pytest.raises(StoreRefusedError, match="newer version"):
        await store.accept(message(2), terms())
    assert await client.hgetall(header) == before


async def test_times_lose_no_digits(store: RedisStore) -> None:
    odd = replace(message(1), sent_at=1700000000.1234567)
    await store.accept(odd, terms())
    await store.amend(THREAD, "m1", (), edited_at=1700000001.7654321, text="else")
    (entry,) = await store.history(THREAD)
    assert (entry.sent_at, entry.edited_at) == (1700000000.1234567, 1700000001.7654321)  # type: ignore[union-attr]


async def test_a_snowflake_loses_no_digits(store: RedisStore) -> None:
    assert await store.advance("c", 1310000000000000001) == 1310000000000000001
    assert await store.advance("c", 1310000000000000000) == 1310000000000000001
    assert await store.advance("c", 999) == 1310000000000000001
    assert await store.cursor("c") == 1310000000000000001


@pytest.mark.parametrize("verb", VERBS)
def test_a_script_says_what_it_takes_and_answers(verb: str) -> None:
    source = scripts._folder().joinpath(f"{verb}.lua").read_text()
    head = [line for line in source.splitlines() if line.startswith("-- ")]
    assert head[1].startswith("-- KEYS ")
    assert head[2].startswith("-- ARGV")
    assert head[3].startswith("-- Answers ")
    script = scripts.script(verb)
    keys = {key.removesuffix("...") for key in script.keys}
    assert set(re.findall(r"K\.(\w+)", source)) <= keys
    assert set(re.findall(r"A\.(\w+)", source)) <= set(script.args)


async def test_the_scripts_have_the_defaults_and_constants_of_the_table(client: Client) -> None:
    (lua,) = (part for name, part in scripts._prelude() if name == "defaults")
    lua = scripts._SHARED.sub(scripts._shared, lua) + "\nreturn cjson.encode(defaults())"
    assert json.loads(await command(client, "EVAL", lua, 0)) == wire.DEFAULTS
    stored = {name: str(value) for name, value in wire.DEFAULTS.items()} | {"kind": "dm"}
    nothing = Header(kind=Kind.DM, ttl=0, reach=0, revision="", started_at=0, last_at=0)
    assert wire.header({"kind": "dm"}, ()) == wire.header(stored, ()) == nothing
    assert f"> {codec.VERSION} then" in scripts.script("accept").source
    assert f"'EX', {SEEN_SECONDS})" in scripts.script("amend").source


def test_a_table_has_each_value_of_a_header() -> None:
    own = {"turn", "people", "pins", "settings", "usage"}
    named = {each.attribute or each.name for each in FIELDS if each.part == "header"}
    assert named == {each.name for each in fields(Header)} - own
    for part, whole in (("turn", OpenTurn), ("usage", Usage)):
        named = {each.attribute or each.name for each in FIELDS if each.part == part}
        assert named == {each.name for each in fields(whole)}


def test_a_line_holds_the_values_of_a_pin_where_the_table_says() -> None:
    values = dict(zip(pins.PIN, json.loads(pins.line(PIN)), strict=True))
    assert values == {
        "id": "p1", "kind": "w", "text": "tea", "source": "m1", "edited_at": "2.5",
        "pinned_at": "6000.5", "said_at": "1.5", "author": "U1", "author_name": "Ann",
        "author_is_app": "", "by": "U1", "by_name": "Ann", "by_is_app": "",
    }  # fmt: skip
    assert pins.load(pins.field((PIN, PIN))) == (PIN, PIN)
    assert pins.load("") == ()


def test_records_hold_their_values_where_the_table_says() -> None:
    file = Attachment(id="F1", name="a.txt", media_type="text/plain", size=5)
    quote = Quote(
        kind=QuoteKind.REPLY, text="Hi", author="Bo", by_bot=True, place="#x", sent_at=1.5, cut=2
    )
    entry = Entry(
        position=7, id="m1", text="Hello", sent_at=1.5,
        author=Author(id="U1", name="Ann", is_app=True),
        status=Status.DELETED, answer_in="here", edited_at=2.5, attachments=(file,),
        requeued_from="m0", lost_file=True, quotes=(quote,),
    )  # fmt: skip
    values = dict(zip(records.ENTRY, json.loads(records.dump(entry)), strict=True))
    assert values == {
        "status": "g", "place": 7, "at": "1.5", "id": "m1", "author": "U1", "author_name": "Ann",
        "text": "Hello", "stamp": "2.5", "answer_in": "here",
        "files": [["F1", "a.txt", "text/plain", 5]], "requeued_from": "m0", "lost_file": 1,
        "quotes": [["reply", "Hi", "Bo", 1, "#x", "1.5", 2]], "is_app": 1,
    }  # fmt: skip
    answer = Answer(
        position=7, turn="m1", token="mine", kind=AnswerKind.NOTICE, text="Hi", sent_at=1.5,
        trimmed=True, usage=Usage(input=1, output=2, cache_read=3, cache_write=4),
        explain_trim=False, notes=("a note",), posted=("p1",), units=5.5, recalled=(2, 3),
        searched=("nuts",), ratings=(Rating(person="U1", value=-1, at=2.5, reason="no"),),
    )  # fmt: skip
    values = dict(zip(records.ANSWER, json.loads(records.dump(answer)), strict=True))
    assert values == {
        "kind": "N", "posted": ["p1"], "at": "1.5", "place": 7, "turn": "m1", "token": "mine",
        "text": "Hi", "usage": [1, 2, 3, 4, 5.5], "trimmed": 1, "explain_trim": 0,
        "notes": ["a note"], "recalled": [2, 3], "searched": ["nuts"],
        "ratings": [["U1", -1, "2.5", "no"]],
    }  # fmt: skip
    both = f"[{records.dump(entry)},{records.dump(answer)}]".encode()
    assert records.load(both) == (entry, answer)


def test_an_answer_of_an_earlier_version_is_read() -> None:
    said = ["A", ["p1"], "1.5", 7, "m1", "mine", "Hi", [1, 2, 3, 4]]
    for more in ([], [1, 0, ["a note"]]):
        (answer,) = records.load(json.dumps([[*said, *more]]).encode())
        assert isinstance(answer, Answer)
        assert answer.usage == Usage(input=1, output=2, cache_read=3, cache_write=4)
        assert (answer.units, answer.recalled, answer.searched) == (0, (), ())
        assert answer.notes == (("a note",) if more else ())


def test_a_name_that_the_table_has_not_is_noticed() -> None:
    for name in ("ENTRY.words", "CORE.WORDS"):
        with pytest.raises((KeyError, ValueError)):
            scripts._SHARED.sub(scripts._shared, f"return {name}")


def test_an_argument_that_is_missing_is_noticed() -> None:
    with pytest.raises(KeyError):
        scripts.script("claim").words(Names().of(THREAD), (), {"token": "t"})


def test_a_prefix_brings_no_tag_of_its_own() -> None:
    with pytest.raises(ValueError, match="braces"):
        Names("{bot}:")
    assert len(Names("other:").everywhere("who")) == PARTITIONS
