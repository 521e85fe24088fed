"""Which store a URL means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bots.settings.settings import Settings
from core.domain.errors import SettingsError, StoreRefusedError
from core.store.dynamodb import DynamoStore
from core.store.local.store import LocalStore
from core.store.redis import RedisStore
from core.store.sql.postgres import PostgresStore
from core.store.sql.postgres.connecting import address
from core.store.sql.sqlite.store import SqliteStore
from core.store.urls import SCHEMES, init_store, open_store
from tests.clocks import ManualClock
from tests.dynamodb_server import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.port import Store
    from tests.dynamodb_server import DynamoServer

DRIVERS = (
    ("core.store.sql.postgres", "psycopg", "postgres", "postgresql://bot:secret@db/chat"),
    ("core.store.dynamodb", "aiobotocore.config", "dynamodb", "dynamodb://secret"),
)


async def opened(url: str) -> Store:
    store = await open_store(url, clock=ManualClock(), lease_seconds=7)
    await store.close()
    assert store.lease_seconds == 7
    return store


async def test_memory() -> None:
    assert isinstance(await opened("memory://"), LocalStore)


@pytest.mark.parametrize("tls", ["", "s"])
@pytest.mark.parametrize("form", ["://:secret@h:1/0", "+sentinel://h,i:2/s", "+cluster://h,i:3"])
async def test_redis(form: str, tls: str) -> None:
    assert isinstance(await opened(f"redis{tls}{form}"), RedisStore)


@pytest.mark.parametrize("name", ["chat.db", "a folder/100% chat?#.db", "Ü/chat.db"])
async def test_sqlite_at_an_absolute_path(tmp_path: Path, name: str) -> None:
    assert isinstance(await opened(f"sqlite:///{tmp_path / name}"), SqliteStore)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["chat.db", "folder/chat.db"])
async def test_sqlite_at_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    await opened(f"sqlite:///{name}")
    assert (tmp_path / name).exists()


async def test_sqlite_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    await opened("sqlite:///~/chat.db")
    assert (tmp_path / "chat.db").exists()


async def test_postgresql(postgres_url: str) -> None:
    assert isinstance(await opened(postgres_url), PostgresStore)


async def test_a_driver_that_is_missing_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, driver, extra, url in DRIVERS:
        for name in [name for name in sys.modules if name.startswith(module)]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, driver, None)
        with pytest.raises(SettingsError, match=f"the extra '{extra}'") as caught:
            await opened(url)
        assert "secret" not in str(caught.value)


async def test_dynamodb(dynamodb_server: DynamoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    url = dynamodb_server.url("chat.Bot_1")
    with pytest.raises(StoreRefusedError, match="`chatbot init-store`"):
        await opened(url)
    assert await init_store(url)
    assert not await init_store(url)
    assert isinstance(await opened(url), DynamoStore)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_settings_take_each_kind_of_store(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_STORE", f"{scheme}://somewhere")
    assert Settings.from_env().store.get_secret_value() == f"{scheme}://somewhere"


async def test_other_stores_need_no_init(tmp_path: Path) -> None:
    for url in ("memory://", f"sqlite:///{tmp_path}/chat.db"):
        assert await init_store(url) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://bot:secret@db:port/chat", "postgresql://USER:PASSWORD@HOST"),
        ("postgresql://bot:sec%ret@db/chat", "postgresql://USER:PASSWORD@HOST"),
        ("postgresql://bot@db/chat?password", "postgresql://USER:PASSWORD@HOST"),
        ("postgresql://bot@db/chat?secret=1", "postgresql://USER:PASSWORD@HOST"),
        ("postgresql://bot:secret@[db/chat", "postgresql://USER:PASSWORD@HOST"),
        ("dynamodb://key:secret@chatbot", "credentials come from AWS"),
        ("dynamodb://", "no valid table name"),
        ("dynamodb://se", "no valid table name"),
        ("dynamodb://secret/chatbot", "no valid table name"),
        ("dynamodb://chatbot?secret", "only takes region and endpoint"),
        ("dynamodb://chatbot?secret=1", "only takes region and endpoint"),
        ("dynamodb://chatbot?region=secret:1", "no valid region"),
        ("dynamodb://chatbot?endpoint=secret", "begins with http"),
        ("dynamodb://chatbot?endpoint=http://[secret", "begins with http"),
        ("dynamodb://chatbot?endpoint=http://h:secret", "begins with http"),
        ("dynamodb://chatbot?endpoint=https://", "begins with http"),
        ("redis+cluster://:secret@a,b/1", "no databases but 0"),
        ("redis+sentinel://:secret@a,b", "the name of the service"),
        ("redis://:secret@a,b", r"redis\+sentinel:// or redis\+cluster://"),
        ("mysql://bot:secret@db/chat", "write redis://"),
        ("secret", "write redis://"),
        ("", "write redis://"),
        ("redis:secret", "write redis://"),
        ("memory", "write redis://"),
        ("memory://secret", "write redis://"),
        ("sqlite://secret.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("sqlite:///secret/", "three slashes"),
        ("sqlite:///:memory:", "memory://"),
    ],
)
async def test_a_url_that_means_no_store(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        await opened(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["a..b", "a" * 64, "h:0", "h:99999", "h1,.h2", "h:port"])
def test_a_postgresql_that_can_not_exist(where: str) -> None:
    with pytest.raises(SettingsError, match="the PostgreSQL address can't be read"):
        address.parse(f"postgresql://ann:hunter2@{where}/db")


@pytest.mark.parametrize("where", ["h.", "[::1]:1", "h1:1,h2:2", "/db?host=/var/run/postgresql"])
def test_a_postgresql_that_can_exist(where: str) -> None:
    assert address.parse(f"postgresql://ann:hunter2@{where}")["user"] == "ann"


def test_a_postgresql_may_have_several_hosts_in_brackets() -> None:
    told = address.parse("postgresql://ann:hunter2@[::1]:1,[::2]:2/db")
    assert address.shown(told) == "::1:1,::2:2"
    assert told["target_session_attrs"] == "read-write"
