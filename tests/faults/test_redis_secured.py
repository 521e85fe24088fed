"""Sentinels and a cluster behind TLS, with a user of the bot's own that may do little else."""

from __future__ import annotations

import contextlib
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.domain.session import Answer
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.values import Outcome
from tests.builders import draft, message, terms
from tests.faults.front import fronts
from tests.redis_group import SERVICE, redis_cluster, redis_sentinels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.faults.front import Fronts
    from tests.servers import RedisServer

SECRET = "hunter2"
WATCHWORD = "swordfish"
RIGHTS = (
    "~chatbot:* resetchannels &chatbot:* -@all +@read +@write +@connection +@pubsub -@dangerous "
    "+eval +evalsha +time +info +config|get +client|setinfo +command +cluster|slots "
    "+bgrewriteaof +multi +discard"
)
"""All that the bot needs of a Redis, alone, behind Sentinels or as a cluster."""
USERS = ("--user", "bot", "on", f">{SECRET}", *RIGHTS.split())
ASKING = f"user asking on >{WATCHWORD} -@all +@connection +sentinel|masters"
"""All that the bot needs of a Sentinel."""


@dataclass
class Secured:
    """Servers that are reached by TLS, and how."""

    url: str
    """With `{}` where the options go."""
    victim: RedisServer
    """One that is written to."""
    fronts: Fronts
    ports: list[int]
    """The servers' own ports."""


@contextmanager
def cluster(folder: Path, before: Fronts) -> Iterator[Secured]:
    with redis_cluster(folder, replicas=True, settings=USERS, front=before.before) as nodes:
        hosts = ",".join(f"127.0.0.1:{front.port}" for front in before.all[:3])
        url = f"rediss+cluster://bot:{SECRET}@{hosts}?{{}}"
        yield Secured(url, nodes.primaries[1], before, [node.port for node in nodes.nodes])


@contextmanager
def sentinels(folder: Path, before: Fronts) -> Iterator[Secured]:
    running = redis_sentinels(folder, settings=USERS, watching=ASKING, front=before.before)
    with running as watched:
        ports = [before.before(each.port) for each in watched.sentinels]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        asking = f"sentinel_username=asking&sentinel_password={WATCHWORD}"
        url = f"rediss+sentinel://bot:{SECRET}@{hosts}/{SERVICE}?{asking}&{{}}"
        yield Secured(url, watched.servers[0], before, [each.port for each in watched.servers])


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(tmp_path: Path, authority: trustme.CA) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return f"ssl_ca_certs={tmp_path / 'ca.pem'}"


@pytest.fixture(params=[cluster, sentinels])
def secured(
    request: pytest.FixtureRequest, tmp_path: Path, authority: trustme.CA
) -> Iterator[Secured]:
    servers: Callable[[Path, Fronts], AbstractContextManager[Secured]] = request.param
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(fronts(context(authority, "127.0.0.1")))
        yield stack.enter_context(servers(tmp_path, before))


def context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(found)
    return found


async def converse(store: RedisStore, numbers: range) -> None:
    for number in numbers:
        accepted = await store.accept(message(number), terms(), unique())
        assert accepted.work is not None
        work = accepted.work
        assert isinstance(
            await store.commit(work.lease, work.revision, draft(work.next - 1)), Answer
        )
        assert await store.settle(work.lease, Outcome.DONE) == "free"


async def test_a_failover_by_tls_as_a_user_of_its_own(secured: Secured, trust: str) -> None:
    store = RedisStore.from_url(secured.url.format(trust))
    told = await store.check()
    assert not any("does not let us" in sentence for sentence in told)
    await store.wait(["slack"], 0.05)
    await converse(store, range(5))
    for number in range(30):  # on every node
        await store.advance(f"place {number}", number)
    secured.victim.kill()
    await converse(store, range(5, 10))
    assert [await store.cursor(f"place {number}") for number in range(30)] == [*range(30)]
    await store.close()
    reached = [front for front in secured.fronts.all if front.secure]
    assert {secured.victim.port} < {front.target for front in reached} & set(secured.ports)
    for front in secured.fronts.all:
        assert SECRET.encode() not in front.plain
        assert WATCHWORD.encode() not in front.plain


async def test_what_is_refused_is_one_sentence(
    secured: Secured, trust: str, authority: trustme.CA
) -> None:
    own, wrong = SECRET, "letmein"
    refusals = [
        (secured.url.replace(own, wrong).format(trust), "refuses the user name or password"),
        (secured.url.format("max_connections=5"), "certificate"),
    ]
    if WATCHWORD in secured.url:
        asked = secured.url.replace(WATCHWORD, wrong).format(trust)
        refusals.append((asked, "refuses the user name or password"))
    with fronts(context(authority, "elsewhere.example")) as others:
        url = secured.url
        for front in tuple(secured.fronts.all):
            url = url.replace(f":{front.port}", f":{others.before(front.target)}")
        refusals.append((url.format(trust), "the host as in the certificate"))
        for url, part in refusals:
            said = await refused(url)
            assert part in said
            assert not any(secret in said for secret in (own, wrong, WATCHWORD))
            assert "\n" not in said


async def refused(url: str) -> str:
    store = RedisStore.from_url(url, patience=15)
    with pytest.raises((StoreRefusedError, StoreUnavailableError)) as caught:
        await store.accept(message(0), terms())
    await store.close()
    return str(caught.value)
