"""A fake as a process of its own, which prints its port first."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class Served(Protocol):
    """A fake that is being served."""

    @property
    def port(self) -> int:
        """Return the port it got."""


def options(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option that all fakes have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    return parser


def run(fake: AbstractAsyncContextManager[Served]) -> None:
    """Serve until interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(fake))


async def _serve(fake: AbstractAsyncContextManager[Served]) -> None:
    async with fake as served:
        sys.stdout.write(f"{served.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
