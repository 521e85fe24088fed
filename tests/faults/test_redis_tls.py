"""Redis behind TLS and a password: a real handshake, with certificates made for the test."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.domain.session import Answer
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.values import Outcome
from tests.builders import draft, message, terms
from tests.faults.proxy import Proxy
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "hunter2"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def port(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[int]:
    """Return where a Redis with a password is, which only speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with redis_server(directory=tmp_path, extra=["--requirepass", SECRET]) as server:
        async with Proxy(server.port, tls=context) as proxy:
            yield proxy.port


async def test_a_turn_over_tls(port: int, tmp_path: Path, authority: trustme.CA) -> None:
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    store = RedisStore.from_url(f"rediss://:{SECRET}@localhost:{port}/0?ssl_ca_certs={trusted}")
    accepted = await store.accept(message(0), terms(), unique())
    assert accepted.work is not None
    lease = accepted.work.lease
    assert isinstance(await store.commit(lease, accepted.work.revision, draft(0)), Answer)
    assert await store.settle(lease, Outcome.DONE) == "free"
    assert len(await store.history(lease.thread)) == 2
    await store.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(port: int) -> None:
    store = RedisStore.from_url(f"rediss://:{SECRET}@localhost:{port}/0", patience=3)
    with pytest.raises(StoreRefusedError, match="certificate") as caught:
        await store.accept(message(0), terms())
    assert SECRET not in str(caught.value)
    await store.close()


async def test_plain_redis_to_a_tls_port_is_one_sentence(port: int) -> None:
    store = RedisStore.from_url(f"redis://:{SECRET}@localhost:{port}/0", patience=3)
    with pytest.raises(StoreUnavailableError) as caught:
        await store.accept(message(0), terms())
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    await store.close()
