"""DynamoDB is busy, loses replies, or is not what we were told: one sentence, and nothing lost."""

from __future__ import annotations

import asyncio
import random
import string
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from core.admission import Verdict
from core.errors import ChatbotError, SettingsError, StoreRefusedError, StoreUnavailableError
from core.limits import ATTACHMENTS, MESSAGE_BYTES
from core.message import Attachment, Author
from core.session import Answer, Entry
from core.store.dynamodb import DynamoStore, items, make_table
from core.store.dynamodb.address import parse
from core.store.dynamodb.client import connect
from core.store.dynamodb.table import FORM_KEY
from core.store.keys import unique
from core.store.values import Outcome
from tests.builders import OVERHEAR, THREAD, begin, converse, draft, finish, message, terms
from tests.clocks import ManualClock
from tests.contract import dynamodb_data
from tests.dynamodb_server import credentials
from tests.faults.dynamodb_front import LOST, Front
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from core.store.dynamodb.client import Table
    from tests.dynamodb_server import DynamoServer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver wait less before it repeats a request: up to a second is its first pause."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.001)


@pytest.fixture
async def own(dynamodb_server: DynamoServer) -> AsyncIterator[Table]:
    """Return a table of the test's own, from behind."""
    address = parse(dynamodb_server.url(f"t{unique()}"))
    await make_table(address, dynamodb_server.session)
    table = await connect(address, dynamodb_server.session)
    yield table
    await table.call("delete_table")
    await table.close()


@pytest.fixture
async def front(dynamodb_server: DynamoServer) -> AsyncIterator[Front]:
    async with Front(dynamodb_server.port) as front:
        yield front


@pytest.fixture
async def opened(
    own: Table, front: Front, dynamodb_server: DynamoServer
) -> AsyncIterator[Callable[..., Awaitable[DynamoStore]]]:
    """Open a store through the front."""
    stores: list[DynamoStore] = []

    async def opened(patience: float = 20) -> DynamoStore:
        url = dynamodb_server.url(own.name, front.port)
        stores.append(
            await DynamoStore.open(
                url, ManualClock(), patience=patience, session=dynamodb_server.session
            )
        )
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


# --- what it costs ----------------------------------------------------------------------------


async def test_a_turn_costs_the_same_however_long_its_thread(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """Accept with its claim in three round trips, commit and settle in one each; ≤ 9 items."""
    store = await opened()
    costs = []
    for number in range(60):
        if number in {20, 59}:
            front.asked.clear()
        work = await begin(store, number, on=terms(reach=5))
        assert await finish(store, work) == "free"
        if number in {20, 59}:
            costs.append((sorted(front.operations()), front.written()))
            assert max(len(body.get("TransactItems", ())) for _, body in front.asked) <= 9
    # The first read finds the header; behind it, the window and the message's id at once.
    assert costs[0][0] == ["BatchGetItem"] * 2 + ["Query"] + ["TransactWriteItems"] * 3
    assert costs[0] == costs[1]


# --- it loses replies, or is busy ----------------------------------------------------------------


async def test_a_reply_that_is_lost_was_earned(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """The token makes the repeat of a transaction known: each verb answers as if heard at once."""
    chance = random.Random(7)
    front.fault = lambda *_: LOST if chance.random() < 0.2 else None
    store = await opened()
    for number in range(15):
        accepted = await store.accept(message(number), terms(), f"token{number}")
        assert accepted.new
        assert accepted.work is not None
        assert accepted.work.tries == 1
        assert await finish(store, accepted.work, text=f"answer {number}") == "free"
    front.fault = lambda *_: None
    log = await store.history(THREAD)
    assert [r.id for r in log if isinstance(r, Entry)] == [f"m{n}" for n in range(15)]
    assert [r.text for r in log if isinstance(r, Answer)] == [f"answer {n}" for n in range(15)]
    (info,) = (await store.threads()).threads
    assert info.turns == 15


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("TransactionInProgressException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
async def test_a_call_that_fails_for_now_is_repeated(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front, code: str, status: int
) -> None:
    store = await opened()
    failed: dict[str, int] = {}

    def fault(operation: str, body: dict[str, Any]) -> tuple[str, int] | None:
        failed[operation] = failed.get(operation, 0) + 1
        return (code, status) if failed[operation] <= 2 else None

    front.fault = fault
    work = await begin(store, 1)
    assert work.tries == 1
    assert failed["TransactWriteItems"] == 3


async def test_what_fails_on_and_on_is_given_up_in_time(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    store = await opened(patience=0.5)
    front.fault = lambda *_: ("ThrottlingException", 400)
    async with asyncio.timeout(3):
        with pytest.raises(StoreUnavailableError, match=r"DynamoDB table t\w+"):
            await store.accept(message(1), terms())
    front.fault = lambda *_: None
    assert (await store.accept(message(1), terms())).new, "nothing of it was written"


async def test_a_transaction_that_is_always_passed_by_is_given_up_in_time(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    store = await opened(patience=0.5)

    def fault(operation: str, body: dict[str, Any]) -> tuple[str, int] | None:
        writes = operation == "TransactWriteItems"
        return ("TransactionConflictException", 400) if writes else None

    front.fault = fault
    with pytest.raises(StoreUnavailableError, match="too many write to at once"):
        await store.accept(message(1), terms())


# --- it writes a transaction's items one after the other ------------------------------------------


async def test_a_claim_between_the_parts_of_a_transaction_reads_again(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table, front: Front
) -> None:
    """The header of an edit is seen already, its entry not yet: nobody answers the old text."""
    first, second = await opened(), await opened()
    await first.accept(message(1, "old"), terms())
    (before,) = [item for item in await dynamodb_data.scan(own) if "#e#" in item["sk"]["S"]]
    await first.amend(THREAD, "m1", ("x",), stamp=2000.0, text="new")
    (after,) = [item for item in await dynamodb_data.scan(own) if "#e#" in item["sk"]["S"]]
    await own.call("put_item", Item=before)
    front.asked.clear()
    claiming = asyncio.create_task(second.claim(THREAD, "mine"))
    async with asyncio.timeout(5):
        while front.operations().count("Query") < 3:
            await asyncio.sleep(0.01)
    assert not claiming.done()
    await own.call("put_item", Item=after)
    work = await claiming
    assert work is not None
    assert [record.text for record in work.records] == ["new"]


async def test_a_message_that_is_counted_but_not_there_yet_is_waited_for(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table, front: Front
) -> None:
    first, second = await opened(), await opened()
    await first.accept(message(1), terms())
    (entry,) = [item for item in await dynamodb_data.scan(own) if "#e#" in item["sk"]["S"]]
    await own.delete([items.key_of(entry)])
    front.asked.clear()
    claiming = asyncio.create_task(second.claim(THREAD, "mine"))
    async with asyncio.timeout(5):
        while front.operations().count("Query") < 2:
            await asyncio.sleep(0.01)
    await own.call("put_item", Item=entry)
    work = await claiming
    assert work is not None
    assert work.lease.turn == "m1"


async def test_a_summary_of_another_write_than_the_header_is_waited_for(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table, front: Front
) -> None:
    """The new header says how far the new summary goes: the old one would leave a gap."""
    first, second = await opened(), await opened()
    await converse(first, 1, 2)
    work = await begin(first, 3)
    assert await first.compact(THREAD, covers=0, rev=work.rev, to=1, text="old")
    (before,) = [item for item in await dynamodb_data.scan(own) if item["sk"]["S"] == items.SUMMARY]
    assert await first.compact(THREAD, covers=1, rev=work.rev, to=2, text="new")
    (after,) = [item for item in await dynamodb_data.scan(own) if item["sk"]["S"] == items.SUMMARY]
    await own.call("put_item", Item=before)
    front.asked.clear()
    peeking = asyncio.create_task(second.peek(THREAD))
    async with asyncio.timeout(5):
        while front.operations().count("BatchGetItem") < 3:
            await asyncio.sleep(0.01)
    assert not peeking.done()
    await own.call("put_item", Item=after)
    seen = await peeking
    assert seen is not None
    assert (seen.summary.text, seen.summary.covers) == ("new", 2)


async def test_a_deletion_that_crosses_its_message_meets_it(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """It was unknown when it was looked for, and is there when that is written down."""
    first, second = await opened(), await opened()
    crossed = False

    async def cross(operation: str, body: dict[str, Any]) -> None:
        nonlocal crossed
        if operation == "TransactWriteItems" and not crossed:
            crossed = True
            assert (await second.accept(message(1), terms())).new

    front.meanwhile = cross
    assert await first.amend(THREAD, "m1", ("event1",), stamp=2000.0, text=None)
    assert await second.claim(THREAD, "mine") is None
    assert [record.text for record in await second.history(THREAD)] == [""]


async def test_an_erase_that_crosses_a_later_one_moves_no_line_back(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """Without a session nothing else in the table shows that somebody came in between."""
    first, second = await opened(), await opened()
    crossed = False

    async def cross(operation: str, body: dict[str, Any]) -> None:
        nonlocal crossed
        if operation == "TransactWriteItems" and not crossed:
            crossed = True
            await second.erase(THREAD, at=5000.0)

    front.meanwhile = cross
    await first.erase(THREAD, at=2000.0)
    assert (await first.accept(message(3000), terms())).verdict is Verdict.GONE


async def test_what_is_read_is_read_as_it_is_now(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front
) -> None:
    """moto knows no stale reads, so what is asked for is looked at; an index has no others."""
    store = await opened()
    await converse(store, 1)
    await begin(store, 2)
    await store.history(THREAD)
    await store.cursor("place")
    await store.audited()
    asked = [each for each in front.asked if each[0] in {"BatchGetItem", "Query"}]
    assert len(asked) >= 8
    for operation, body in asked:
        told = body if operation == "Query" else body["RequestItems"].popitem()[1]
        assert told["ConsistentRead"]
    front.asked.clear()
    await store.threads()
    assert not front.asked[0][1]["ConsistentRead"]


# --- erase in batches -----------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [False, True])
async def test_an_erase_that_is_cut_off_is_true_and_goes_on(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table, front: Front, turn: bool
) -> None:
    """One transaction makes it true; whoever sweeps next removes what is left."""
    first, second = await opened(), await opened()
    await converse(first, *range(40))
    if turn:
        await begin(first, 40)
    front.fault = lambda operation, _: (
        ("AccessDeniedException", 400) if operation == "BatchWriteItem" else None
    )
    with pytest.raises(StoreRefusedError):
        await first.erase(THREAD, at=5000.0)
    front.fault = lambda *_: None
    left = len(await dynamodb_data.scan(own))
    assert left > 100
    assert await second.history(THREAD) == ()
    assert (await second.threads(person="U1")).threads == ()
    seen = await second.peek(THREAD)
    assert seen is None or (turn and seen.records == ())
    late = await second.accept(message(6000, identities=("late",)), terms())
    assert late.new
    assert [r.id for r in await second.history(THREAD) if isinstance(r, Entry)] == ["m6000"]
    while await second.sweep():
        pass
    kept = [item for item in await dynamodb_data.scan(own) if items.key_of(item)[0][0] == "t"]
    assert len(kept) <= 5, "the new session, and nothing of the old one"
    assert [r.id for r in await second.history(THREAD) if isinstance(r, Entry)] == ["m6000"]


async def test_a_long_thread_is_gone_when_its_erase_is_done(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table
) -> None:
    store = await opened()
    await converse(store, *range(40))
    await store.erase(THREAD, at=5000.0)
    kept = [items.key_of(item)[0] for item in await dynamodb_data.scan(own)]
    assert not [partition for partition in kept if partition == items.partition(THREAD)]


async def test_a_person_beyond_those_counted_is_forgotten_as_well(
    opened: Callable[..., Awaitable[DynamoStore]], own: Table
) -> None:
    """The header counts so many speakers and no more; an erase takes all out of the lists."""
    store = await opened()
    few = replace(OVERHEAR, overheard_limit=3)
    for number in range(60):
        await store.accept(message(number, author=f"zebra{number}"), few)
    assert (await store.threads(person="zebra55")).threads
    await store.erase(THREAD, at=5000.0)
    assert not any("zebra" in repr(item) for item in await dynamodb_data.scan(own))


# --- it is not what we were told ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDeniedException", "allow them dynamodb:GetItem"),
        ("UnrecognizedClientException", "they are wrong, or have expired"),
        ("ExpiredTokenException", "they are wrong, or have expired"),
        ("InvalidSignatureException", "this machine's clock is wrong"),
        ("ResourceNotFoundException", "make it with `chatbot init-store`"),
    ],
)
async def test_what_aws_refuses_is_one_sentence(
    opened: Callable[..., Awaitable[DynamoStore]], front: Front, code: str, sentence: str
) -> None:
    store = await opened()
    front.fault = lambda *_: (code, 400)
    for call in (lambda: store.accept(message(1, "zebra"), terms()), store.check):
        with pytest.raises(StoreRefusedError, match=sentence) as caught:
            await call()
        assert "zebra" not in str(caught.value)
        assert "\n" not in str(caught.value)


async def test_a_server_that_is_not_there(dynamodb_server: DynamoServer) -> None:
    url = dynamodb_server.url("chatbot", free_port())
    with pytest.raises(StoreUnavailableError, match="region or endpoint"):
        await DynamoStore.open(url, ManualClock(), session=dynamodb_server.session)


async def test_no_credentials_and_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare = credentials(known=False)
    wanted: dict[str, tuple[type[ChatbotError], str]] = {
        "dynamodb://chatbot": (SettingsError, "no AWS region is set"),
        "dynamodb://chatbot?region=eu-central-1": (StoreRefusedError, "AWS_ACCESS_KEY_ID"),
    }
    for url, (kind, sentence) in wanted.items():
        with pytest.raises(kind, match=sentence):
            await DynamoStore.open(url, ManualClock(), session=bare)


async def test_a_table_of_the_future_and_one_of_another_program(
    own: Table, opened: Callable[..., Awaitable[DynamoStore]], dynamodb_server: DynamoServer
) -> None:
    await own.call("put_item", Item=items.of(FORM_KEY, version=99))
    with pytest.raises(StoreRefusedError, match="made by a newer program"):
        await opened()
    await own.delete([FORM_KEY])
    with pytest.raises(StoreRefusedError, match="run `chatbot init-store`"):
        await opened()
    url = dynamodb_server.url(f"t{unique()}")
    other = parse(url)
    table = await connect(other, dynamodb_server.session)
    await table.call(
        "create_table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
    )
    with pytest.raises(StoreRefusedError, match="another program's"):
        await make_table(other, dynamodb_server.session)
    with pytest.raises(StoreRefusedError, match="another program's"):
        await DynamoStore.open(url, ManualClock(), session=dynamodb_server.session)
    await table.close()


async def test_the_operator_hears_that_nothing_expires(
    own: Table, opened: Callable[..., Awaitable[DynamoStore]], dynamodb_server: DynamoServer
) -> None:
    store = await opened()
    assert await store.check() == ()
    off = {"AttributeName": "expires", "Enabled": False}
    await own.call("update_time_to_live", TimeToLiveSpecification=off)
    (sentence,) = await store.check()
    assert "run `chatbot init-store`" in sentence
    assert not await make_table(parse(dynamodb_server.url(own.name)), dynamodb_server.session)
    assert await store.check() == ()


def dense(bytes_: int) -> str:
    """Return a text that can hardly be compressed: more than four letters of each five."""
    chance = random.Random(3)
    return "".join(chance.choices(string.ascii_letters + string.digits, k=bytes_))


async def test_the_largest_message_answer_and_summary_fit(
    opened: Callable[..., Awaitable[DynamoStore]],
) -> None:
    """DynamoDB keeps 400 KB in an item; an answer of 128,000 tokens may have more."""
    first, second = await opened(), await opened()
    files = tuple(
        Attachment(id=f"F{n}" * 50, name="\x01" * 255, media_type="a/b", size=n)
        for n in range(ATTACHMENTS)
    )
    told = message(1, "\x01" * MESSAGE_BYTES, attachments=files)
    assert (await first.accept(told, terms())).new
    work = await second.claim(THREAD, "mine")
    assert work is not None
    assert [record.text for record in work.records] == [told.text]
    answer = dense(500_000)
    done = draft(0, answer)
    assert await second.commit(work.lease, work.rev, done) == "committed"
    assert await second.settle(work.lease, Outcome.DONE, posted=("p",)) == "free"
    assert await first.compact(THREAD, covers=0, rev=work.rev, to=1, text=answer)
    assert [record.text for record in await first.history(THREAD)] == [told.text, answer]
    seen = await second.peek(THREAD)
    assert seen is not None
    assert seen.summary.text == answer


async def test_a_thread_of_the_largest_records_is_moved(
    opened: Callable[..., Awaitable[DynamoStore]],
) -> None:
    """A transaction takes 4 MB."""
    store = await opened()
    author = Author(id="U1", name="Ann")
    entries = [
        Entry(place=n, id=f"m{n}", author=author, text="\x01" * MESSAGE_BYTES, at=1000.0 + n)
        for n in range(25)
    ]
    await begin(store, 0)
    dump = await store.dump(THREAD)
    assert dump is not None
    header = replace(dump.header, next=25, head=25, waiting=0, turn=None, token="", due=None)
    people = tuple(f"U{n}" for n in range(45))
    whole = replace(dump, header=header, people=people)
    await store.load(THREAD, entries, first=True, dump=whole)
    assert await store.history(THREAD) == tuple(entries)
    again = await store.dump(THREAD)
    assert again is not None
    assert again.people == tuple(sorted(people))
