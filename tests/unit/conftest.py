"""A fake Discord with a person and a channel: for the tests of that fake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.discord import FakeDiscord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.discord import Channel, User


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as found:
        yield found


@pytest.fixture
def ann(server: FakeDiscord) -> User:
    return server.person("ann")


@pytest.fixture
def general(server: FakeDiscord) -> Channel:
    return server.channel("general")
