"""PostgreSQL dies, hangs, or is not what we were told: one sentence, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.domain.session import Answer, Entry
from core.store.keys import unique
from core.store.sql.postgres import PostgresStore, database
from core.store.sql.postgres.connecting import checks
from core.store.sql.postgres.schema import STEPS, VERSION
from core.store.values import Outcome
from tests.builders import THREAD, converse, draft, message, terms
from tests.postgres_server import FAST, PostgresServer, postgres_server
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from core.store.port import Store

SECRET = "hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that asks for passwords."""
    with postgres_server(password=SECRET) as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> Iterator[str]:
    """Return an empty database of the test's own."""
    name = f"t{unique()}"
    with owner(server.url) as own:
        own.execute(f"CREATE DATABASE {name}".encode())
    yield at(server.url, f"owner:{SECRET}", name)
    with owner(server.url) as own:
        own.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Awaitable[PostgresStore]]]:
    stores: list[PostgresStore] = []

    async def opened(url: str, patience: float = 10) -> PostgresStore:
        stores.append(await PostgresStore.open(url, patience=patience))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


def at(url: str, user: str, database: str = "") -> str:
    """Return the same address for another user, or another database as well."""
    host = url.partition("@")[2]
    return f"postgresql://{user}@{host.partition('/')[0]}/{database or host.partition('/')[2]}"


def owner(url: str) -> contextlib.closing[Any]:
    """Return the owner's connection to a database."""
    own = psycopg.connect(at(url, f"owner:{SECRET}"), autocommit=True)
    return contextlib.closing(own)


def only(url: str, *statements: str) -> Any:
    """Do this as the owner; return the first row of the last."""
    with owner(url) as own:
        for statement in statements:
            done = own.execute(statement.encode())
        return done.fetchone() if done.description else None


# --- it dies ----------------------------------------------------------------------------------


async def test_what_was_acknowledged_survives_a_kill(
    opened: Callable[..., Awaitable[PostgresStore]],
) -> None:
    with postgres_server() as server:
        store = await opened(server.url)
        await converse(store, *range(20))
        server.kill()
        down = asyncio.create_task(store.accept(message(99), terms()))
        await asyncio.sleep(0.05)
        server.start()
        assert (await down).new, "the store tries again until the server is back"
        kept = await store.history(THREAD)
        assert len([record for record in kept if isinstance(record, Answer)]) == 20
        assert [r.id for r in kept if isinstance(r, Entry)] == [
            *(f"m{number}" for number in range(20)),
            "m99",
        ]


async def test_a_restart_in_the_middle_of_conversations(
    opened: Callable[..., Awaitable[PostgresStore]],
) -> None:
    with postgres_server() as server:
        first, second = await opened(server.url), await opened(server.url)

        async def talk(store: Store, number: int) -> None:
            for turn in range(40):
                accepted = await store.accept(message(turn, thread=key(number)), terms(), unique())
                assert accepted.new
                assert accepted.work is not None
                work = accepted.work
                done = draft(work.next - 1, f"answer {turn}")
                assert isinstance(await store.commit(work.lease, work.revision, done), Answer)
                assert await store.settle(work.lease, Outcome.DONE) == "free"

        def key(number: int) -> Any:
            return type(THREAD)("slack", "C1", f"restart{number}")

        async with asyncio.TaskGroup() as talks:
            for number in range(10):
                talks.create_task(talk((first, second)[number % 2], number))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.restart)
        for number in range(10):
            kept = await first.history(key(number))
            assert [r.text for r in kept if isinstance(r, Answer)] == [
                f"answer {turn}" for turn in range(40)
            ]
        infos = (await first.threads()).threads
        assert {info.turns for info in infos} == {40}


async def test_connections_that_were_ended_are_made_anew(
    url: str, opened: Callable[..., Awaitable[PostgresStore]]
) -> None:
    store = await opened(url)
    await asyncio.gather(*(store.cursor(f"c{number}") for number in range(10)))
    only(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database()",
    )
    await converse(store, 1)
    assert len(await store.history(THREAD)) == 2


async def test_a_server_that_is_gone_is_named_without_the_password() -> None:
    port = free_port()
    with pytest.raises(StoreUnavailableError) as caught:
        await PostgresStore.open(f"postgresql://bot:{SECRET}@127.0.0.1:{port}/chat", patience=0.5)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_server_that_hangs_is_given_up_in_time(
    opened: Callable[..., Awaitable[PostgresStore]],
) -> None:
    with postgres_server() as server:
        await opened(server.url)  # it makes the tables, and has the time for that
        store = await opened(server.url, 1)
        await converse(store, 1)
        with psycopg.connect(server.url) as own:
            rows = own.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            processes = [server.pid, *(pid for (pid,) in rows)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        start = time.monotonic()
        try:
            with pytest.raises(StoreUnavailableError, match="does not answer in time"):
                await store.accept(message(7), terms())
            with pytest.raises(StoreUnavailableError, match="does not answer in time"):
                await store.accept(message(7), terms())
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        assert time.monotonic() - start < 6
        assert (await store.accept(message(8), terms())).new, "it goes on afterwards"


async def test_a_process_that_stops_in_mid_step_holds_nobody_up_for_long(
    url: str,
    opened: Callable[..., Awaitable[PostgresStore]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "_IDLE_SECONDS", 0.3)
    store, other = await opened(url), await opened(url)
    await converse(store, 1)
    paused = await other._database.connect()
    await paused.execute("BEGIN")
    await paused.execute("SELECT header FROM thread FOR UPDATE")
    async with asyncio.timeout(5):
        assert (await store.accept(message(2), terms())).new
    await paused.close()


async def test_waiting_outlives_the_server(
    opened: Callable[..., Awaitable[PostgresStore]],
) -> None:
    with postgres_server() as server:
        store = await opened(server.url)
        await store.wait(["slack"], 0.1)
        server.kill()
        await store.wait(["slack"], 0.3)
        server.start()
        async with asyncio.timeout(10):
            await store.wait(["slack"], 8)  # it listens again: look for work
        waiter = asyncio.create_task(store.wait(["slack"], 10))
        await asyncio.sleep(0.05)
        await store.accept(message(1), terms())
        async with asyncio.timeout(2):
            await waiter


# --- it takes back what it has begun ----------------------------------------------------------


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_what_the_server_undoes_is_done_again(
    url: str, opened: Callable[..., Awaitable[PostgresStore]], code: str
) -> None:
    """Protocol: a serialisation or deadlock error is retried as a lost reply."""
    store = await opened(url)
    only(
        url,
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('tries') % 3 <> 0 THEN RAISE 'undone' USING ERRCODE = '{code}'; END IF;"
        " RETURN NEW; END $$",
        "CREATE TRIGGER undo BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION undo()",
    )
    await converse(store, 1, 2, 3)
    assert only(url, "SELECT last_value FROM tries")[0] >= 18
    assert len(await store.history(THREAD)) == 6


# --- it is not what we were told --------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "name", "sentence"),
    [
        ("owner", "", "needs a password"),
        ("owner:wrong", "", "refuses the user name or password"),
        ("nobody:wrong", "", "refuses the user name or password"),
        (f"owner:{SECRET}", "nowhere", "no database of that name"),
    ],
)
async def test_what_does_not_get_in(
    server: PostgresServer, user: str, name: str, sentence: str
) -> None:
    start = time.monotonic()
    with pytest.raises(StoreRefusedError, match=sentence) as caught:
        await PostgresStore.open(at(server.url, user, name))
    assert time.monotonic() - start < 3, "a password gets no better"
    assert "wrong" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_wrong_option_in_the_address(server: PostgresServer) -> None:
    with pytest.raises(StoreRefusedError, match="an option in CHATBOT_STORE"):
        await PostgresStore.open(at(server.url, f"owner:{SECRET}") + "?sslmode=perhaps")


async def test_tls_that_the_server_does_not_speak(server: PostgresServer) -> None:
    with pytest.raises(StoreRefusedError, match="does not speak TLS"):
        await PostgresStore.open(at(server.url, f"owner:{SECRET}") + "?sslmode=require")


async def test_a_user_without_the_right_to_make_tables(url: str) -> None:
    only(
        url,
        f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    guest = at(url, f"guest:{SECRET}")
    with pytest.raises(StoreRefusedError, match="GRANT CREATE, USAGE ON SCHEMA"):
        await PostgresStore.open(guest)
    only(url, "GRANT CREATE, USAGE ON SCHEMA public TO guest")
    store = await PostgresStore.open(guest)
    await converse(store, 1)
    await store.close()
    only(url, "DROP OWNED BY guest", "DROP ROLE guest")


async def test_a_database_that_is_read_only(url: str) -> None:
    await (await PostgresStore.open(url)).close()
    name = url.rpartition("/")[2]
    only(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store = await PostgresStore.open(url)
    with pytest.raises(StoreRefusedError, match="read-only"):
        await store.accept(message(1), terms())
    with pytest.raises(StoreRefusedError, match="read-only"):
        await store.check()
    await store.close()


async def test_a_database_that_can_not_store_every_character(server: PostgresServer) -> None:
    only(
        at(server.url, f"owner:{SECRET}"),
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0",
    )
    with pytest.raises(StoreRefusedError, match="LATIN1"):
        await PostgresStore.open(at(server.url, f"owner:{SECRET}", "latin"))


async def test_a_server_that_is_too_old(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "OLDEST", 99)
    with pytest.raises(StoreRefusedError, match="use version 99 or later"):
        await PostgresStore.open(url)
    assert only(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (0,)


# --- its tables -------------------------------------------------------------------------------


async def test_several_replicas_start_at_once_on_nothing(
    url: str, opened: Callable[..., Awaitable[PostgresStore]]
) -> None:
    stores = await asyncio.gather(*(opened(url) for _ in range(6)))
    await converse(stores[0], 1)
    assert len(await stores[5].history(THREAD)) == 2
    assert only(url, "SELECT version, count(*) OVER () FROM chatbot_schema") == (VERSION, 1)


async def test_a_database_of_each_older_version_is_brought_up_to_date(
    url: str, opened: Callable[..., Awaitable[PostgresStore]]
) -> None:
    for version in range(1, VERSION):
        only(
            url,
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            "CREATE TABLE chatbot_schema (version BIGINT NOT NULL)",
            f"INSERT INTO chatbot_schema VALUES ({version})",
            *(statement for step in STEPS[:version] for statement in step),
            "INSERT INTO cursor VALUES ('kept', 7)",
        )
        store = await opened(url)
        assert await store.cursor("kept") == 7
        await converse(store, 1)
        assert await store.audited() == ()
        assert only(url, "SELECT version FROM chatbot_schema") == (VERSION,)


async def test_tables_from_the_future_are_left_as_they_are(url: str) -> None:
    await (await PostgresStore.open(url)).close()
    only(url, f"UPDATE chatbot_schema SET version = {VERSION + 1}")
    with pytest.raises(StoreRefusedError, match="a newer program") as caught:
        await PostgresStore.open(url)
    assert "\n" not in str(caught.value)
    assert only(url, "SELECT version FROM chatbot_schema") == (VERSION + 1,)


async def test_another_programs_tables_are_left_as_they_are(url: str) -> None:
    only(url, "CREATE TABLE entry (theirs INT)")
    with pytest.raises(StoreRefusedError, match="a table named entry that is another program's"):
        await PostgresStore.open(url)
    assert only(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (1,)


async def test_a_schema_of_its_own_beside_another_program(
    url: str, opened: Callable[..., Awaitable[PostgresStore]]
) -> None:
    only(url, "CREATE TABLE entry (theirs INT)", "CREATE SCHEMA bot")
    store = await opened(url + "?options=-csearch_path%3Dbot")
    await converse(store, 1)
    assert only(url, "SELECT count(*) FROM bot.entry") == (2,)


# --- what the operator hears ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ((), []),
        (FAST, ["fsync is off", "full_page_writes is off"]),
        (("synchronous_commit=off",), ["synchronous_commit is off"]),
    ],
)
async def test_what_the_operator_hears(
    opened: Callable[..., Awaitable[PostgresStore]], settings: tuple[str, ...], parts: list[str]
) -> None:
    with postgres_server(settings=settings) as server:
        told = await (await opened(server.url)).check()
    assert len(told) == len(parts)
    for sentence, part in zip(told, parts, strict=True):
        assert part in sentence
